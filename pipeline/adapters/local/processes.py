"""Processes that outlive the bot: started detached, found again, adopted, never started twice.

A process is known by three things: the record file written right after its start, its creation time, and
a variable in its environment. The variable finds it when the bot died between start and record; the record
finds it when the program has overwritten its environment (some do, to set their title).
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from pipeline.errors import TargetError
from pipeline.files import write_atomic
from pipeline.groups import ProcessId, end_group, identify, insist, is_running, marked, members

_MARK = "RELEASEBOT_PROCESS"
# The shell replaces itself: the process number stays the same, and a missing program says so in the log.
IN_FOLDER = ("/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh")
_children: set[int] = set()  # started by this bot, so theirs is the only exit status that is ours to take
_RESET = (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Record(BaseModel):
    """What is written down about a process. `label` says what it is a copy of (release and digest)."""

    pid: int
    created: float
    label: str
    stopping: bool = False


@dataclass(frozen=True)
class Launch:
    """A program to start: `name` is its fixed place (such as `blue-api`), `label` what it is a copy of."""

    name: str
    label: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    log: Path


class Processes:
    """The detached processes of one environment. `owner` tells them from those of every other one.

    All methods but `stop` block for some milliseconds: call them in a thread.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._owner = owner

    def find(self, name: str) -> Record | None:
        """The running process of this name, whoever started it; None when there is none."""
        record = self._read(name)
        if record and self._lives(name, record):
            return record
        return self._adopt(name)

    def start(self, launch: Launch) -> Record:
        """Start detached, or adopt the copy that runs already. Raises TargetError when it cannot start.

        Another copy in this place must have been stopped before.
        """
        if running := self.find(launch.name):
            return running
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        pid = _spawn(launch, f"{self._prefix(launch.name)}{launch.label}")
        identity = identify(pid)
        if identity is None:
            raise TargetError(f"{launch.name} ended as soon as it was started. Next: see {launch.log}.")
        record = Record(pid=pid, created=identity.created, label=launch.label)
        self._write(launch.name, record)
        return record

    async def stop(self, name: str, grace: float) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds, to the process and all of its group.

        Its end is written down before it begins: a process that is being stopped is never adopted.
        """
        await insist(self._stop(name, grace))

    async def _stop(self, name: str, grace: float) -> None:
        record = await asyncio.to_thread(self.find, name)
        if record:
            await asyncio.to_thread(self._write, name, record.model_copy(update={"stopping": True}))
            await end_group(record.pid, grace)
        for group in await asyncio.to_thread(self._groups, name):
            await end_group(group, grace)
        await asyncio.to_thread(self._forget, name)

    def names(self) -> set[str]:
        """The name of every process that runs or has a record."""
        recorded = {path.stem for path in self._folder.glob("*.json")} if self._folder.is_dir() else set()
        prefix = f"{self._owner}|"
        return recorded | {value.split("|", 2)[1] for _, value in marked(_MARK, prefix)}

    def family(self, name: str) -> list[int]:
        """The process numbers of the process and what it started, as far as it stayed in its group."""
        record = self.find(name)
        return members(record.pid) if record else []

    def _lives(self, name: str, record: Record) -> bool:
        _collect(record.pid)
        return is_running(ProcessId(record.pid, record.created))

    def _adopt(self, name: str) -> Record | None:
        """A leader that carries this name's mark: its record was lost, or never written."""
        for pid, value in marked(_MARK, self._prefix(name)):
            identity = identify(pid)
            if identity and _leads(pid):
                record = Record(pid=pid, created=identity.created, label=value.split("|", 2)[2])
                self._write(name, record)
                return record
        return None

    def _groups(self, name: str) -> set[int]:
        """The groups of all that carries the mark: children that outlived their leader, second copies."""
        found = set()
        for pid, _ in marked(_MARK, self._prefix(name)):
            with suppress(OSError):
                found.add(os.getpgid(pid))
        return found - {os.getpgid(0)}

    def _prefix(self, name: str) -> str:
        return f"{self._owner}|{name}|"

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _read(self, name: str) -> Record | None:
        try:
            return Record.model_validate_json(self._path(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None

    def _write(self, name: str, record: Record) -> None:
        write_atomic(self._path(name), record.model_dump_json())

    def _forget(self, name: str) -> None:
        if record := self._read(name):
            _collect(record.pid)
        self._path(name).unlink(missing_ok=True)


def _spawn(launch: Launch, mark: str) -> int:
    # Not subprocess.Popen: its objects expect to see the end of what they started, and ours outlives us.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(launch.log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    argv = (*IN_FOLDER, str(launch.cwd), *launch.argv)
    try:
        pid = os.posix_spawn(
            argv[0],
            argv,
            {**launch.env, _MARK: mark},
            file_actions=files,
            setsid=True,
            setsigmask=(),
            setsigdef=_RESET,
        )
    except (OSError, ValueError) as error:
        raise TargetError(
            f"{launch.name} could not be started: {error}. Next: check its command in the playbook."
        ) from error
    _children.add(pid)
    return pid


def _leads(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except OSError:
        return False


def _collect(pid: int) -> None:
    """Take a dead child's exit status, so that it does not stay as a zombie."""
    if pid not in _children:
        return
    with suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            return
    _children.discard(pid)
