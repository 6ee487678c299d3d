"""A real Prometheus for tests, and the example product's own metrics for it to scrape."""

import asyncio
import importlib
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientConnectionError, ClientSession, web

from tests.integration.core_hub import free_port

HUB = Path(__file__).parents[1] / "examples" / "core-hub"
VERSIONS = ("v0.1.0", "v0.2.0")
SECONDS = 30.0
TICK = 0.02

CONFIG = """
global: { scrape_interval: 150ms, scrape_timeout: 150ms }
scrape_configs:
  - job_name: core-hub
    metrics_path: /api/metrics
    static_configs:
"""


def program() -> str | None:
    """The Prometheus of this machine; None where there is none."""
    return shutil.which("prometheus")


@contextmanager
def prometheus(folder: Path, ports: dict[str, int]) -> Iterator[str]:
    """The address of a Prometheus that scrapes each version at its port; it is ended, by its pid."""
    targets = "".join(
        f'      - {{ targets: ["127.0.0.1:{port}"], labels: {{ version: "{version}" }} }}\n'
        for version, port in ports.items()
    )
    (folder / "prometheus.yml").write_text(CONFIG + targets)
    address = f"127.0.0.1:{free_port()}"
    argv = [str(program()), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}", "--log.level=warn"]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(SECONDS)


async def answers(url: str, query: str) -> None:
    """Wait until a query has a result."""
    end = time.monotonic() + SECONDS
    async with ClientSession() as session:
        while time.monotonic() < end:
            try:
                async with session.get(f"{url}/api/v1/query", params={"query": query}) as answer:
                    # A server that is not ready yet answers 503, in plain text.
                    if answer.ok and (await answer.json())["data"]["result"]:
                        return
            except ClientConnectionError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"Prometheus gives nothing for {query}")


@dataclass
class Version:
    """A version under load: each tick it answers some requests and reads as many texts, as `behaves` says."""

    name: str
    metrics: Any
    usage: Callable[[int, float], Any]
    requests: int = 4
    seconds: float = 0.02
    failing: bool = False
    usd: float = 0.0001
    since: dict[str, float] = field(default_factory=dict)

    def tick(self) -> None:
        for _ in range(self.requests):
            self.metrics.answered("POST", "/api/charges", 500 if self.failing else 201, self.seconds)
            self.metrics.read_text(self.usage(250, self.usd), 0.004)


@asynccontextmanager
async def product(ports: dict[str, int]) -> AsyncIterator[dict[str, Version]]:
    """The versions of the example product, each at its port with its own metrics, under load."""
    if str(HUB) not in sys.path:
        sys.path.append(str(HUB))
    made = {name: _version(name) for name in ports}
    runners = [await _serve(version, ports[name]) for name, version in made.items()]
    load = asyncio.create_task(_load(list(made.values())))
    try:
        yield made
    finally:
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        for runner in runners:
            await runner.cleanup()


def _version(name: str) -> Version:
    metrics = importlib.import_module("core_hub.metrics").Metrics(name)
    return Version(name, metrics, importlib.import_module("core_hub.reader").Usage)


async def _serve(version: Version, port: int) -> web.AppRunner:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=version.metrics.render({}), content_type="text/plain")

    app = web.Application()
    app.add_routes([web.get("/api/metrics", page)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def _load(versions: list[Version]) -> None:
    while True:
        for version in versions:
            version.tick()
        await asyncio.sleep(TICK)
