"""Refuses the blocks and views that Slack refuses, naming the place (a JSON pointer) and the limit.

Two judges: the documented limits (limits.py), walked down to every option, and slack_sdk's own models
for the types it knows; a model's validate_json() does not look at its children, so each child is asked.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, BlockElement

from bot.sandbox import limits
from bot.sandbox.errors import SlackError
from bot.sandbox.limits import Spec

Json = Mapping[str, Any]
# The models of these types know less than the reference does, or nothing at all.
_NOT_IN_MODELS = frozenset({"data_table", "mrkdwn", "plain_text", "rich_text_input"})


def check_blocks(blocks: object, surface: str) -> None:
    """Raise SlackError invalid_blocks unless the blocks may stand on this surface."""
    problems = list(_blocks(blocks, surface))
    if problems:
        raise SlackError("invalid_blocks", problems)


def check_view(view: object) -> dict[str, Any]:
    """The view itself. Raises SlackError unless it is a modal or a Home tab that Slack would show."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", ["[ERROR] must be a view object [json-pointer:/view]"])
    problems = list(_view(view))
    if problems:
        raise SlackError("invalid_arguments", problems)
    if len(json.dumps(view).encode()) > limits.VIEW_BYTES:
        raise SlackError("view_too_large")
    return view


def _say(what: str, pointer: str) -> str:
    return f"[ERROR] {what} [json-pointer:{pointer}]"


def _view(view: Json) -> Iterator[str]:
    surface = view.get("type")
    if surface not in (limits.MODAL, limits.HOME):
        yield _say("type must be modal or home", "/view/type")
        return
    strings = {
        "callback_id": limits.ID,
        "external_id": limits.ID,
        "private_metadata": limits.METADATA_CHARACTERS,
    }
    titles = dict.fromkeys(("title", "submit", "close"), limits.TITLE) if surface == limits.MODAL else {}
    required = ("title", "blocks") if surface == limits.MODAL else ("blocks",)
    yield from _spec(
        view, Spec(texts=titles, plain=frozenset(titles), strings=strings, required=required), "/view"
    )
    yield from _blocks(view.get("blocks", []), surface, "/view/blocks")
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(_type(block) == "input" for block in blocks)
    if surface == limits.MODAL and has_input and not view.get("submit"):
        yield _say("submit is required when a modal has an input block", "/view/submit")


def _blocks(blocks: object, surface: str, at: str = "/blocks") -> Iterator[str]:
    if not isinstance(blocks, list):
        yield _say("must be an array of blocks", at)
        return
    most = limits.MESSAGE_BLOCKS if surface == limits.MESSAGE else limits.VIEW_BLOCKS
    if len(blocks) > most:
        yield _say(f"no more than {most} items allowed", at)
    if [_type(block) for block in blocks].count("table") > 1:
        yield _say("only one table block allowed in a message", at)
    yield from _unique((b.get("block_id") for b in blocks if isinstance(b, Mapping)), "block_id", at)
    for index, block in enumerate(blocks[:most]):
        yield from _block(block, surface, f"{at}/{index}")


def _block(block: object, surface: str, at: str) -> Iterator[str]:
    kind = _type(block)
    spec = limits.BLOCKS.get(kind)
    if not isinstance(block, Mapping) or spec is None:
        yield _say(f"unsupported type: {kind or 'none'}", f"{at}/type")
        return
    if surface not in spec.surfaces:
        yield _say(f"{kind} is not allowed in a {surface}", f"{at}/type")
    problems = [
        *_spec(block, spec, at),
        *_length(block, {"block_id": limits.ID}, at),
        *_details(block, kind, at),
    ]
    for name, allowed in spec.elements.items():
        problems += _elements(block.get(name), allowed, f"{at}/{name}")
    yield from problems or _model(block, Block, at)


def _elements(found: object, allowed: frozenset[str], at: str) -> Iterator[str]:
    if found is None:
        return
    if isinstance(found, list):
        ids = (e.get("action_id") for e in found if isinstance(e, Mapping))
        yield from _unique(ids, "action_id", at)
        for index, element in enumerate(found):
            yield from _element(element, allowed, f"{at}/{index}")
    else:
        yield from _element(found, allowed, at)


def _element(element: object, allowed: frozenset[str], at: str) -> Iterator[str]:
    kind = _type(element)
    if not isinstance(element, Mapping) or kind not in allowed:
        yield _say(f"unsupported type: {kind or 'none'}", f"{at}/type")
        return
    problems = [
        *_spec(element, limits.ELEMENTS.get(kind, Spec()), at),
        *_spec(element, limits.INTERACTIVE, at),
    ]
    if "confirm" in element:
        problems += _object(element["confirm"], limits.CONFIRM, f"{at}/confirm")
    problems += _options(element.get("options"), f"{at}/options")
    for index, group in enumerate(_list(element.get("option_groups"))):
        problems += _object(group, limits.GROUP, f"{at}/option_groups/{index}")
        if isinstance(group, Mapping):
            problems += _options(group.get("options"), f"{at}/option_groups/{index}/options")
    if kind == "button":
        problems += _one_of(element.get("style", "primary"), ("primary", "danger"), f"{at}/style")
    yield from problems or _model(element, BlockElement, at)


def _options(options: object, at: str) -> list[str]:
    return [
        problem
        for index, option in enumerate(_list(options))
        for problem in _object(option, limits.OPTION, f"{at}/{index}")
    ]


def _object(found: object, spec: Spec, at: str) -> Iterator[str]:
    if isinstance(found, Mapping):
        yield from _spec(found, spec, at)
    else:
        yield _say("must be an object", at)


def _spec(found: Json, spec: Spec, at: str) -> Iterator[str]:
    for name in spec.required:
        if found.get(name) in (None, ""):
            yield _say(f"missing required field: {name}", at)
    if spec.either and not any(found.get(name) for name in spec.either):
        yield _say(f"missing required field: {' or '.join(spec.either)}", at)
    for name, (least, most) in spec.counts.items():
        yield from _count(found.get(name), least, most, f"{at}/{name}")
    for name, most in spec.texts.items():
        yield from _texts(found.get(name), most, name in spec.plain, f"{at}/{name}")
    yield from _length(found, spec.strings, at)


def _count(found: object, least: int, most: int, at: str) -> Iterator[str]:
    if found is None:
        return
    if not isinstance(found, list):
        yield _say("must be an array", at)
    elif len(found) > most:
        yield _say(f"no more than {most} items allowed", at)
    elif len(found) < least:
        yield _say(f"no fewer than {least} items allowed", at)


def _length(found: Json, most: Mapping[str, int], at: str) -> Iterator[str]:
    for name, limit in most.items():
        value = found.get(name)
        if value is not None and not isinstance(value, str):
            yield _say("must be a string", f"{at}/{name}")
        elif value is not None and len(value) > limit:
            yield _say(f"must be less than {limit + 1} characters", f"{at}/{name}")


def _texts(found: object, most: int, plain: bool, at: str) -> Iterator[str]:
    if found is None:
        return
    if isinstance(found, list):
        for index, one in enumerate(found):
            yield from _texts(one, most, plain, f"{at}/{index}")
        return
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if not isinstance(found, Mapping) or found.get("type") not in kinds:
        yield _say(f"must be a text object of type {' or '.join(kinds)}", at)
    elif not isinstance(found.get("text"), str) or not found["text"]:
        yield _say("must be more than 0 characters", f"{at}/text")
    elif len(found["text"]) > most:
        yield _say(f"must be less than {most + 1} characters", f"{at}/text")


def _details(block: Json, kind: str, at: str) -> Iterator[str]:
    if kind == "plan":
        yield from _tasks(_list(block.get("tasks")), at)
    elif kind == "task_card":
        yield from _one_of(block.get("status"), limits.TASK_STATES, f"{at}/status")
    elif kind == "alert":
        yield from _one_of(block.get("level", "default"), limits.ALERT_LEVELS, f"{at}/level")
    elif kind in ("table", "data_table"):
        yield from _rows(_list(block.get("rows")), kind, at)


def _one_of(found: object, allowed: Collection[str], at: str) -> Iterator[str]:
    if not isinstance(found, str) or found not in allowed:
        yield _say(f"must be one of {', '.join(sorted(allowed))}", at)


def _tasks(tasks: Sequence[object], at: str) -> Iterator[str]:
    yield from _unique((t.get("task_id") for t in tasks if isinstance(t, Mapping)), "task_id", f"{at}/tasks")
    for index, task in enumerate(tasks):
        where = f"{at}/tasks/{index}"
        yield from _object(task, limits.BLOCKS["task_card"], where)
        if isinstance(task, Mapping):
            yield from _details(task, "task_card", where)


def _rows(rows: Sequence[object], kind: str, at: str) -> Iterator[str]:
    cells = {"raw_text", "raw_number", "rich_text"}
    widths = set()
    for index, row in enumerate(rows):
        yield from _count(row, 1, limits.TABLE_COLUMNS, f"{at}/rows/{index}")
        widths.add(len(_list(row)))
        if any(_type(cell) not in cells for cell in _list(row)):
            yield _say(f"cells must be one of {', '.join(sorted(cells))}", f"{at}/rows/{index}")
    if kind == "data_table" and len(widths) > 1:
        yield _say("every row must have as many cells as the first", f"{at}/rows")


def _unique(names: Iterable[object], what: str, at: str) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if isinstance(name, str) and name:
            if name in seen:
                yield _say(f"{what} {name!r} is used twice", at)
            seen.add(name)


def _model(found: Json, model: type[Block] | type[BlockElement], at: str) -> Iterator[str]:
    if _type(found) in _NOT_IN_MODELS:
        return
    try:
        parsed = model.parse(dict(found))
        if parsed is not None:
            parsed.validate_json()
    except SlackObjectFormationError as error:
        yield _say(str(error), at)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        yield _say(f"invalid structure: {error}", at)


def _type(found: object) -> str:
    kind = found.get("type") if isinstance(found, Mapping) else None
    return kind if isinstance(kind, str) else ""


def _list(found: object) -> list[Any]:
    return found if isinstance(found, list) else []
