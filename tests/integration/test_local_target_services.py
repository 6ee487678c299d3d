"""What the services of the local target get, give and keep: environment, streams, logs, workers."""

from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from tests.services.local import API, SHOP, Place, Routes, place

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def _get(url: str) -> tuple[int, str, str]:
    """Status, slot and body."""
    async with aiohttp.ClientSession(trust_env=False) as session, session.get(url) as response:
        return response.status, response.headers.get("X-Slot", ""), await response.text()


async def _live(here: Place, version: str, routes: Routes = SHOP) -> None:
    await here.target.prepare(await here.bundle(version, routes))
    await here.target.promote(f"r-{version}")


async def test_streams_and_sockets_pass_also_through_the_share(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await _live(here, "1.0.0", API)
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


async def test_services_get_their_environment_and_nothing_of_the_bots(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        bundle = await here.bundle("1.0.0", env={"SECRET": "hunter2"})
        await here.target.prepare(bundle)
        _, _, body = await _get(here.target.address("blue") + "/environment")
        entry = here.target.address("blue")
        assert f'"SLOT_URL": "{entry}"' in body
        assert f'"API_URL": "{entry}"' in body
        assert '"GREETING": "h\\u00e9llo frontend"' in body
        assert "PYTEST" not in body
        stored = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
        for path in stored:
            assert path.suffix == ".log" or b"hunter2" not in path.read_bytes(), path
        lines = await here.target.logs("r-1.0.0", LONG_AGO)
        assert "api: service 1.0.0 starts with ***" in lines


async def test_workers_run_in_the_live_slot_only(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        target = here.target
        await target.prepare(await here.bundle("1.0.0"))
        assert await target.logs("r-1.0.0", LONG_AGO) != ()
        assert not any("worker" in line for line in await target.logs("r-1.0.0", LONG_AGO))
        await target.promote("r-1.0.0")
        await _live(here, "1.1.0")
        assert await target.missing() == ()
        old = await target.logs("r-1.0.0", LONG_AGO)
        assert [line for line in old if "worker:" in line] == [
            "worker: worker 1.0.0 starts",
            "worker: worker 1.0.0 ends",
        ]
        assert (await target.logs("r-1.1.0", LONG_AGO))[-1] == "worker: worker 1.1.0 starts"
