"""What goes wrong is said, undone, and leaves production alone."""

import os
import socket
from pathlib import Path

import pytest

from pipeline.config import Environment
from pipeline.errors import TargetError
from tests.services.load import load
from tests.services.local import API, Place, Routes, free_block


def _listening(port: int) -> socket.socket:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", port))
    taken.listen()
    return taken


@pytest.mark.parametrize(
    ("broken", "ready", "said"),
    [
        ("unhealthy", 10, "answered 500 at /healthz"),
        ("version", 60, "answers as version '9.9.9' instead of '1.1.0'"),
        ("crash", 60, "no database: giving up"),
        ("deaf", 2, "was not ready within 2 s|ended before it was healthy"),
    ],
)
async def test_a_bad_release_is_stopped_and_production_goes_on(
    here: Place, broken: str, ready: float, said: str
) -> None:
    await here.live("1.0.0")
    running = set(here.running())
    async with load(here.target.address(), rate=40, clients=2) as seen:
        bad = await here.bundle("1.1.0", API, env={"BROKEN": broken}, ready=ready)
        with pytest.raises(TargetError, match=said) as error:
            await here.target.prepare(bad)
        await seen.more(5)
    assert "Next:" in str(error.value)
    assert seen.failures == []
    assert set(here.running()) == running
    status = await here.target.status()
    assert (status.live and status.live.release_id, status.other) == ("r-1.0.0", None)
    await here.live("1.2.0")


@pytest.mark.parametrize("overlap", [True, False])
async def test_a_worker_that_does_not_run_is_told_after_the_flip(here: Place, overlap: bool) -> None:
    routes: Routes = {"api": "/api", "worker": None}
    await here.target.prepare(await here.bundle("1.0.0", routes, overlap=overlap))
    await here.target.promote("r-1.0.0")
    bad = await here.bundle("1.1.0", routes, env={"BROKEN": "worker"}, overlap=overlap)
    await here.target.prepare(bad)
    with pytest.raises(TargetError, match="the queue does not answer"):
        await here.target.promote("r-1.1.0")
    assert ("blue-worker" in here.running().values()) is overlap  # the old one still works
    await here.target.promote("r-1.0.0")
    assert await here.target.missing() == ()


async def test_a_taken_port_names_its_owner(here: Place) -> None:
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
    here.kill("router")
    with _listening(here.first), pytest.raises(TargetError, match="is taken by"):
        await here.target.heal()
    assert await here.target.heal()


async def test_refusals_say_what_to_do(here: Place) -> None:
    await here.live("1.0.0")
    for attempt, said in (
        (here.target.retire("r-1.0.0"), "would be an outage"),
        (here.target.shift("r-1.0.0", 10), "is live already"),
        (here.target.shift("r-1.0.0", 7), "not a share"),
        (here.target.promote("r-0.1.0"), "prepare it first"),
    ):
        with pytest.raises(TargetError, match=said) as error:
            await attempt
        assert "Next:" in str(error.value)


def test_the_routers_ports_must_not_be_the_public_one(tmp_path: Path) -> None:
    here = Place(tmp_path, free_block())
    here.config = Environment(url="http://127.0.0.1:9001", first_port=9000)
    with pytest.raises(TargetError, match="choose another first_port"):
        here.restarted()
