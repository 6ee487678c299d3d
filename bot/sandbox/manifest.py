"""Reads an app manifest's slash commands and shortcuts, so that the page offers what Slack would."""

from pathlib import Path
from typing import Any

import yaml

from bot.sandbox.errors import SandboxError
from bot.sandbox.people import Command, Shortcut

Json = dict[str, Any]


def read_manifest(path: Path) -> tuple[list[Command], list[Shortcut]]:
    """The commands and shortcuts of a YAML or JSON manifest. Raises SandboxError when it is unreadable."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        features = found["features"]
        commands = [_command(one) for one in features.get("slash_commands") or []]
        return commands, [_shortcut(one) for one in features.get("shortcuts") or []]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise SandboxError(
            f"{path} is not a readable app manifest: {error!r}. Give --manifest a file with `features`."
        ) from error


def _command(found: Json) -> Command:
    return Command(
        found["command"],
        found.get("description", ""),
        found.get("usage_hint", ""),
        bool(found.get("should_escape", False)),
    )


def _shortcut(found: Json) -> Shortcut:
    return Shortcut(found["name"], found["callback_id"], found["type"], found.get("description", ""))
