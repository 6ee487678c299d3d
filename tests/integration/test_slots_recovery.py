"""What died is noticed, kept out of traffic, and brought back."""

import asyncio

import aiohttp
import pytest

from pipeline.errors import TargetError
from pipeline.files import locked
from tests.services.local import API, SHOP, Place


async def test_a_dead_release_is_neither_promoted_nor_given_a_share(here: Place) -> None:
    await here.live("1.0.0")
    await here.target.prepare(await here.bundle("1.1.0", API))
    here.kill("green-api")
    for attempt in (here.target.promote("r-1.1.0"), here.target.shift("r-1.1.0", 10)):
        with pytest.raises(TargetError, match=r"cannot take traffic .*does not run"):
            await attempt
    status = await here.target.status()
    assert (status.live and status.live.warm, status.other and status.other.warm) == (True, False)
    await here.target.prepare(await here.bundle("1.1.0", API))
    await here.target.promote("r-1.1.0")


async def test_a_killed_live_service_is_started_again_in_its_slot(here: Place) -> None:
    bundle = await here.bundle("1.0.0", SHOP)
    await here.target.prepare(bundle)
    await here.target.promote("r-1.0.0")
    here.kill("blue-api")
    here.kill("blue-worker")
    missing = await here.target.missing()
    assert sorted(missing) == [
        "api of 1.0.0 (blue slot) does not run.",
        "worker of 1.0.0 (blue slot) does not run.",
    ]
    status = await here.restarted().reconcile()  # a new bot does not know the environment
    assert status.live is not None
    assert status.live.warm is here.keeps_the_dead
    status = await here.target.reconcile()  # this one does
    assert status.live is not None
    assert status.live.warm
    assert await here.target.missing() == ()
    here.kill("blue-api")
    assert (await here.restarted().prepare(bundle)).slot == "blue"


async def test_a_dead_candidate_loses_its_share(here: Place) -> None:
    await here.live("1.0.0")
    await here.target.prepare(await here.bundle("1.1.0", API))
    await here.target.shift("r-1.1.0", 50)
    here.lose("green-api")
    status = await here.restarted().reconcile()
    assert (status.share, status.live and status.live.release_id) == (0, "r-1.0.0")


async def test_a_dead_router_is_healed(here: Place) -> None:
    await here.live("1.0.0")
    await here.target.prepare(await here.bundle("1.1.0", API))
    await here.target.shift("r-1.1.0", 10)
    assert not await here.target.heal()
    here.kill("router")
    with pytest.raises(TargetError, match="router of shop production does not answer"):
        await here.target.status()
    assert await here.restarted().heal()
    status = await here.target.status()
    assert (status.share, status.live and status.live.release_id) == (10, "r-1.0.0")
    here.kill("router")
    await here.target.promote("r-1.1.0")
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.get(here.target.address() + "/api/x") as response,
    ):
        assert response.headers["X-Slot"] == "green"


async def test_two_bots_never_work_on_one_environment_at_once(here: Place) -> None:
    bundle = await here.bundle("1.0.0", API)
    await asyncio.gather(*(here.restarted().prepare(bundle) for _ in range(3)))
    assert len(here.running()) == 2  # the service and the router
    with locked(here.folder / "state" / "lock", 1.0) as free:
        assert free
        here.patience = 0.5
        with pytest.raises(TargetError, match="Another bot is working on shop production"):
            await here.restarted().promote("r-1.0.0")


async def test_a_damaged_state_is_not_guessed_at(here: Place) -> None:
    state = here.folder / "state" / "state.json"
    await here.live("1.0.0")
    state.write_text(state.read_text()[:100])
    with pytest.raises(TargetError, match="cannot be read"):
        await here.target.promote("r-1.0.0")
    state.unlink()
    await here.restarted().reconcile()
    assert list(here.running().values()) == ["router"]
    await here.live("1.1.0")
