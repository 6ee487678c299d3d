"""Processes of this machine: who is who, and how a whole group is ended.

A process is known by its number and the time of its creation, because numbers are used again.
"""

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil

T = TypeVar("T")

_CLOCK_STEP = 2.0  # seconds: creation times are computed from the boot time, which moves with the clock


@dataclass(frozen=True)
class ProcessId:
    """A process of this machine; `created` is in seconds since 1970."""

    pid: int
    created: float


def identify(pid: int) -> ProcessId | None:
    """The identity of a running process; None when there is none with this number."""
    try:
        return ProcessId(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def is_running(identity: ProcessId) -> bool:
    """Whether exactly this process still runs (the dead that nobody has collected do not)."""
    try:
        process = psutil.Process(identity.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(process.create_time() - identity.created) < _CLOCK_STEP
    except psutil.Error:
        return False


def marked(name: str, prefix: str) -> list[tuple[int, str]]:
    """Every process whose environment variable `name` starts with `prefix`, with the variable's value."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            value = process.environ().get(name, "")
            if value.startswith(prefix) and process.status() != psutil.STATUS_ZOMBIE:
                found.append((process.pid, value))
    return found


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    return [pid for pid in psutil.pids() if _in_group(pid, group)]


def _in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False


async def end_group(group: int, grace: float) -> None:
    """SIGTERM to a process group, SIGKILL to what is left after `grace` seconds; returns when it is gone."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if not await asyncio.to_thread(members, group):
            return
        with suppress(ProcessLookupError):
            os.killpg(group, number)
        await _until_gone(group, patience)


async def _until_gone(group: int, patience: float) -> None:
    deadline = asyncio.get_running_loop().time() + patience
    while await asyncio.to_thread(members, group):
        if asyncio.get_running_loop().time() >= deadline:
            return
        await asyncio.sleep(0.02)


async def insist(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end even when the caller is cancelled meanwhile; the cancellation follows."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        task.exception()  # seen: the cancellation is what the caller asked for
        raise asyncio.CancelledError
    return task.result()
