"""The log files of an environment's services.

The services write plain files, because they outlive the bot. When a line was written is known from marks:
pairs of a time and the file's size at that time, noted whenever the bot looks (its clock does so all the
time). Reading since a time begins at the last mark before it, so it may give some lines too many, never
one too few.
"""

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pipeline.files import read_from, write_atomic
from pipeline.ports import Clock

FILE_LIMIT = 64_000_000
"""Bytes after which a service's log is cut; its newest part is put aside as `.1`."""

READ_LIMIT = 2_000_000  # bytes given per service
KEPT_RELEASES = 20
_LINES = 20_000  # given per service
_KEPT_ASIDE = 8_000_000
_MARKS = 2_000

Mark = tuple[datetime, int]


class Logs:
    """Logs below `folder`: one folder per release, one file per component. Its methods block."""

    def __init__(self, folder: Path, clock: Clock, redact: Callable[[str], str]) -> None:
        self._folder = folder
        self._clock = clock
        self._redact = redact

    def path(self, release_id: str, component: str) -> Path:
        """The file that a service of a release writes."""
        return self._folder / release_id / f"{component}.log"

    def tail(self, release_id: str, component: str) -> str:
        """The last lines of a service, redacted, for a person to read."""
        text, _ = read_from(self.path(release_id, component), 0, 64 * 1024)
        lines = self._redact(text).splitlines()[-12:]
        return "\n".join(line[:300] for line in lines) or "(it wrote nothing)"

    def mark(self) -> None:
        """Note how long every log is now; cut those that are too long."""
        now = self._clock()
        for log in self._folder.glob("*/*.log"):
            size = log.stat().st_size
            marks = _load(log)
            if size > FILE_LIMIT:
                _cut(log)
                _append(log, [], (now, 0))
            elif not marks or marks[-1][1] != size:
                _append(log, marks, (now, size))

    def read(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """`component: line` of every service since a time, oldest first within each; cuts are said."""
        self.mark()
        found: list[str] = []
        for log in sorted((self._folder / release_id).glob("*.log")):
            text, cut = read_from(log, _offset(_load(log), since), READ_LIMIT)
            lines = self._redact(text).splitlines()
            if cut or len(lines) > _LINES:
                found.append(f"{log.stem}: [older lines are left out; the whole log is in {log}]")
            found += (f"{log.stem}: {line}" for line in lines[-_LINES:])
        return tuple(found)

    def forget_old(self) -> None:
        """Remove the logs of all but the newest releases."""
        if not self._folder.is_dir():
            return
        folders = sorted(self._folder.iterdir(), key=lambda folder: folder.stat().st_mtime)
        for folder in folders[:-KEPT_RELEASES]:
            shutil.rmtree(folder, ignore_errors=True)


class LogFiles:
    """The same for a target: each call in a thread."""

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    async def mark(self) -> None:
        """See Logs.mark."""
        await asyncio.to_thread(self._logs.mark)

    async def read(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """See Logs.read."""
        return await asyncio.to_thread(self._logs.read, release_id, since)

    async def forget_old(self) -> None:
        """See Logs.forget_old."""
        await asyncio.to_thread(self._logs.forget_old)


def _offset(marks: list[Mark], since: datetime) -> int:
    return max((size for at, size in marks if at <= since), default=0)


def _file(log: Path) -> Path:
    return log.with_suffix(".marks")


def _load(log: Path) -> list[Mark]:
    try:
        lines = _file(log).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return []
    return [mark for line in lines if (mark := _mark(line))]


def _mark(line: str) -> Mark | None:
    at, _, size = line.partition(" ")
    try:
        return datetime.fromisoformat(at), int(size)
    except ValueError:  # the line was being written when the machine went down
        return None


def _append(log: Path, marks: list[Mark], mark: Mark) -> None:
    line = f"{mark[0].isoformat()} {mark[1]}\n"
    if marks and len(marks) < _MARKS:
        with _file(log).open("a", encoding="utf-8") as file:
            file.write(line)
        return
    kept = "".join(f"{at.isoformat()} {size}\n" for at, size in marks[-_MARKS // 2 :])
    write_atomic(_file(log), kept + line)


def _cut(log: Path) -> None:
    """Services append, so a file that is emptied under them goes on at its beginning."""
    with log.open("rb") as source, log.with_suffix(".log.1").open("wb") as aside:
        source.seek(-_KEPT_ASIDE, 2)
        shutil.copyfileobj(source, aside)
    with log.open("r+b") as file:
        file.truncate(0)
