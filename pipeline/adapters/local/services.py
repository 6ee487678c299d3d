"""Services as processes of this machine."""

import asyncio
import math
import time
from collections.abc import Mapping
from pathlib import Path

from pipeline.adapters.local.logs import Logs
from pipeline.adapters.local.processes import Launch, Processes
from pipeline.adapters.slots.places import Place
from pipeline.adapters.slots.sockets import established, listens, port_owner
from pipeline.environment import base
from pipeline.errors import TargetError
from pipeline.files import content_folder
from pipeline.groups import members
from pipeline.ports import Bundle, Deaths, ServiceSpec, Slot

REMEMBERED = 30.0
"""Seconds that a process which listened is taken to listen still: to see it, all sockets of the machine are read."""


class ProcessRuntime:
    """A Runtime of processes. `entries` are the base URLs of the two slots through the router.

    Services get PORT, HOST, RELEASE_VERSION, RELEASE_SLOT, SLOT_URL and API_URL (both the slot's own entry)
    on top of their environment, and none of the bot's. A service stays in its process group and listens on
    PORT itself.
    """

    def __init__(
        self, processes: Processes, artifacts: Path, logs: Logs, entries: Mapping[Slot, str]
    ) -> None:
        self._processes = processes
        self._artifacts = artifacts
        self._logs = logs
        self._entries = entries
        self._listened: dict[tuple[int, float, int], float] = {}

    async def lacks(self, bundle: Bundle) -> list[str]:
        """Images that are not in the store, commands that are empty."""
        return await asyncio.to_thread(lacks, bundle, self._artifacts)

    async def runs(self, place: Place) -> bool:
        """Whether the process of this place is a copy of what was ordered, and is not being stopped."""
        record = await asyncio.to_thread(self._processes.find, place.name)
        return record is not None and record.label == place.label and not record.stopping

    async def has(self, _: Place) -> bool:
        """Never: a dead process took its environment with it."""
        return False

    async def start(self, place: Place, env: Mapping[str, str] | None) -> None:
        """Start it detached. Raises TargetError when its port is taken or its command cannot be run."""
        # Another release's copy, one whose end had begun, or children that outlived their parent.
        await self._processes.stop(place.name, place.service.grace)
        await asyncio.to_thread(self._launch, place, env or {})

    async def keep(self, _: Place) -> None:
        """Nobody but the bot brings a process back."""

    async def busy(self, place: Place) -> bool:
        """Whether connections to its port are open."""
        return await asyncio.to_thread(self._in_use, place)

    async def answers(self, place: Place) -> bool:
        """Whether it, or what it started, listens on its port: as it did less than `REMEMBERED` seconds ago."""
        return bool(place.port) and await asyncio.to_thread(self._listens, place.name, place.port or 0)

    async def stop(self, name: str, grace: float) -> None:
        """SIGTERM to its group, SIGKILL after `grace` seconds."""
        await self._processes.stop(name, grace)

    async def names(self) -> set[str]:
        """Every process that runs or has a record."""
        return await asyncio.to_thread(self._processes.names)

    async def clear(self) -> None:
        """Processes share nothing that could be given back."""

    async def deaths(self, _: Place) -> Deaths:
        """Nobody but the bot brings a process back, and it counts itself."""
        return Deaths()

    async def tail(self, place: Place) -> str:
        """The last lines of its log file."""
        return await asyncio.to_thread(self._logs.tail, place.release_id, place.service.component)

    def _listens(self, name: str, port: int) -> bool:
        record = self._processes.find(name)
        if record is None:
            return False
        known = (record.pid, record.created, port)
        if time.monotonic() - self._listened.get(known, -math.inf) > REMEMBERED:
            if not listens(members(record.pid), port):
                return False
            self._listened = {**self._alive(), known: time.monotonic()}
        return True

    def _alive(self) -> dict[tuple[int, float, int], float]:
        """What is remembered and not too old."""
        oldest = time.monotonic() - REMEMBERED
        return {known: at for known, at in self._listened.items() if at > oldest}

    def _in_use(self, place: Place) -> bool:
        return bool(place.port and established(self._processes.family(place.name), place.port))

    def _launch(self, place: Place, env: Mapping[str, str]) -> None:
        if place.port and (owner := port_owner(place.port)):
            raise TargetError(
                f"{place} could not be started: its port {place.port} is taken by {owner}. Traffic is as it "
                f"was. Next: stop that, or give the environment another first_port in bot.toml."
            )
        self._processes.start(
            Launch(
                place.name,
                place.label,
                place.service.run,
                content_folder(self._artifacts, place.service.digest),
                {**base(), **env, **self._told(place)},
                self._logs.path(place.release_id, place.service.component),
            )
        )

    def _told(self, place: Place) -> dict[str, str]:
        port = {"PORT": str(place.port)} if place.port else {}
        return {"HOST": "127.0.0.1", **place.told(self._entries[place.slot]), **port}


def lacks(bundle: Bundle, artifacts: Path) -> list[str]:
    """What keeps a bundle's images and commands from running as processes. Blocks: call it in a thread."""
    return [sentence for service in bundle.services for sentence in _lacks(service, artifacts)]


def _lacks(service: ServiceSpec, artifacts: Path) -> list[str]:
    name = service.component[:90]
    found = [] if service.run else [f"{name}: it has no command to run."]
    try:
        if not content_folder(artifacts, service.image.digest).is_dir():
            found.append(f"{name}: its image {service.image.digest} is not here. Next: build it again.")
    except ValueError as error:
        found.append(f"{name}: {error}.")
    return found
