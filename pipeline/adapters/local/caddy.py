"""The router's Caddy as a detached process of this machine."""

import asyncio
import os
from pathlib import Path

from pipeline.adapters.local.processes import IN_FOLDER, Launch, Processes
from pipeline.adapters.slots.caddy_config import ADMIN_SOCKET, Topology
from pipeline.adapters.slots.routing import CONFIG, NEW_CONFIG, caddy_program, check_free
from pipeline.errors import TargetError
from pipeline.files import last_lines
from pipeline.process import capture

_RELOAD = 15.0  # seconds
_STOP = 8.0  # longer than the proxy's own grace period, in which requests in flight end
_NAME = "router"


class CaddyProcess:
    """A Proxy that is a process. `folder` is the router's."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._folder = folder
        self._processes = processes

    async def is_running(self) -> bool:
        """Whether the process is there."""
        return await asyncio.to_thread(self._processes.find, _NAME) is not None

    async def launch(self, topology: Topology) -> None:
        """Start it. Raises TargetError: no caddy program, a port taken by someone else."""
        await asyncio.to_thread(self._launch, topology)

    def _launch(self, topology: Topology) -> None:
        check_free(topology)
        (self._folder / ADMIN_SOCKET).unlink(missing_ok=True)
        argv = (str(caddy_program()), "run", "--config", CONFIG)
        launch = Launch(_NAME, _NAME, argv, self._folder, self._environment(), self._folder / "caddy.err")
        launch.log.unlink(missing_ok=True)
        self._processes.start(launch)

    async def reload(self) -> None:
        """Let it take its new configuration by its admin socket. Raises TargetError."""
        argv = (str(caddy_program()), "reload", "--config", NEW_CONFIG, "--address", f"unix/{ADMIN_SOCKET}")
        done = await capture((*IN_FOLDER, str(self._folder), *argv), env=self._environment(), timeout=_RELOAD)
        if not done.ok:
            raise TargetError(
                f"The router did not take its new routes: {done.stderr[-1000:]} "
                f"Traffic is as it was. Next: check the components' routes in the playbook."
            )

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long."""
        await self._processes.stop(_NAME, _STOP)

    async def tail(self) -> str:
        """The last lines of what it wrote at its start."""
        lines = await asyncio.to_thread(last_lines, self._folder / "caddy.err", 6)
        return "\n".join(lines) or "(it said nothing)"

    def _environment(self) -> dict[str, str]:
        # Caddy would otherwise keep state in the home folder of whoever runs the bot.
        home = str(self._folder)
        return {"PATH": os.defpath, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
