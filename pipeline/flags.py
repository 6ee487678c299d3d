"""The product's feature flags as its repository has them (flagd's JSON format). Pure."""

import json
from collections.abc import Iterator, Mapping

from pipeline.errors import ConfigError
from pipeline.plain import plain


def read_flags(text: str) -> Mapping[str, bool | object]:
    """The value of each flag's default variant. Raises ConfigError when that cannot be told for all."""
    return {name: _default(name, flag) for name, flag in _flags(text).items()}


def unsafe(text: str, safe: Mapping[str, bool]) -> tuple[str, ...]:
    """A sentence for each flag of `safe` that is missing, disabled, targeted, or not at its safe default.

    Targeting counts: with rules, some requests would not get the safe value.
    """
    try:
        flags = _flags(text)
    except ConfigError as error:
        return (str(error),)
    return tuple(line for name, value in safe.items() for line in _problems(name, flags.get(name), value))


def _problems(name: str, flag: object, safe: bool) -> Iterator[str]:
    shown, right = plain(name, 80), json.dumps(safe)
    if flag is None:
        yield f"The flag {shown} is missing; its safe default is {right}."
        return
    try:
        value = _default(name, flag)
    except ConfigError as error:
        yield str(error)
        return
    if isinstance(flag, Mapping) and flag.get("state") != "ENABLED":
        yield f"The flag {shown} is disabled, so the code's own default applies; enable it with {right}."
    if value is not safe:
        yield f"The flag {shown} is {plain(json.dumps(value), 60)} by default; safe is {right}."
    if isinstance(flag, Mapping) and flag.get("targeting"):
        yield f"The flag {shown} has targeting rules, so not everyone gets the safe {right}; remove them first."


def _flags(text: str) -> Mapping[str, object]:
    if not text.strip():
        raise ConfigError("The flags file is missing or empty. Next: correct `flags.file` in playbook.toml.")
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The flags file cannot be read: {plain(str(error))}. Next: correct its JSON."
        ) from error
    flags = content.get("flags") if isinstance(content, Mapping) else None
    if not isinstance(flags, Mapping):
        raise ConfigError('The flags file has no "flags" object. Next: write it in flagd\'s JSON format.')
    return flags


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """JSON lets the last of two equal names win, unseen; readers in other languages may differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for n, (name, _) in enumerate(pairs) if name in dict(pairs[:n]))
        raise ValueError(f"the name {plain(twice, 80)} is there twice")
    return found


def _default(name: str, flag: object) -> object:
    if isinstance(flag, Mapping):
        variants, chosen = flag.get("variants"), flag.get("defaultVariant")
        if isinstance(variants, Mapping) and isinstance(chosen, str) and chosen in variants:
            value: object = variants[chosen]
            return value
    raise ConfigError(
        f"The flag {plain(name, 80)} has no default: its defaultVariant names none of its variants."
        " Next: correct it in the flags file."
    )
