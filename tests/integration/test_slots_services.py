"""What services get, give and keep: requests, streams, routes, logs, workers."""

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest

from pipeline.errors import TargetError
from tests.services.load import load
from tests.services.local import API, SHOP, Place, get

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def test_a_slow_request_survives_promotion_and_retirement(here: Place) -> None:
    await here.live("1.0.0", API)
    slow = asyncio.create_task(get(here.target.address() + "/api/slow?seconds=3"))
    await here.target.prepare(await here.bundle("1.1.0", API))
    await here.target.promote("r-1.1.0")
    assert not slow.done()
    await here.target.retire("r-1.0.0")
    status, slot, body = await slow
    assert (status, slot) == (200, "blue")
    assert "1.0.0" in body


async def test_a_third_release_takes_the_place_of_the_oldest(here: Place) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        await here.live(version, API)
    status = await here.target.status()
    assert status.live is not None
    assert status.other is not None
    assert (status.live.release_id, status.live.slot) == ("r-1.2.0", "blue")
    assert (status.other.release_id, status.other.warm) == ("r-1.1.0", True)
    with pytest.raises(TargetError, match="is in no slot"):
        await here.target.promote("r-1.0.0")


async def test_a_new_component_is_routed_and_an_old_one_is_kept(here: Place) -> None:
    await here.live("1.0.0", {"frontend": "/"})
    async with load(here.target.address(), rate=50, clients=2) as seen:
        await here.target.prepare(await here.bundle("1.1.0", {"frontend": "/", "api": "/api/v2"}))
        await seen.more(20)
        await here.target.promote("r-1.1.0")
        await seen.more(20)
        _, slot, body = await get(here.target.address() + "/api/v2/x")
        assert (slot, "llo api" in body) == ("green", True)
        await here.target.promote("r-1.0.0")
        _, slot, body = await get(here.target.address() + "/api/v2/x")
        assert (slot, "llo frontend" in body) == ("blue", True)


async def test_streams_and_sockets_pass_also_through_the_share(here: Place) -> None:
    await here.live("1.0.0", API)
    await here.target.prepare(await here.bundle("1.1.0", API))
    for share in (0, 50):
        await here.target.shift("r-1.1.0", share)
        base = here.target.address()
        async with aiohttp.ClientSession(base, trust_env=False) as session:
            async with session.get("/api/stream") as response:
                first = await response.content.readline()
                assert first == b"data: 0\n"
                assert (await response.content.read()).count(b"data:") == 4
            async with session.ws_connect("/api/socket") as socket:
                await socket.send_str("hé")
                assert str(await socket.receive_str()).endswith(".0 hé")


async def test_services_get_their_environment_and_nothing_of_the_bots(here: Place) -> None:
    bundle = await here.bundle("1.0.0", env={"SECRET": "hunter2"})
    await here.target.prepare(bundle)
    _, _, body = await get(here.target.address("blue") + "/environment")
    entry = here.entry("blue")
    assert f'"SLOT_URL": "{entry}"' in body
    assert f'"API_URL": "{entry}"' in body
    assert '"GREETING": "h\\u00e9llo frontend"' in body
    assert "PYTEST" not in body
    stored = [path for path in (here.folder / "state").rglob("*") if path.is_file()]
    for path in stored:
        assert path.suffix == ".log" or b"hunter2" not in path.read_bytes(), path
    lines = await here.target.logs("r-1.0.0", LONG_AGO)
    assert "api: service 1.0.0 starts with ***" in lines


async def test_workers_run_in_the_live_slot_only(here: Place) -> None:
    target = here.target
    await target.prepare(await here.bundle("1.0.0"))
    assert await target.logs("r-1.0.0", LONG_AGO) != ()
    assert not any("worker" in line for line in await target.logs("r-1.0.0", LONG_AGO))
    await target.promote("r-1.0.0")
    await here.live("1.1.0", SHOP)
    assert await target.missing() == ()
    old = await target.logs("r-1.0.0", LONG_AGO)
    assert [line for line in old if "worker:" in line] == [
        "worker: worker 1.0.0 starts",
        "worker: worker 1.0.0 ends",
    ]
    assert (await target.logs("r-1.1.0", LONG_AGO))[-1] == "worker: worker 1.1.0 starts"


@pytest.mark.parametrize(
    ("overlap", "order"),
    [
        (False, ["1.0.0 starts", "1.0.0 ends", "1.1.0 starts"]),
        (True, ["1.0.0 starts", "1.1.0 starts", "1.0.0 ends"]),
    ],
)
async def test_work_is_handed_over_in_the_order_that_the_playbook_allows(
    here: Place, overlap: bool, order: list[str]
) -> None:
    journal = here.folder / "journal"
    for version in ("1.0.0", "1.1.0"):
        env = {"JOURNAL": str(journal)}
        await here.target.prepare(await here.bundle(version, env=env, overlap=overlap))
        await here.target.promote(f"r-{version}")
    assert journal.read_text().splitlines() == order
