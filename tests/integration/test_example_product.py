"""The example product's processes: they stop without losing a request or a job, and say what they lack."""

import asyncio
import re
import sqlite3
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.integration.core_hub import Checkouts, installed, log_in, until


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkouts:
    return Checkouts(tmp_path_factory.mktemp("core-hub"))


async def test_a_request_in_flight_survives_the_stop_of_the_api(checkout: Checkouts, tmp_path: Path) -> None:
    tree, body = checkout("v0.1.0"), b'{"user": "smoke"}'
    async with installed(tmp_path) as hub:
        await hub.migrate(tree)
        api = await hub.start(tree, "api", "0.1.0")
        idle = await asyncio.open_connection("127.0.0.1", api.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        head = f"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        writer.write(head.encode())
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        api.terminate()

        async def refused() -> bool:
            try:
                _, other = await asyncio.open_connection("127.0.0.1", api.port)
            except ConnectionError:
                return True
            other.close()
            return False

        await until(refused, "the api takes no new connections")
        idle[1].write(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Connection: close" in await idle[0].readuntil(b"\r\n\r\n")
        writer.write(body)
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert await api.ended() == 0
        for stream in (writer, idle[1]):
            stream.close()


async def test_a_request_in_flight_survives_the_stop_of_the_frontend(
    checkout: Checkouts, tmp_path: Path
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def metrics(_request: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        return web.Response(text="core_hub_errors_total 7.0\n")

    app = web.Application()
    app.router.add_get("/api/metrics", metrics)
    async with installed(tmp_path) as hub, TestServer(app) as api:
        url = str(api.make_url(""))
        frontend = await hub.start(checkout("v0.1.0"), "frontend", "0.1.0", API_URL=url)
        page = asyncio.create_task(hub.session.get(frontend.url + "/dashboard"))
        await asked.wait()
        frontend.terminate()
        go_on.set()
        async with await page as answer:
            assert "<tr><th>Errors</th><td>7</td></tr>" in await answer.text()
        assert await frontend.ended() == 0


async def test_a_worker_finishes_the_job_in_hand_and_takes_no_other(
    checkout: Checkouts, tmp_path: Path
) -> None:
    tree = checkout("v0.1.0")
    async with installed(tmp_path) as hub:
        await hub.migrate(tree)
        api = await hub.start(tree, "api", "0.1.0")
        operator = await log_in(hub, tree, api)
        first, second = await operator.send_one(), await operator.send_one()
        worker = await hub.start(tree, "worker", "0.1.0", RECEIPT_ROUNDS="2000000")

        async def running() -> bool:
            return (await operator.deliveries())[first] == "running"

        await until(running, "the first job is in hand")
        worker.terminate()
        assert await worker.ended() == 0
        assert await operator.deliveries() == {first: "done", second: "queued"}


async def test_two_workers_do_every_job_once(checkout: Checkouts, tmp_path: Path) -> None:
    tree = checkout("v0.1.0")
    async with installed(tmp_path) as hub:
        await hub.migrate(tree)
        api = await hub.start(tree, "api", "0.1.0")
        operator = await log_in(hub, tree, api)
        workers = [await hub.start(tree, "worker", "0.1.0") for _ in range(2)]
        charges = [await operator.send_one() for _ in range(30)]

        async def done() -> bool:
            return set((await operator.deliveries()).values()) == {"done"}

        await until(done, "all jobs are done")
        workers[0].terminate()
        assert await workers[0].ended() == 0
    with sqlite3.connect(tmp_path / "hub.db") as database:
        jobs = database.execute("SELECT charge_id, state, runs FROM jobs ORDER BY charge_id").fetchall()
    database.close()
    assert jobs == [(charge, "done", 1) for charge in charges]
    said = "".join(worker.lines() for worker in workers)
    assert sorted(map(int, re.findall(r"charge (\d+) sent", said))) == charges


@pytest.mark.parametrize("component", ["api", "worker", "frontend"])
async def test_a_process_without_its_environment_says_what_is_missing(
    component: str, checkout: Checkouts, tmp_path: Path
) -> None:
    async with installed(tmp_path) as hub:
        code, output = await hub.run(checkout("v0.1.0"), sys.executable, "-m", f"core_hub.{component}")
    assert code == 2
    assert re.search(rf"The {component} cannot start: its environment lacks RELEASE_VERSION .*Set it", output)


async def test_a_taken_port_is_explained(checkout: Checkouts, tmp_path: Path) -> None:
    tree = checkout("v0.1.0")
    async with installed(tmp_path) as hub:
        await hub.migrate(tree)
        api = await hub.start(tree, "api", "0.1.0")
        command = (sys.executable, "-m", "core_hub.api")
        code, output = await hub.run(tree, *command, PORT=str(api.port), RELEASE_VERSION="0.1.0")
    assert code == 1
    assert "Choose another PORT" in output
