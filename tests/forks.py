"""Processes of our own code without its imports, which take longer than what is tested: forked from a server that has
made them. They are processes like any other, with an environment and an end of their own."""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.cli import main

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.services.driver", "bot.process", "bot.check"])


def releasebot(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str], seconds: float = 30
) -> tuple[int, str]:
    """Run the command line in a folder: exit code and everything it printed. Blocks: call it in a thread."""
    with tempfile.NamedTemporaryFile("r+") as said:
        process = FORKS.Process(target=_command, args=(folder, arguments, dict(environment), said.name))
        process.start()
        process.join(seconds)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        printed = said.read()
    assert code is not None, f"it did not end within {seconds:g} s: {printed}"
    return code, printed


def _command(folder: Path, arguments: Sequence[str], environment: Mapping[str, str], said: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with Path(said).open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    main(arguments)
