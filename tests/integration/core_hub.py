"""Core Hub's processes as a target would start them: from a checkout, on free ports, behind one address."""

import asyncio
import json
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from aiohttp import ClientError, ClientSession, web
from aiohttp.test_utils import TestServer

from bot.demo.history import build_history
from pipeline.config import Playbook, Suite, load
from pipeline.environment import base

KEY = "a-key-for-tests-only"
DEADLINE = 15.0


class Checkouts:
    """The trees of the demo's tags, each checked out when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._repository = folder / "core-hub.git"
        build_history(self._repository)

    def __call__(self, tag: str) -> Path:
        folder = self._folder / tag
        if not folder.exists():
            command = ["git", "clone", "-q", "--branch", tag, str(self._repository), str(folder)]
            subprocess.run(command, check=True, capture_output=True, timeout=30)
        return folder


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def until(condition: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Wait until the condition gives something true, and return it; fails after the deadline."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if found := await condition():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE:.0f} s: {what}")


@dataclass
class Process:
    """One running component; its lines are in `log`."""

    component: str
    port: int
    process: asyncio.subprocess.Process
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """The exit code, once it has ended; fails after the deadline."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()

    def lines(self) -> str:
        return self.log.read_text(encoding="utf-8")


@dataclass
class Hub:
    """One installation: a database, and processes of any versions on it. Ends all of them at the end."""

    folder: Path
    environment: str = "staging"
    processes: list[Process] = field(default_factory=list)
    session: ClientSession = field(init=False)

    @property
    def variables(self) -> dict[str, str]:
        return base() | {
            "DATABASE_URL": f"sqlite:///{self.folder / 'hub.db'}",
            "CHARGE_SIGNING_KEY": KEY,
            "RELEASE_ENVIRONMENT": self.environment,
        }

    async def run(self, checkout: Path, *argv: str, **env: str) -> tuple[int, str]:
        """One command of the product in its checkout: exit code and output."""
        started = await asyncio.create_subprocess_exec(
            *argv,
            cwd=checkout,
            env=self.variables | env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            output, _ = await started.communicate()
        return started.returncode or 0, output.decode()

    async def migrate(self, checkout: Path, *argv: str) -> None:
        code, output = await self.run(checkout, "alembic", *(argv or ("upgrade", "head")))
        assert code == 0, output

    async def run_suite(self, checkout: Path, suite: Suite, address: str, version: str) -> str:
        """Run a suite of the playbook and return its output: it passes, with all its required steps."""
        report = self.folder / "report.xml"
        argv = [part.replace("{output}", str(report)) for part in suite.run]
        code, output = await self.run(checkout, *argv, SMOKE_BASE_URL=address, EXPECT_VERSION=version)
        assert code == 0, output
        cases = ElementTree.parse(report).iter("testcase")
        passed = {case.get("name") for case in cases if not list(case)}
        report.unlink()
        assert set(suite.required) <= passed
        return output

    async def start(self, checkout: Path, component: str, version: str, **env: str) -> Process:
        """Start a component as its playbook says and wait until it is healthy, or says that it is ready."""
        spec, port = load(Playbook, checkout / "playbook.toml").components[component], free_port()
        log = self.folder / f"{component}-{version}-{len(self.processes)}.log"
        told = {"PORT": str(port), "RELEASE_VERSION": version, "PYTHONUNBUFFERED": "0"}
        with log.open("wb") as file:
            started = await asyncio.create_subprocess_exec(
                *spec.run, cwd=checkout, env=self.variables | told | env, stdout=file, stderr=file
            )
        process = Process(component, port, started, log)
        self.processes.append(process)
        await until(
            lambda: self._ready(process, spec.health if spec.route else None), f"{component} is ready"
        )
        return process

    async def _ready(self, process: Process, health: str | None) -> bool:
        assert process.process.returncode is None, process.lines()
        if health is None:
            return "ready" in process.lines()
        try:
            async with self.session.get(process.url + health) as answer:
                return answer.status == 200
        except ClientError:
            return False

    async def start_all(self, checkout: Path, version: str) -> str:
        """Migrate, start all three, and return the address of one router in front of them."""
        await self.migrate(checkout)
        api = await self.start(checkout, "api", version)
        frontend, _ = await asyncio.gather(
            self.start(checkout, "frontend", version, API_URL=api.url),
            self.start(checkout, "worker", version),
        )
        return await self.route(api, frontend)

    async def route(self, api: Process, frontend: Process) -> str:
        """A router by path prefix, as in front of every environment; its address."""

        async def forward(request: web.Request) -> web.Response:
            to = api if request.path.startswith("/api/") else frontend
            headers = {"Authorization": request.headers.get("Authorization", "")}
            async with self.session.request(
                request.method, to.url + request.path_qs, data=await request.read(), headers=headers
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.startswith("X-") or k == "Content-Type"}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        server = TestServer(app)
        await server.start_server()
        self._routers.append(server)
        return str(server.make_url("")).rstrip("/")

    _routers: list[TestServer] = field(default_factory=list)

    async def end(self) -> None:
        for router in self._routers:
            await router.close()
        for process in self.processes:
            if process.process.returncode is None:
                process.process.kill()
            await process.process.wait()


@asynccontextmanager
async def installed(folder: Path, environment: str = "staging") -> AsyncIterator[Hub]:
    """An installation without processes yet."""
    hub = Hub(folder, environment)
    async with ClientSession() as hub.session:
        try:
            yield hub
        finally:
            await hub.end()


@dataclass
class Operator:
    """A caller of the api with an operator's session."""

    hub: Hub
    url: str
    token: str

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.hub.session.request(method, self.url + path, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def send_one(self) -> int:
        """Create, approve and send a charge; its number."""
        made = await self.call("POST", "/api/charges", {"customer": "Test", "text": "Workshop, EUR 10.00"})
        await self.call("POST", f"/api/charges/{made['id']}/approve")
        await self.call("POST", f"/api/charges/{made['id']}/send")
        return int(made["id"])

    async def deliveries(self) -> dict[int, str]:
        """The state of each charge's newest job."""
        shown = await self.call("GET", "/api/charges")
        return {charge["id"]: charge["delivery"] for charge in shown["charges"]}


async def log_in(hub: Hub, checkout: Path, api: Process) -> Operator:
    code, key = await hub.run(checkout, "python", "-m", "core_hub.access", "dana")
    assert code == 0, key
    async with hub.session.post(api.url + "/api/login", json={"user": "dana", "key": key.strip()}) as answer:
        return Operator(hub, api.url, json.loads(await answer.text())["token"])
