"""Whether the product's feature flags are safe: as its repository has them (flagd's JSON format), and as they stand in
an environment. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping

from pipeline import flagd
from pipeline.errors import ConfigError, FlagError
from pipeline.plain import plain
from pipeline.ports.flags import Flag


def read_flags(text: str) -> Mapping[str, bool | object]:
    """The value of each flag's default variant. Raises ConfigError when that cannot be told for all."""
    return {name: _default(name, flag) for name, flag in _flags(text).items()}


Problem = dict[str, str]
"""A code, and what it is about."""


def problems(text: str, safe: Mapping[str, bool]) -> tuple[str, ...]:
    """As `unsafe`; else what would keep applications from reading the file, also in a flag that has no safe state."""
    return unsafe(text, safe) or _damage(text)


def _damage(text: str) -> tuple[str, ...]:
    try:
        flagd.read(text, "The flags file")
    except FlagError as error:
        return (str(error),)
    return ()


def unsafe(text: str, safe: Mapping[str, bool]) -> tuple[str, ...]:
    """A sentence for each flag of `safe` that is missing, disabled, targeted, or not at its safe default.

    Targeting counts: with rules, some requests would not get the safe value.
    """
    try:
        flags = _flags(text)
    except ConfigError as error:
        return (str(error),)
    return tuple(line for name, value in safe.items() for line in _problems(name, flags.get(name), value))


def unsafe_now(
    where: str, found: Iterable[Flag], safe: Mapping[str, bool], adds_missing: bool
) -> tuple[Problem, ...]:
    """Each flag of `safe` that does not give everybody its safe value in an environment, as a code with its facts.

    A flag that is missing counts, unless the deployment adds it (`adds_missing`).
    """
    standing = {flag.key: flag for flag in found}
    named = {"environment": where}
    problems = []
    for key, value in safe.items():
        if code := _standing(value, standing.get(key), adds_missing):
            problems.append({"code": code, **named, "flag": plain(key, 80), "safe": "on" if value else "off"})
    return tuple(problems)


def _standing(safe: bool, flag: Flag | None, adds_missing: bool) -> str:
    if flag is None:
        return "" if adds_missing else "flag_missing"
    if flag.on is None:
        return f"flag_{flag.doubt}"
    return "" if flag.on is safe else "flag_on" if flag.on else "flag_off"


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
        content = json.loads(text, object_pairs_hook=flagd.unique)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"The flags file cannot be read: {plain(str(error))}. Next: correct its JSON."
        ) from error
    flags = content.get("flags") if isinstance(content, Mapping) else None
    if not isinstance(flags, Mapping):
        raise ConfigError('The flags file has no "flags" object. Next: write it in flagd\'s JSON format.')
    return flags


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
