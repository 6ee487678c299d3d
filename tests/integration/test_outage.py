"""The database goes away and comes back: said honestly, lost nothing, no task gone, and one line in the log."""

import asyncio
import os
import resource
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from pipeline.errors import StoreError
from pipeline.intake import Intake
from pipeline.models import Inbox
from pipeline.outbox import Outbox
from pipeline.parcel import Parcel, Sent
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import House, open_house
from tests.postgres import Server, running_server

Trouble = Callable[[Path], AbstractContextManager[None]]


class Platform:
    """Takes every message, and finds the one that an interrupted sender may have posted."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []

    async def send(self, parcel: Parcel) -> Sent | None:
        message = (parcel.about, parcel.topic)
        if parcel.ts is None and not (parcel.in_doubt and message in self.posts):
            self.posts.append(message)
        return Sent("C0SHOP", "1")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        await house.adopt()
        yield house


async def ask(house: House, dedup: str) -> int | None:
    return await Intake(house.db, "me", house.world.clock).receive("command", dedup, {"text": "v0.2.0"})


async def requests(house: House) -> list[str]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Inbox.dedup)))


async def answers(house: House, seconds: float = 15) -> None:
    """Wait until the database can be worked with."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await house.db.ping()
            except StoreError:
                await asyncio.sleep(0.05)


@contextmanager
def held_by_another(path: Path) -> Iterator[None]:
    """Another process's writer, which does not let go."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """No file of this process may grow: what a full disk does to a database, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@contextmanager
def file_removed(path: Path) -> Iterator[None]:
    away = path.with_suffix(".away")
    path.rename(away)
    yield
    away.rename(path)


@pytest.mark.parametrize("trouble", [held_by_another, full_disk, file_removed])
async def test_what_could_not_be_recorded_is_refused_in_time_and_never_done(
    house: House, trouble: Trouble
) -> None:
    path = house.folder / "bot.db"
    with trouble(path):
        began = asyncio.get_running_loop().time()
        with pytest.raises(StoreError, match=r"does not answer: .* Nothing was recorded. Next: "):
            await ask(house, "lost")
        assert asyncio.get_running_loop().time() - began < 3
        with pytest.raises(StoreError):
            await house.db.ping()
    await answers(house)
    assert await ask(house, "kept") is not None
    assert await requests(house) == ["kept"]


@pytest.mark.parametrize("trouble", [held_by_another, file_removed])
async def test_a_release_goes_on_when_the_file_can_be_written_again(house: House, trouble: Trouble) -> None:
    release = await house.start()
    await house.waits_for(release.id, "checklist")
    with capture_logs() as logs:
        with trouble(house.folder / "bot.db"):
            with pytest.raises(StoreError):
                await ask(house, "lost")
            house.nudge()
        await answers(house)
    said = [line["event"] for line in logs if line["event"].startswith("database:")]
    assert said == ["database: does not answer, waiting", "database: answers again"]
    assert (await house.to_end(release.id)).release.status is ReleaseStatus.SUCCEEDED


async def test_a_file_that_was_replaced_is_not_written_to(house: House) -> None:
    path = house.folder / "bot.db"
    backup = path.with_suffix(".backup")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    backup.replace(path)
    with pytest.raises(StoreError, match="was replaced while the bot runs; stop the bot"):
        await ask(house, "lost")
    with closing(sqlite3.connect(path)) as now:
        assert now.execute("SELECT count(*) FROM inbox").fetchone() == (0,)


@pytest.fixture
def own_server(postgres: Server) -> Iterator[Server]:
    """A server that no other test uses, as this one stops it."""
    with running_server(postgres.programs) as server:
        yield server


@pytest.mark.slow
@pytest.mark.postgres
async def test_postgresql_stops_and_starts_in_the_middle_of_a_release(
    tmp_path: Path, own_server: Server
) -> None:
    platform = Platform()
    async with open_house(tmp_path, own_server.create()) as house:
        await house.adopt()
        outbox = Outbox(house.db, platform, house.world.clock, "me")
        sending = asyncio.create_task(outbox.run())
        house.world.slow.add("test-unit")
        release = await house.start()
        await house.until(release.id, lambda s: "test" in s.runs)
        with capture_logs() as logs:
            stop(own_server)
            with pytest.raises(StoreError):
                await ask(house, "lost")
            with pytest.raises(StoreError):
                await house.db.ping()
            house.world.release_slow.set()  # a stage ends while nothing can be recorded
            await until_said(logs, "worker: stops")
            start(own_server)
            await answers(house)
            shown = await house.to_approval(release.id)
        assert shown.runs["test"].status is StageStatus.SUCCEEDED
        assert await requests(house) == []
        warnings = [line for line in logs if line["log_level"] in ("warning", "error")]
        assert len(warnings) <= 4, warnings
        assert not house.engines[0][1].done()
        assert not sending.done()
        while not await outbox.idle():
            house.world.pass_time(seconds=10)
            outbox.nudge()
            await asyncio.sleep(0.02)
        await outbox.stop()
        await sending
    assert len(platform.posts) == len(set(platform.posts))
    assert {topic for _, topic in platform.posts} >= {"card", "checklist:before", "evidence"}


async def until_said(logs: list[MutableMapping[str, Any]], words: str) -> None:
    async with asyncio.timeout(10):
        while not any(words in str(line["event"]) for line in logs):
            await asyncio.sleep(0.02)


@pytest.mark.postgres
async def test_bots_that_start_together_migrate_one_after_the_other(tmp_path: Path, postgres: Server) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "RELEASEBOT_DATABASE_URL": postgres.create(),
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
    }
    command = (sys.executable, "-m", "bot", "migrate")
    bots = [
        await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=STDOUT) for _ in range(2)
    ]
    printed = [(await bot.communicate())[0].decode() for bot in bots]
    assert [bot.returncode for bot in bots] == [0, 0], printed


def stop(server: Server) -> None:
    server.run("pg_ctl", "-D", str(server.folder / "data"), "-w", "-m", "fast", "stop")


def start(server: Server) -> None:
    options = f"-c listen_addresses='' -c fsync=off -k {server.folder}"
    data, log = str(server.folder / "data"), str(server.folder / "log")
    server.run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
