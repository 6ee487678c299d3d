"""The life of releases in two slots, with real services, a real router and real load."""

import time

import pytest

from pipeline.errors import TargetError
from tests.services.load import load
from tests.services.local import SHOP, Place, get


async def test_releases_come_and_go_under_load_without_a_failed_request(here: Place) -> None:
    target = here.target
    await here.live("1.0.0", SHOP)
    async with load(target.address(), rate=200) as seen:
        await seen.more(100)
        status = await target.prepare(await here.bundle("1.1.0"))
        assert (status.slot, status.warm) == ("green", True)
        await seen.more(100)
        assert set(seen.versions()) == {"1.0.0"}
        await target.shift("r-1.1.0", 10)
        began = time.monotonic() + 0.1
        await seen.more(600)
        canary = seen.versions(began)
        await target.promote("r-1.1.0")
        await seen.more(100)
        await target.promote("r-1.0.0")
        await seen.more(50)
        await target.retire("r-1.1.0")
        await seen.more(50)
    assert seen.failures == []
    share = 100 * canary["1.1.0"] / canary.total()
    assert share == pytest.approx(10, abs=2)
    assert seen.last("1.1.0") < time.monotonic()
    status_now = await target.status()
    assert status_now.live is not None
    assert (status_now.live.release_id, status_now.live.warm) == ("r-1.0.0", True)
    assert (status_now.other, status_now.share) == (None, 0)
    print(f"{len(seen.answers)} requests, 0 failed, canary {share:.2f} %")


async def test_the_way_back_is_a_flip(here: Place) -> None:
    for version in ("1.0.0", "1.1.0"):
        await here.live(version, {"api": "/api", "frontend": "/"})
    flips = []
    async with load(here.target.address(), rate=250) as seen:
        for number in range(12):
            await seen.more(15)
            bad, good = ("1.1.0", "1.0.0") if number % 2 == 0 else ("1.0.0", "1.1.0")
            started = time.monotonic()
            await here.target.promote(f"r-{good}")
            await seen.more(15)
            flips.append(1000 * max(0.0, seen.last(bad) - started))
    flips.sort()
    print(f"last bad after the command: p50 {flips[6]:.0f} ms, max {flips[-1]:.0f} ms")
    assert seen.failures == []


async def test_nothing_is_served_before_the_first_promotion(here: Place) -> None:
    empty = await here.target.status()
    assert (empty.live, empty.other, empty.share, empty.generation) == (None, None, 0, 0)
    await here.target.prepare(await here.bundle("1.0.0"))
    status, _, body = await get(here.target.address())
    assert (status, "No release is live" in body) == (503, True)
    assert (await get(here.target.address("blue") + "/api/x"))[:2] == (200, "blue")
    assert (await get(here.target.address("green") + "/"))[0] in (502, 503)
    with pytest.raises(TargetError, match="nothing live beside it"):
        await here.target.shift("r-1.0.0", 10)
    await here.target.promote("r-1.0.0")
    assert (await get(here.target.address() + "/api/x"))[:2] == (200, "blue")


async def test_a_repeated_call_changes_nothing(here: Place) -> None:
    bundle = await here.bundle("1.0.0")
    await here.target.prepare(bundle)
    await here.target.promote("r-1.0.0")
    before = set(here.running())
    for target in (here.target, here.restarted()):
        assert (await target.prepare(bundle)).slot == "blue"
        await target.promote("r-1.0.0")
        await target.retire("r-0.0.9")
    assert set(here.running()) == before
    assert (await here.target.status()).generation == 1
