"""Detached processes: found again, adopted, never twice, ended with all they started."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from pipeline.adapters.local.processes import Launch, Processes
from pipeline.adapters.slots.sockets import listens, port_owner
from pipeline.errors import TargetError
from pipeline.groups import members
from tests.services.local import free_block


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    found = Processes(tmp_path / "processes", f"test-{tmp_path.name}-{os.getpid()}")
    yield found
    for name in found.names():
        await found.stop(name, 0.5)


def _launch(folder: Path, script: str, label: str = "r-1", name: str = "blue-api") -> Launch:
    env = {"PATH": os.environ["PATH"]}
    return Launch(name, label, (sys.executable, "-c", script), folder, env, folder / "out.log")


SLEEP = "import time; time.sleep(300)"


async def test_a_process_is_started_once(tmp_path: Path, processes: Processes) -> None:
    first = processes.start(_launch(tmp_path, SLEEP))
    assert processes.start(_launch(tmp_path, SLEEP)) == first
    assert processes.find("blue-api") == first
    assert os.getsid(first.pid) == first.pid
    assert processes.names() == {"blue-api"}


@pytest.mark.parametrize("lost", [True, False])
async def test_it_is_adopted_also_without_its_record(
    tmp_path: Path, processes: Processes, lost: bool
) -> None:
    first = processes.start(_launch(tmp_path, SLEEP, label="r-1 sha256:a|b"))
    async with asyncio.timeout(10):  # a program has its environment a moment after it has begun
        while not psutil.Process(first.pid).environ():
            await asyncio.sleep(0.001)
    record = tmp_path / "processes" / "blue-api.json"
    record.unlink() if lost else record.write_text("{")
    assert processes.find("blue-api") == first
    assert record.exists()


async def test_a_number_that_is_used_again_is_nobody_of_ours(tmp_path: Path, processes: Processes) -> None:
    record = tmp_path / "processes" / "blue-api.json"
    record.parent.mkdir()
    record.write_text(f'{{"pid": {os.getpid()}, "created": 1.0, "label": "r-1"}}')
    assert processes.find("blue-api") is None
    await processes.stop("blue-api", 0.1)
    assert not record.exists()


async def test_stopping_ends_the_whole_group(tmp_path: Path, processes: Processes) -> None:
    script = (
        "import signal,subprocess,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen(['sleep','300']); subprocess.Popen(['sleep','300'], start_new_session=True);"
        "print('up', flush=True); time.sleep(300)"
    )
    record = processes.start(_launch(tmp_path, script))
    await _until_log(tmp_path, "up")
    family = processes.family("blue-api")
    assert len(family) == 2
    await processes.stop("blue-api", 0.2)
    assert members(record.pid) == []
    assert processes.find("blue-api") is None
    assert processes.names() == set()


async def test_children_that_outlive_their_parent_are_ended(tmp_path: Path, processes: Processes) -> None:
    parent = "import subprocess,time; subprocess.Popen(['sleep','300'])"
    script = f"{parent}; print('up', flush=True); time.sleep(300)"
    record = processes.start(_launch(tmp_path, script))
    await _until_log(tmp_path, "up")
    os.kill(record.pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while processes.find("blue-api"):
            await asyncio.sleep(0.01)
    assert len(members(record.pid)) == 1
    await processes.stop("blue-api", 0.2)
    assert members(record.pid) == []


async def test_its_end_is_written_down_before_it_begins(tmp_path: Path, processes: Processes) -> None:
    deaf = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    script = f"{deaf}; print('up', flush=True); time.sleep(300)"
    processes.start(_launch(tmp_path, script))
    await _until_log(tmp_path, "up")
    stopping = asyncio.create_task(processes.stop("blue-api", 1.0))
    async with asyncio.timeout(5):
        while not ((record := processes.find("blue-api")) and record.stopping):
            await asyncio.sleep(0.01)
    await stopping


async def test_a_cancelled_stop_stops_all_the_same(tmp_path: Path, processes: Processes) -> None:
    record = processes.start(_launch(tmp_path, SLEEP))
    stopping = asyncio.create_task(processes.stop("blue-api", 2.0))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert members(record.pid) == []


async def test_a_missing_program_says_so_in_the_log(tmp_path: Path, processes: Processes) -> None:
    env = {"PATH": os.environ["PATH"]}
    launch = Launch("blue-api", "r-1", ("no-such-program",), tmp_path, env, tmp_path / "out.log")
    processes.start(launch)
    await _until_log(tmp_path, "not found")
    with pytest.raises(TargetError, match="could not be started"):
        processes.start(Launch("green-api", "r-1", ("a\0b",), tmp_path, env, tmp_path / "green.log"))


async def test_a_signal_that_python_ignores_is_not_ignored_there(
    tmp_path: Path, processes: Processes
) -> None:
    argv = ("sh", "-c", "kill -PIPE $$; echo alive")
    processes.start(Launch("blue-api", "r-1", argv, tmp_path, {}, tmp_path / "out.log"))
    async with asyncio.timeout(5):
        while processes.find("blue-api"):
            await asyncio.sleep(0.01)
    assert (tmp_path / "out.log").read_text() == ""


async def test_ports_know_their_owner(tmp_path: Path, processes: Processes) -> None:
    port = free_block()
    assert port_owner(port) is None
    server = f"import socket,time; s=socket.create_server(('127.0.0.1',{port}))"
    script = f"{server}; print('up',flush=True); time.sleep(300)"
    record = processes.start(_launch(tmp_path, script))
    await _until_log(tmp_path, "up")
    assert f"process {record.pid}" in str(port_owner(port))
    assert listens(processes.family("blue-api"), port)
    assert not listens([os.getpid()], port)


async def _until_log(folder: Path, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in (folder / "out.log").read_text():
            await asyncio.sleep(0.01)
