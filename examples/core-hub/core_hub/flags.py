"""Feature flags from a file in flagd's JSON format, read again when it changes."""

import json
import logging
from pathlib import Path

SAFE = {"human-in-the-loop": True, "auto-approval": False, "new-flow": False}
"""What holds when the file is missing, damaged or does not name the flag."""

log = logging.getLogger("core_hub.flags")


class Flags:
    """The flags of one file. A damaged file never switches anything on: the safe states hold."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = (0, 0)
        self._states: dict[str, bool] = {}

    def on(self, name: str) -> bool:
        """Whether the flag is on now. KeyError for a flag that has no safe state."""
        mark = self._mark()
        if mark != self._seen:
            self._seen, self._states = mark, self._load()
        return self._states.get(name, SAFE[name])

    def _mark(self) -> tuple[int, int] | None:
        try:
            stat = self._file.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _load(self) -> dict[str, bool]:
        try:
            return parse(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            log.error(
                "%s could not be read: %s. The flags' safe states hold; mend the file.", self._file, error
            )
            return {}


def parse(text: str) -> dict[str, bool]:
    """The boolean flags of a flagd document. Raises ValueError when it is not one."""
    document = json.loads(text)
    flags = document.get("flags") if isinstance(document, dict) else None
    if not isinstance(flags, dict):
        raise ValueError("it has no object `flags`")
    return {name: _state(name, flag) for name, flag in flags.items()}


def _state(name: str, flag: object) -> bool:
    if not isinstance(flag, dict) or not isinstance(flag.get("variants"), dict):
        raise ValueError(f"flag {name!r} has no variants")
    value = flag["variants"].get(flag.get("defaultVariant"))
    if not isinstance(value, bool):
        raise ValueError(f"flag {name!r} has a default variant that is not true or false")
    if flag.get("state") == "DISABLED":  # flagd: a disabled flag leaves the decision to the application
        return SAFE.get(name, False)
    return value
