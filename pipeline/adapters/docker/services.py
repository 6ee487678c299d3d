"""Services as containers of a Docker engine."""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import docker
import docker.errors

from pipeline.adapters.docker.containers import Containers
from pipeline.adapters.docker.logs import ContainerLogs
from pipeline.adapters.docker.orders import Found, Order
from pipeline.adapters.docker.volumes import volumes
from pipeline.adapters.slots.places import Place
from pipeline.adapters.slots.sockets import port_owner
from pipeline.errors import TargetError
from pipeline.ports import Bundle, Deaths, ServiceSpec, Slot

INSIDE = 8080
"""The port on which every service listens in its own container."""

UnderWay = Callable[[], Awaitable[Mapping[str, int]]]
"""Where the router dials -> how many requests are under way there."""


class ContainerRuntime:
    """A Runtime of containers. `entries` are the base URLs of the two slots as containers reach them.

    Services get PORT, HOST, RELEASE_VERSION, RELEASE_SLOT, SLOT_URL and API_URL (both the slot's own entry) on
    top of their environment, and listen on PORT at every address. Each is published at its place's port on
    127.0.0.1 too, so that the bot asks it itself. `mounts` and `user` are the operator's.
    """

    def __init__(
        self,
        containers: Containers,
        logs: ContainerLogs,
        entries: Mapping[Slot, str],
        under_way: UnderWay,
        mounts: Mapping[str, str],
        user: str | None,
    ) -> None:
        self._containers = containers
        self._logs = logs
        self._entries = entries
        self._under_way = under_way
        self._mounts = mounts
        self._user = user

    async def lacks(self, bundle: Bundle) -> list[str]:
        """Images that are not on the engine, commands that are empty."""
        ask = self._containers.engine.call
        what = f"Looking for the images of {bundle.version}"
        absent = await ask(what, partial(_absent, [service.image.digest for service in bundle.services]))
        return [sentence for service in bundle.services for sentence in _lacks(service, absent)]

    async def runs(self, place: Place) -> bool:
        """Whether the container of this place is what was ordered, and its end has not begun."""
        found = await self._ordered(place)
        return found is not None and found.runs

    async def has(self, place: Place) -> bool:
        """Whether the dead container is there still: it has its environment."""
        found = await self._ordered(place)
        return found is not None and found.is_dead

    async def start(self, place: Place, env: Mapping[str, str] | None) -> None:
        """Make and start its container; without an environment, start again the one that is there.

        Raises TargetError when its port is taken or the engine refuses.
        """
        if env is None:
            return await self._resume(place)
        # Another release's container, a dead one, or one whose end had begun.
        await self.stop(place.name, place.service.grace)
        if place.port and (owner := await asyncio.to_thread(port_owner, place.port)):
            raise TargetError(
                f"{place} could not be started: its port {place.port} is taken by {owner}. Traffic is as it "
                f"was. Next: stop that, or give the environment another first_port in bot.toml."
            )
        return await self._containers.launch(self._order(place, env))

    async def _resume(self, place: Place) -> None:
        found = await self._ordered(place)
        if found is None:
            raise TargetError(
                f"{place} could not be started again: its container is gone, and its environment with it. "
                f"Next: prepare release {place.release_id} again."
            )
        await self._containers.resume(found)

    async def keep(self, place: Place) -> None:
        """From now on the engine brings it back, also when the machine comes up again."""
        if found := await self._ordered(place):
            await self._containers.keep(found)

    async def busy(self, place: Place) -> bool:
        """Whether the router has requests under way to it."""
        return (await self._under_way()).get(f"{place.name}:{INSIDE}", 0) > 0

    async def answers(self, place: Place) -> bool:
        """Whether it is what answers: a port of this machine is published by one container only."""
        return await self.runs(place)

    async def stop(self, name: str, grace: float) -> None:
        """Its stop signal, SIGKILL after `grace` seconds; its log is saved, then it is removed."""
        await self._containers.end(name, grace, self._logs.save)

    async def names(self) -> set[str]:
        """Every place that has a container; one that does not say its place is nobody's to end."""
        return {found.place for found in await self._containers.find()} - {""}

    async def clear(self) -> None:
        """Remove the environment's network."""
        await self._containers.clear()

    async def deaths(self, place: Place) -> Deaths:
        """How often the engine has restarted its container; of the last end it knows whether memory ran out."""
        found = await self._ordered(place)
        count, memory = await self._containers.restarts(found) if found else (0, False)
        return Deaths(count, (place.service.component,) if memory else ())

    async def tail(self, place: Place) -> str:
        """The last lines of its container, and how it ended."""
        found = await self._containers.find(place.name)
        said = await self._logs.tail(place.release_id, place.service.component, found)
        ends = [end for one in found if (end := await self._containers.how_it_ended(one))]
        return "\n".join([said, *ends])

    async def _ordered(self, place: Place) -> Found | None:
        spec = _spec(place)
        found = await self._containers.find(place.name)
        return next((one for one in found if one.spec == spec and not one.is_ending), None)

    def _order(self, place: Place, env: Mapping[str, str]) -> Order:
        service, address = place.service, self._containers.address
        told = {"HOST": "0.0.0.0", **place.told(self._entries[place.slot])}  # noqa: S104 - its own network's
        labels = self._containers.label(
            place.name,
            _spec(place),
            component=service.component,
            release=place.release_id,
            version=place.version,
            slot=place.slot,
            image=service.digest,
        )
        mine, mounts = volumes(address, dict(service.volumes), self._mounts)
        return Order(
            place=place.name,
            name=self._name(place),
            image=service.digest,
            argv=service.run,
            labels=labels,
            ports={INSIDE: place.port} if place.port else {},
            alias=place.name,
            mounts=mounts,
            volumes=mine.keys(),
            shared=dict(service.shared),
            env={**env, **told, **({"PORT": str(INSIDE)} if place.port else {})},
            user=self._user,
            limits=service.limits,
        )

    def _name(self, place: Place) -> str:
        address = self._containers.address
        parts = (address.product, address.environment, place.service.component, place.version, place.slot)
        return f"{re.sub(r'[^a-zA-Z0-9_.-]', '-', '-'.join(parts))}{self._containers.suffix}"


def _spec(place: Place) -> str:
    """What the container is a copy of. Never of its environment: that is secret, and not known after a restart."""
    ordered = place.service.model_dump_json(exclude_defaults=True)
    return hashlib.sha256(f"{place.label} {place.version} {place.port} {ordered}".encode()).hexdigest()[:16]


def _absent(digests: list[str], client: docker.APIClient) -> set[str]:
    return {digest for digest in digests if not _is_there(client, digest)}


def _is_there(client: docker.APIClient, digest: str) -> bool:
    try:
        client.inspect_image(digest)
    except docker.errors.NotFound:
        return False
    return True


def _lacks(service: ServiceSpec, absent: set[str]) -> list[str]:
    name = service.component[:90]
    found = [] if service.run else [f"{name}: it has no command to run."]
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", service.image.digest):
        found.append(f"{name}: {service.image.digest[:90]!r} is not an image's digest.")
    elif service.image.digest in absent:
        found.append(f"{name}: its image {service.image.digest} is not on the engine. Next: build it again.")
    return found
