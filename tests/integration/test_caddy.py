"""The router by itself: a real Caddy in front of two small servers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from pipeline.adapters.local.caddy import CaddyProcess
from pipeline.adapters.local.processes import Processes
from pipeline.adapters.slots.caddy_config import Route, Topology
from pipeline.adapters.slots.routing import Router
from pipeline.errors import TargetError
from tests.services.local import free_block


class Front:
    """A router, its topology and a client."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        first = free_block()
        self.folder = folder
        self.processes = Processes(folder / "processes", "test" + folder.name)
        self.router = Router(folder / "router", CaddyProcess(folder / "router", self.processes))
        self.session = session
        self.ports = {"blue": first + 4, "green": first + 5}
        self.topology = self.with_routes("/")

    def with_routes(self, *prefixes: str) -> Topology:
        first = self.ports["blue"] - 4
        blue = tuple(Route(prefix, self.ports["blue"]) for prefix in prefixes)
        green = tuple(Route(prefix, self.ports["green"]) for prefix in prefixes)
        return Topology(
            "me", first, {"blue": first + 1, "green": first + 2}, first + 3, {"blue": blue, "green": green}
        )

    async def ask(
        self, path: str = "/", port: int | None = None, method: str = "GET"
    ) -> tuple[int, str, str]:
        url = f"http://127.0.0.1:{port or self.topology.public}{path}"
        async with self.session.request(method, url) as response:
            return response.status, response.headers.get("X-Slot", ""), await response.text()


@asynccontextmanager
async def _server(name: str, port: int) -> AsyncIterator[list[str]]:
    """A server that says its name, hangs up instead of answering /hangup, and counts what it got."""
    got: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        got.append(f"{request.method} {request.path_qs}")
        if request.path == "/hangup" and request.transport:
            request.transport.close()
        return web.Response(text=f"{name} {request.headers.get('X-Forwarded-For')}")

    runner = web.AppRunner(web.Application())
    runner.app.router.add_route("*", "/{path:.*}", answer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield got
    finally:
        await runner.cleanup()


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    jar = aiohttp.CookieJar(unsafe=True)  # takes cookies of addresses without a name too
    async with aiohttp.ClientSession(trust_env=False, cookie_jar=jar) as session:
        found = Front(tmp_path, session)
        try:
            yield found
        finally:
            await found.router.stop()


async def test_traffic_follows_the_file(front: Front) -> None:
    async with _server("old", front.ports["blue"]), _server("new", front.ports["green"]):
        assert await front.router.seen(front.topology) is None
        assert await front.router.ensure(front.topology, "none")
        assert (await front.ask())[0] == 503
        for text, slot, name in (("blue", "blue", "old"), ("green", "green", "new")):
            await front.router.point(front.topology, text)
            assert await front.ask() == (200, slot, f"{name} 127.0.0.1")
            assert await front.router.seen(front.topology) == text
        for slot in ("blue", "green"):
            status, seen, _ = await front.ask(port=front.topology.entries[slot])  # type: ignore[index]  # a Slot
            assert (status, seen) == (200, slot)
        await front.router.point(front.topology, "green:25")
        slots = [(await front.ask())[1] for _ in range(80)]
        assert (slots.count("green"), slots.count("blue")) == (60, 20)


async def test_a_browser_stays_with_the_version_that_it_met_first(front: Front) -> None:
    topology = replace(front.topology, sticky=True)
    async with _server("old", front.ports["blue"]), _server("new", front.ports["green"]):
        await front.router.ensure(topology, "blue:25")
        met: list[str] = []
        for _ in range(8):
            front.session.cookie_jar.clear()
            slots = {(await front.ask())[1] for _ in range(20)}
            assert len(slots) == 1
            met += slots
        assert (met.count("green"), met.count("blue")) == (2, 6)
        await front.router.point(topology, "green:25")  # the next release: blue is the candidate
        front.session.cookie_jar.clear()
        assert len({(await front.ask())[1] for _ in range(20)}) == 1


async def test_a_file_of_nonsense_sends_traffic_nowhere(front: Front) -> None:
    await front.router.ensure(front.topology, "none")
    for text in ("red", "blue:7", "{env.HOME}", "x" * 10_000):
        (front.folder / "router" / "route").write_text(text)
        assert (await front.ask())[0] == 503
    (front.folder / "router" / "route").unlink()
    assert (await front.ask())[0] == 503


async def test_nothing_that_was_sent_is_sent_again(front: Front) -> None:
    async with _server("old", front.ports["blue"]) as got:
        await front.router.ensure(front.topology, "blue")
        for method in ("POST", "GET"):
            assert (await front.ask("/hangup", method=method))[0] == 502
        assert got == ["POST /hangup", "GET /hangup"]


async def test_a_restarting_service_is_waited_for(front: Front) -> None:
    await front.router.ensure(front.topology, "blue")
    asked = asyncio.create_task(front.ask("/x", method="POST"))
    slot = front.topology.entries["blue"]
    assert (await front.ask(port=slot))[0] == 502  # a slot's own entry tells at once
    async with _server("old", front.ports["blue"]) as got:
        assert (await asked)[0] == 200
        assert got == ["POST /x"]


async def test_new_routes_are_taken_without_a_restart(front: Front) -> None:
    async with _server("old", front.ports["blue"]):
        await front.router.ensure(front.with_routes("/api"), "blue")
        before = front.processes.find("router")
        assert (await front.ask("/web"))[0] == 404
        assert (await front.ask("/apiary"))[0] == 404
        assert not await front.router.ensure(front.with_routes("/api", "/web"), "blue")
        assert (await front.ask("/web"))[0] == 200
        assert front.processes.find("router") == before
        with pytest.raises(TargetError, match="did not take its new routes"):
            await front.router.ensure(replace(front.topology, public=front.ports["blue"]), "blue")
        assert (await front.ask("/web"))[0] == 200


async def test_a_killed_router_is_started_again_where_it_was(front: Front) -> None:
    async with _server("old", front.ports["blue"]):
        await front.router.ensure(front.topology, "blue")
        record = front.processes.find("router")
        assert record is not None
        os.kill(record.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            while await front.router.is_running():
                await asyncio.sleep(0.01)
        assert await front.router.ensure(front.topology, "blue")
        assert (await front.ask())[:2] == (200, "blue")
        assert not await front.router.ensure(front.topology, "blue")


async def test_another_router_at_our_port_is_not_taken_for_ours(front: Front) -> None:
    async with _server("stranger", front.topology.status):
        assert await front.router.seen(front.topology) is None
        with pytest.raises(TargetError, match=f"Port {front.topology.status}, the router's status"):
            await front.router.ensure(front.topology, "none")
    assert not await front.router.is_running()


async def test_the_router_keeps_everything_in_its_folder(front: Front) -> None:
    await front.router.ensure(front.topology, "none")
    record = front.processes.find("router")
    assert record is not None
    await front.router.stop()
    assert front.processes.find("router") is None
    names = {path.name for path in (front.folder / "router").iterdir()}
    assert names <= {"caddy", "caddy.json", "caddy.err", "caddy.log", "route", "admin.sock"}
