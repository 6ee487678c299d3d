"""What follows `/release flags`, from what was typed to a frozen command. Pure."""

import re
from dataclasses import dataclass

from handlers.likeness import nearest
from pipeline.errors import Refused

ENVIRONMENTS = ("production", "staging")
"""The first is meant where none is named."""


@dataclass(frozen=True)
class ShowFlags:
    pass


@dataclass(frozen=True)
class SwitchFlag:
    key: str
    on: bool
    environment: str
    reason: str


_SWITCH = re.compile(r"(?P<key>\S.*?)\s+(?P<state>on|off)(?:\s+(?P<rest>.*))?", re.IGNORECASE | re.DOTALL)


def parse_flags(typed: str) -> ShowFlags | SwitchFlag:
    """Nothing, or NAME on|off [environment] [reason]. Raises Refused: flags_usage, unknown_environment."""
    if not typed.strip():
        return ShowFlags()
    found = _SWITCH.fullmatch(typed.strip())
    if found is None:
        raise Refused("flags_usage", key=typed.split()[0][:80])
    on, rest = found["state"].lower() == "on", (found["rest"] or "").strip()
    first, _, reason = rest.partition(" ")
    if first.lower() in ENVIRONMENTS:
        return SwitchFlag(found["key"], on, first.lower(), reason.strip())
    if near := nearest(first, ENVIRONMENTS):
        known = ", ".join(ENVIRONMENTS)
        raise Refused("unknown_environment", environment=first[:40], known=known, near=near)
    return SwitchFlag(found["key"], on, ENVIRONMENTS[0], rest)
