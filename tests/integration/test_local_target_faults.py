"""What goes wrong on the local target is said, undone, and leaves production alone."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psutil
import pytest

from pipeline.config import Environment
from pipeline.errors import TargetError
from pipeline.files import locked
from tests.services.load import load
from tests.services.local import API, SHOP, Place, free_block, place


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def _live(here: Place, version: str, routes: dict[str, str | None] | None = None) -> None:
    await here.target.prepare(await here.bundle(version, routes or API))
    await here.target.promote(f"r-{version}")


def _listening(port: int) -> socket.socket:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("unhealthy", "answered 500 at /healthz"),
        ("version", "answers as version '9.9.9' instead of '1.1.0'"),
        ("crash", "no database: giving up"),
        ("deaf", "was not ready within 2 s|ended before it was healthy"),
    ],
)
async def test_a_bad_release_is_stopped_and_production_goes_on(
    tmp_path: Path, broken: str, said: str
) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0")
        running = {process.pid for process in here.processes()}
        async with load(here.target.address(), rate=40, clients=2) as seen:
            bad = await here.bundle("1.1.0", API, env={"BROKEN": broken}, ready=2)
            with pytest.raises(TargetError, match=said) as error:
                await here.target.prepare(bad)
            await seen.more(5)
        assert "Next:" in str(error.value)
        assert seen.failures == []
        assert {process.pid for process in here.processes()} == running
        status = await here.target.status()
        assert (status.live and status.live.release_id, status.other) == ("r-1.0.0", None)
        await _live(here, "1.2.0")


async def test_a_dead_release_is_neither_promoted_nor_given_a_share(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0")
        await here.target.prepare(await here.bundle("1.1.0", API))
        _kill(here, "green-api")
        for attempt in (here.target.promote("r-1.1.0"), here.target.shift("r-1.1.0", 10)):
            with pytest.raises(TargetError, match=r"cannot take traffic .*does not run"):
                await attempt
        status = await here.target.status()
        assert (status.live and status.live.warm, status.other and status.other.warm) == (True, False)
        await here.target.prepare(await here.bundle("1.1.0", API))
        await here.target.promote("r-1.1.0")


async def test_a_killed_live_service_is_started_again_in_its_slot(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        bundle = await here.bundle("1.0.0", SHOP)
        await here.target.prepare(bundle)
        await here.target.promote("r-1.0.0")
        _kill(here, "blue-api")
        _kill(here, "blue-worker")
        missing = await here.target.missing()
        assert sorted(missing) == [
            "api of 1.0.0 (blue slot) does not run.",
            "worker of 1.0.0 (blue slot) does not run.",
        ]
        status = await here.restarted().reconcile()  # a new bot does not know the environment
        assert status.live is not None
        assert not status.live.warm
        status = await here.target.reconcile()  # this one does
        assert status.live is not None
        assert status.live.warm
        assert await here.target.missing() == ()
        _kill(here, "blue-api")
        assert (await here.restarted().prepare(bundle)).slot == "blue"


async def test_a_dead_candidate_loses_its_share(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0")
        await here.target.prepare(await here.bundle("1.1.0", API))
        await here.target.shift("r-1.1.0", 50)
        _kill(here, "green-api")
        status = await here.restarted().reconcile()
        assert (status.share, status.live and status.live.release_id) == (0, "r-1.0.0")


async def test_a_worker_that_does_not_run_is_told_after_the_flip(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0", {"api": "/api", "worker": None})
        routes = {"api": "/api", "worker": None}
        await here.target.prepare(await here.bundle("1.1.0", routes, env={"BROKEN": "worker"}))
        with pytest.raises(TargetError, match="the queue does not answer"):
            await here.target.promote("r-1.1.0")
        names = {here.name_of(process) for process in here.processes()}
        assert "blue-worker" in names  # the old one still works
        await here.target.promote("r-1.0.0")
        assert await here.target.missing() == ()


async def test_a_dead_router_is_healed(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0")
        await here.target.prepare(await here.bundle("1.1.0", API))
        await here.target.shift("r-1.1.0", 10)
        assert not await here.target.heal()
        _kill(here, "router")
        with pytest.raises(TargetError, match="router of shop production does not answer"):
            await here.target.status()
        assert await here.restarted().heal()
        status = await here.target.status()
        assert (status.share, status.live and status.live.release_id) == (10, "r-1.0.0")
        _kill(here, "router")
        await here.target.promote("r-1.1.0")
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.get(here.target.address() + "/api/x") as response,
        ):
            assert response.headers["X-Slot"] == "green"


async def test_a_taken_port_names_its_owner(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        bundle = await here.bundle("1.0.0", API)
        with _listening(here.first), pytest.raises(TargetError, match="the public entry") as error:
            await here.target.prepare(bundle)
        assert f"process {os.getpid()}" in str(error.value)
        with (
            _listening(here.first + 4),
            pytest.raises(TargetError, match=f"port {here.first + 4} is taken") as error,
        ):
            await here.target.prepare(bundle)
        assert f"process {os.getpid()}" in str(error.value)
        await here.target.prepare(bundle)
        _kill(here, "router")
        with _listening(here.first), pytest.raises(TargetError, match="is taken by"):
            await here.target.heal()
        assert await here.target.heal()


async def test_two_bots_never_work_on_one_environment_at_once(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        bundle = await here.bundle("1.0.0", API)
        await asyncio.gather(*(here.restarted().prepare(bundle) for _ in range(3)))
        assert len(here.processes()) == 2  # the service and the router
        with locked(tmp_path / "state" / "lock", 1.0) as free:
            assert free
            with pytest.raises(TargetError, match="Another bot is working on shop production"):
                await here.restarted().promote("r-1.0.0")


async def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0")
        for attempt, said in (
            (here.target.retire("r-1.0.0"), "would be an outage"),
            (here.target.shift("r-1.0.0", 10), "is live already"),
            (here.target.shift("r-1.0.0", 7), "not a share"),
            (here.target.promote("r-0.1.0"), "prepare it first"),
        ):
            with pytest.raises(TargetError, match=said) as error:
                await attempt
            assert "Next:" in str(error.value)


async def test_a_damaged_state_is_not_guessed_at(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        state = tmp_path / "state" / "state.json"
        await _live(here, "1.0.0")
        state.write_text(state.read_text()[:100])
        with pytest.raises(TargetError, match="cannot be read"):
            await here.target.promote("r-1.0.0")
        state.unlink()
        await here.restarted().reconcile()
        assert [here.name_of(process) for process in here.processes()] == ["router"]
        await _live(here, "1.1.0")


def test_the_routers_ports_must_not_be_the_public_one(tmp_path: Path) -> None:
    here = Place(tmp_path, free_block())
    here.config = Environment(url="http://127.0.0.1:9001", first_port=9000)
    with pytest.raises(TargetError, match="choose another first_port"):
        here.restarted()


def _kill(here: Place, name: str) -> None:
    found = [process for process in here.processes() if here.name_of(process) == name]
    assert len(found) == 1, name
    found[0].send_signal(signal.SIGKILL)
    psutil.wait_procs(found, timeout=5)
