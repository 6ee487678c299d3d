"""The runner: real commands, their output, their end."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.adapters.commands import LocalRunner
from pipeline.errors import CommandError
from pipeline.ports import Command, CommandResult
from pipeline.sink import LOG_LIMIT


def _command(folder: Path, *argv: str, timeout: float = 20.0, log: str = "out.log") -> Command:
    env = {"PATH": os.environ["PATH"], "TOKEN": "hunter2"}
    return Command("the tests", argv, folder, env, timeout, folder / log)


def _python(folder: Path, script: str, timeout: float = 20.0) -> Command:
    return _command(folder, sys.executable, "-c", script, timeout=timeout)


async def _run(command: Command, redact: Callable[[str], str] = str) -> CommandResult:
    return await LocalRunner(redact).run(command)


async def _until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_the_output_and_the_code_are_reported(tmp_path: Path) -> None:
    result = await _run(_command(tmp_path, "sh", "-c", "echo one; echo two >&2; exit 3"))
    assert (result.code, result.ok, result.timed_out) == (3, False, False)
    assert result.tail == ("one", "two")
    assert (tmp_path / "out.log").read_text() == "one\ntwo\n"
    assert (tmp_path / "out.log").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "out.log.pid").exists()


async def test_only_the_given_environment_is_passed(tmp_path: Path) -> None:
    result = await _run(_command(tmp_path, "env"))
    assert {line.partition("=")[0] for line in result.tail} <= {"PATH", "TOKEN", "PWD", "RELEASEBOT_COMMAND"}


async def test_secrets_reach_neither_the_log_nor_the_tail(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.write('x' * 16380 + 'hunter2' + 'y' * 90000 + '\\nhunter2')"
    result = await _run(_python(tmp_path, script), lambda text: text.replace("hunter2", "***"))
    log = (tmp_path / "out.log").read_text()
    assert "hunter" not in log
    assert "hunter" not in "".join(result.tail)
    assert result.tail[-1] == "***"
    assert "[line cut]" in log


async def test_terminal_sequences_and_bytes_that_are_no_text_are_cleaned(tmp_path: Path) -> None:
    script = r"import os; os.write(1, b'\x1b[31mred\x1b[0m \xff\x07 h\xc3\xa9\r\n10%\r20%\n')"
    result = await _run(_python(tmp_path, script))
    assert result.tail == ("red \ufffd hé", "10%", "20%")


async def test_a_time_limit_ends_the_command_and_its_grandchildren(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 300 & echo $!; sleep 300 & echo $!; wait"
    started = time.monotonic()
    result = await _run(_command(tmp_path, "sh", "-c", script, timeout=0.5))
    assert result.timed_out
    assert not result.ok
    assert time.monotonic() - started < 8
    assert result.tail[-1] == "[stopped: it ran into its time limit of 0.5 s]"
    assert not any(_lives(int(pid)) for pid in result.tail[:2])


async def test_a_cancelled_run_leaves_nothing_behind(tmp_path: Path) -> None:
    run = asyncio.create_task(_run(_command(tmp_path, "sh", "-c", "sleep 300 & echo $! $$; wait")))
    log = tmp_path / "out.log"
    await _until(lambda: log.exists() and log.read_text().endswith("\n"))
    pids = [int(pid) for pid in log.read_text().split()]
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not any(_lives(pid) for pid in pids)
    assert not (tmp_path / "out.log.pid").exists()


async def test_what_a_command_leaves_in_the_background_is_ended(tmp_path: Path) -> None:
    result = await _run(_command(tmp_path, "sh", "-c", "sleep 300 & echo $!"))
    assert result.ok
    assert not _lives(int(result.tail[0]))


async def test_a_child_that_left_the_session_is_ended_too(tmp_path: Path) -> None:
    script = (
        "import subprocess; print(subprocess.Popen(['sleep', '300'], start_new_session=True).pid, flush=True)"
    )
    started = time.monotonic()
    result = await _run(_python(tmp_path, f"{script}; import os; os._exit(0)"))
    assert result.ok
    assert time.monotonic() - started < 10
    assert not _lives(int(result.tail[0]))


@pytest.mark.parametrize(
    ("argv", "folder", "said"),
    [
        (("no-such-program",), ".", "no-such-program"),
        (("true",), "no-such-folder", "folder it runs in exists"),
        (("a\0b",), ".", "could not be started"),
        ((), ".", "could not be started"),
    ],
)
async def test_what_cannot_start_says_why(
    tmp_path: Path, argv: tuple[str, ...], folder: str, said: str
) -> None:
    command = Command(
        "lint", argv, tmp_path / folder, {"PATH": os.environ["PATH"]}, 5, tmp_path / "l" / "x.log"
    )
    with pytest.raises(CommandError, match="lint could not be started") as error:
        await _run(command)
    assert said in str(error.value)


async def test_much_output_is_cut_on_disk_and_bounded_in_memory(tmp_path: Path) -> None:
    script = "import sys\nfor i in range(1000): sys.stdout.write(('line %d\\n' % i) * 9000)\nprint('the end')"
    gaps: list[float] = []
    watch = asyncio.create_task(_measure_stalls(gaps))
    before = psutil.Process().memory_info().rss
    result = await _run(_python(tmp_path, script, timeout=60))
    grown = psutil.Process().memory_info().rss - before
    watch.cancel()
    size = (tmp_path / "out.log").stat().st_size
    assert result.ok
    assert result.tail[-1] == "the end"
    assert size < LOG_LIMIT + 200
    assert (tmp_path / "out.log").read_bytes().endswith(b"[the log ends here: more than 50 MB of output]\n")
    assert grown < 60_000_000
    # The loop acknowledges Slack's requests meanwhile: it must stay free, on a busy machine too.
    assert sorted(gaps)[len(gaps) * 99 // 100] < 0.25


async def _measure_stalls(gaps: list[float]) -> None:
    while True:
        started = time.monotonic()
        await asyncio.sleep(0.001)
        gaps.append(time.monotonic() - started - 0.001)


async def test_endless_output_without_a_line_end_is_cut(tmp_path: Path) -> None:
    script = "import sys\nfor _ in range(300): sys.stdout.write('x' * 65536)\nprint(); print('last')"
    result = await _run(_python(tmp_path, script))
    assert result.tail[-1] == "last"
    assert (tmp_path / "out.log").stat().st_size < 20_000


async def test_the_orphan_of_a_killed_bot_is_ended_before_the_next_attempt(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    driver = f"""
import asyncio, os, sys
sys.path.insert(0, {str(root)!r})
from pathlib import Path
from pipeline.adapters.commands import LocalRunner
from pipeline.ports import Command
from pipeline.sink import LOG_LIMIT
folder = Path({str(tmp_path)!r})
command = Command('t', ('sh', '-c', 'echo $$; sleep 300'), folder, dict(os.environ), 300, folder / 'out.log')
asyncio.run(LocalRunner(str).run(command))
"""
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", driver)
    log = tmp_path / "out.log"
    await _until(lambda: log.exists() and log.read_text().endswith("\n"))
    bot.kill()
    await bot.wait()
    orphan = int(log.read_text())
    assert _lives(orphan)
    result = await _run(_command(tmp_path, "echo", "again"))
    assert result.tail == ("again",)
    assert not _lives(orphan)


async def test_an_orphan_without_a_number_is_found_by_its_mark(tmp_path: Path) -> None:
    env = {**os.environ, "RELEASEBOT_COMMAND": str(tmp_path / "out.log")}
    orphan = await asyncio.create_subprocess_exec("sleep", "300", env=env, start_new_session=True)
    (tmp_path / "out.log.pid").write_text("{}")
    assert (await _run(_command(tmp_path, "true"))).ok
    async with asyncio.timeout(5):
        assert await orphan.wait() < 0
