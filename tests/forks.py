"""Processes of our own code without its imports, which take longer than what is tested: forked from a server that has
made them. They are processes like any other, with an environment and an end of their own."""

import asyncio
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bot.cli import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.services.driver", "tests.chaos.bot_main", "bot.process", "bot.check"])


class Fork:
    """A process that runs `target(*given)` in an environment of its own; what it prints goes to a file.

    Used as one of asyncio: its `returncode` is negative when a signal ended it.
    """

    def __init__(
        self, target: Callable[..., object], given: Sequence[Any], environment: Mapping[str, str], said: Path
    ) -> None:
        said.touch()
        self._process: BaseProcess = FORKS.Process(
            target=_elsewhere, args=(Path.cwd(), dict(environment), str(said), target, given)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        if self.returncode is None:
            loop.add_reader(self._process.sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self.returncode is not None
        return self.returncode


def releasebot(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], seconds: float = 30
) -> tuple[int, str]:
    """Run the command line in a folder: exit code and everything it printed. Blocks: call it in a thread."""
    with tempfile.NamedTemporaryFile("r+") as said:
        process = FORKS.Process(
            target=_elsewhere, args=(folder, dict(environment), said.name, main, [arguments])
        )
        process.start()
        process.join(seconds)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        printed = said.read()
    assert code is not None, f"it did not end within {seconds:g} s: {printed}"
    return code, printed


def _elsewhere(
    folder: Path,
    environment: Mapping[str, str],
    said: str,
    target: Callable[..., object],
    given: Sequence[Any],
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with Path(said).open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    target(*given)
