"""What the tests of the local target share: images from the service scripts, free ports, clean-up."""

import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

from pipeline.adapters.artifacts import ArtifactStore
from pipeline.adapters.commands import LocalRunner
from pipeline.adapters.local.target import local_target
from pipeline.adapters.slots.target import SlotTarget
from pipeline.config import Environment
from pipeline.ports import BuildOrder, Bundle, Image, ServiceSpec, Slot

SCRIPTS = Path(__file__).parent
BLOCK = 16  # ports per environment

Routes = Mapping[str, str | None]
SHOP: Routes = {"api": "/api", "frontend": "/", "worker": None}
API: Routes = {"api": "/"}

_next_block = 0


def free_block() -> int:
    """The first of BLOCK ports that nobody listens on, below the range that clients get theirs from."""
    global _next_block
    start = 12_000 + (hash(str(psutil.Process().pid)) % 1000) * BLOCK
    while True:
        first = start + _next_block * BLOCK
        _next_block += 1
        if all(_is_free(port) for port in range(first, first + BLOCK)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Place:
    """A folder with an artifact store and one environment's target, as the bot would wire them."""

    way: tuple[str, ...] = ()
    """What another process needs besides folder and ports to find this place."""
    keeps_the_dead = False
    """Whether what died can be started again without telling its environment."""
    patience = 60.0
    """Seconds that a bot waits for another one's operation: on a busy machine a deploy takes some."""

    def __init__(self, folder: Path, first: int | None = None) -> None:
        self.folder = folder
        self.first = first or free_block()
        self.config = self.environment()
        self.store = ArtifactStore(folder / "artifacts", LocalRunner(str))
        self.target = self.restarted()

    def environment(self) -> Environment:
        """As bot.toml would have it."""
        return Environment(url=f"http://127.0.0.1:{self.first}", first_port=self.first + 1)

    def restarted(self) -> SlotTarget:
        """The target as a bot that was just started would have it: it knows nothing but the files."""
        return local_target(
            product="shop",
            environment="production",
            config=self.config,
            state=self.folder / "state",
            artifacts=self.folder / "artifacts",
            patience=self.patience,
            redact=lambda text: text.replace("hunter2", "***"),
        )

    async def image(self, component: str, version: str) -> Image:
        checkout = self.folder / "checkout" / version
        checkout.mkdir(parents=True, exist_ok=True)
        for name in ("web.py", "worker.py"):
            shutil.copy(SCRIPTS / name, checkout)
        (checkout / "VERSION").write_text(version)
        order = BuildOrder(
            product="shop",
            component=component,
            version=version,
            commit="c" * 40,
            release_id=f"r-{version}",
            checkout=checkout,
            sources=("*",),
            commands=(),
            timeout=60,
            log=self.folder / "build.log",
        )
        return await self.store.build(order)

    async def bundle(
        self,
        version: str,
        routes: Routes = SHOP,
        env: Mapping[str, str] | None = None,
        ready: float = 60,
        overlap: bool = False,
    ) -> Bundle:
        """A release `r-VERSION` of the named components."""
        services = [
            ServiceSpec(
                component=component,
                image=await self.image(component, version),
                run=("python", "web.py" if route else "worker.py"),
                route=route,
                health="/healthz",
                version_path="/version",
                grace=8,
                ready_timeout=ready,
                env={**(env or {}), "GREETING": f"héllo {component}"},
                overlap=overlap,
            )
            for component, route in routes.items()
        ]
        return Bundle(f"r-{version}", version, tuple(services))

    async def live(self, version: str, routes: Routes = API) -> None:
        """Prepare and promote a release."""
        await self.target.prepare(await self.bundle(version, routes))
        await self.target.promote(f"r-{version}")

    def running(self) -> dict[str, str]:
        """What runs here: an id that no other copy will have -> its fixed place, such as `blue-api` or `router`."""
        return {f"{p.pid} {p.create_time()}": self.name_of(p) for p in self.processes()}

    def entry(self, slot: Slot) -> str:
        """A slot's own entry as its services reach it."""
        return self.target.address(slot)

    def kill(self, name: str) -> None:
        """kill -9 for one of this place's processes, and wait until it is gone."""
        found = [process for process in self.processes() if self.name_of(process) == name]
        assert len(found) == 1, name
        found[0].kill()
        psutil.wait_procs(found, timeout=5)

    def lose(self, name: str) -> None:
        """Dead, and with nothing left from which it could be started again."""
        self.kill(name)

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this place, by the folder in its environment or command line."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def name_of(self, process: psutil.Process) -> str:
        """The fixed place of a process, such as `blue-api` or `router`."""
        return process.environ()["RELEASEBOT_PROCESS"].split("|")[1]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            mark = process.environ().get("RELEASEBOT_PROCESS", "")
            return bool(mark) and process.cwd().startswith(str(self.folder))
        except psutil.Error:
            return False


async def get(url: str) -> tuple[int, str, str]:
    """Status, slot and body."""
    async with aiohttp.ClientSession(trust_env=False) as session, session.get(url) as response:
        return response.status, response.headers.get("X-Slot", ""), await response.text()


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """A place that leaves nothing running."""
    here = Place(folder)
    try:
        yield here
    finally:
        await here.restarted().stop()
        left = [process.name() for process in here.processes()]
        assert not left, f"processes are left over: {left}"
