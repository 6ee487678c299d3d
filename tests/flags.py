"""A product with feature flags: its playbook's section, its file, and the files of its environments."""

import json
from typing import Any

from pipeline.adapters.flags.file import FileFlags
from tests.house import House
from tests.world import PLAYBOOK, World

SECTION = """
[flags]
file = "flags.json"
safe = { human-in-the-loop = true, auto-approval = false }
kill_switches = ["auto-approval"]
"""
ITEM = '{ key = "flags", title = "Flags are safe", proof = "flags" },'
WITH_FLAGS = PLAYBOOK.replace("before = [", f"before = [{ITEM}") + SECTION


def flag(default: str = "off", **more: Any) -> dict[str, Any]:
    """A flag of two variants, on and off."""
    return {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": default, **more}


def document(**flags: Any) -> str:
    """The product's flags file, with further flags (an underscore in a name is a dash)."""
    named = {name.replace("_", "-"): value for name, value in flags.items()}
    return json.dumps({"flags": {"human-in-the-loop": flag("on"), "auto-approval": flag(), **named}})


def world(**flags: Any) -> World:
    """A world whose product has flags."""
    return World(playbook=WITH_FLAGS, files={"flags.json": document(**flags)})


def store(house: House, where: str = "production") -> FileFlags:
    """An environment's flags."""
    found = house.made.flags[where]
    assert isinstance(found, FileFlags)
    return found


async def states(house: House, where: str = "production") -> dict[str, bool | None]:
    """What everybody gets in an environment, by flag."""
    return {flag.key: flag.on for flag in await store(house, where).flags()}
