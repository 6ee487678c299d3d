"""flagd's JSON format: a document of flags, checked by the rules of its published schema, read and changed. Pure.

The rules are those of https://flagd.dev/schema/v0/flags.json as far as the evaluators for Python know them: a key that
they do not know would make them drop the whole document. Documents stay plain dictionaries: what is changed is one
flag, and everything else comes out as it went in.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, ValidationError
from pydantic import model_validator as check

from pipeline.errors import FlagError
from pipeline.plain import plain
from pipeline.ports.flags import Flag

LONGEST = 1_000_000
"""Characters of a document that are read at all."""
LARGEST = 2**53 - 1
"""Numbers above it are not the same in every language."""
_JSON_LOGIC = (
    "var missing missing_some if == === != !== ! !! or and > >= < <= max min + - * / % map filter reduce all none"
    " some merge in cat substr log ?: $ref fractional starts_with ends_with sem_ver"
)
OPERATIONS = frozenset(_JSON_LOGIC.split())
"""JsonLogic's operations and flagd's own (flagd.dev/reference/custom-operations)."""

Document = dict[str, Any]


def _number(value: object) -> object:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not whole or abs(value) > LARGEST:  # type: ignore[arg-type]  # whole says that it is a number
        raise ValueError("should be a number that every language can hold")
    return value


def _rule(value: object) -> object:
    if unknown := next((name for name in _operations(value) if name not in OPERATIONS), None):
        raise ValueError(f"has the operation {plain(unknown, 60)!r}, which flagd does not know")
    return value


def _operations(rule: object) -> Iterator[str]:
    """The operations of a JsonLogic rule: an object with one key, wherever it stands."""
    if isinstance(rule, Mapping):
        if len(rule) == 1:
            yield next(iter(rule))
        for inner in rule.values():
            yield from _operations(inner)
    elif isinstance(rule, list):
        for inner in rule:
            yield from _operations(inner)


Number = Annotated[float, BeforeValidator(_number)]
Rule = Annotated[dict[str, Any], BeforeValidator(_rule)]
Metadata = dict[Annotated[str, Field(min_length=1)], StrictBool | StrictStr | Number]
Key = Annotated[str, Field(min_length=1, max_length=256)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Flag(_Model):
    state: Literal["ENABLED", "DISABLED"]
    variants: Annotated[
        dict[Key, StrictBool] | dict[Key, StrictStr] | dict[Key, Number] | dict[Key, dict[str, Any]],
        Field(min_length=1),
    ]
    defaultVariant: StrictStr | None = None  # noqa: N815 - the format's own name
    targeting: Rule = {}
    metadata: Metadata = {}
    source: str = ""
    selector: str = ""

    @check(mode="after")
    def _default_is_a_variant(self) -> "_Flag":
        if self.defaultVariant and self.defaultVariant not in self.variants:
            raise ValueError("its defaultVariant names none of its variants")
        return self


class _File(_Model):
    model_config = ConfigDict(extra="ignore")
    flags: dict[Key, _Flag]
    metadata: Metadata = {}
    evaluators: Annotated[dict[Key, Rule], Field(alias="$evaluators")] = {}


def read(text: str, name: str) -> Document:
    """A document that every application can read. Raises FlagError naming the file, the mistake and what to do."""
    try:
        if len(text) > LONGEST:
            raise ValueError(f"it has {len(text)} characters; {LONGEST} is the most")
        document = json.loads(text, object_pairs_hook=unique, parse_constant=_not_json)
        _File.model_validate(document)
    except ValidationError as error:
        raise _damaged(name, _said(dict(error.errors(include_url=False)[0]))) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(name, str(error)) from error
    found: Document = document
    return found


def _damaged(name: str, why: str) -> FlagError:
    return FlagError(
        f"{name} is not a file of flags: {plain(why)}. Applications that run keep what they read before; new ones take"
        " their own safe defaults. Next: mend the file, or restore it from the product's repository."
    )


def _said(error: dict[str, Any]) -> str:
    """The mistake with the place where it is; of the kinds of variants only the place."""
    place = [str(part) for part in error["loc"]]
    if "variants" in place:
        return f"{'.'.join(place[: place.index('variants') + 1])} should hold values of one kind"
    return f"{'.'.join(place) or 'it'}: {error['msg']}"


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ValueError for a name that is there twice: JSON lets the last one win, unseen, and readers in
    other languages may differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name {plain(twice, 80)} is there twice")
    return found


def _not_json(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def write(document: Document) -> str:
    """The text of a document."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def flags(document: Document) -> tuple[Flag, ...]:
    """What everybody gets of each flag."""
    return tuple(_flag(key, flag) for key, flag in document["flags"].items())


def _flag(key: str, flag: Mapping[str, Any]) -> Flag:
    variant = flag.get("defaultVariant") or ""
    value = flag["variants"].get(variant)
    description = str(flag.get("metadata", {}).get("description", ""))
    if flag["state"] == "DISABLED" or not variant:
        return Flag(key, None, variant, "disabled", description)
    if flag.get("targeting"):
        return Flag(key, None, variant, "rules", description)
    if not isinstance(value, bool):
        return Flag(key, None, variant, "value", description)
    return Flag(key, value, variant, "", description)


def switched(document: Document, key: str, on: bool) -> tuple[Document, dict[str, Any]]:
    """The document in which everybody gets `on`, and the rules that are out of force by it.

    Its state is ENABLED: a disabled flag leaves the answer to each application. Its rules are taken out: as long as
    there is one, somebody may get something else. Raises FlagError for a flag that is not there or no switch.
    """
    flag = document["flags"].get(key)
    if flag is None:
        raise FlagError(f"There is no flag {plain(key, 80)!r} here. Next: look at the list of flags.")
    variant = next((name for name, value in flag["variants"].items() if value is on), None)
    if variant is None:
        raise FlagError(
            f"The flag {plain(key, 80)!r} is no switch: none of its variants is {json.dumps(on)}. Nothing was changed."
            " Next: change it in its file by hand."
        )
    rules = flag.get("targeting") or {}
    without = {name: value for name, value in flag.items() if name != "targeting"}
    changed = {**without, "state": "ENABLED", "defaultVariant": variant}
    return {**document, "flags": {**document["flags"], key: changed}}, ({"targeting": rules} if rules else {})


def with_missing(document: Document, other: Document) -> tuple[Document, tuple[str, ...]]:
    """The document with those of the other's flags that it lacks, and their keys. Shared rules come along."""
    added = {key: flag for key, flag in other["flags"].items() if key not in document["flags"]}
    rules = {**other.get("$evaluators", {}), **document.get("$evaluators", {})}
    shared = {"$evaluators": rules} if rules else {}
    return {**document, **shared, "flags": {**document["flags"], **added}}, tuple(added)
