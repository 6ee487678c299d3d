"""The containers of one environment: made once, found again by their labels, ended.

Nothing is remembered. A container whose end has begun is renamed first, so that whoever looks, also a bot
that was started later, sees that it is on its way out and never takes it for one that runs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import docker
import docker.errors
import structlog
from docker.types import LogConfig, Mount

from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.orders import ENDING, IDENTITY, LABEL, PLACE, SPEC, Found, Order
from pipeline.adapters.docker.volumes import ensure_volume
from pipeline.adapters.slots.site import Address
from pipeline.errors import TargetError
from pipeline.groups import insist

LOG_SIZE = "32m"
"""Of the engine's log of one container; it keeps two of them."""

_NO_RESTART: Any = {"Name": "no"}
_RESTART: Any = {"Name": "unless-stopped"}
_CONFLICT = 409
_FORBIDDEN = 403  # how the engine refuses to remove a network in use

log = structlog.get_logger()


Keep = Callable[[Found], Awaitable[None]]
"""Saves what should outlive a container, such as its log."""


class Containers:
    """One environment's containers and their network. Raises TargetError, like the engine, from every method.
    `suffix` ends the name of each: another bot's environment of the same name has another. Within `patience`
    seconds the engine removes a container, or their network."""

    def __init__(self, engine: Engine, address: Address, patience: float = 15.0) -> None:
        self.engine = engine
        self._patience = patience
        self.address = address
        self.suffix = f"-{address.identity[:6]}"
        self._network = f"{address.product}-{address.environment}{self.suffix}"

    async def find(self, place: str | None = None) -> list[Found]:
        """All of them, or those in one place, in whatever state. By labels and by the end of the name: labels an
        image hands down too, and so a copy of a container, or a step of a hostile build, would pass for ours.
        """
        wanted = [f"{IDENTITY}={self.address.identity}", *([] if place is None else [f"{PLACE}={place}"])]
        ask = partial(docker.APIClient.containers, all=True, filters={"label": wanted})
        found = [_found(one) for one in await self.engine.call(self._what("Looking for containers"), ask)]
        return [one for one in found if one.name.partition(ENDING)[0].endswith(self.suffix)]

    async def launch(self, order: Order) -> None:
        """Make and start it. What cannot be started is not left behind."""
        await self.engine.call(self._what("Starting a container"), partial(self._launch, order))

    async def resume(self, found: Found) -> None:
        """Start again what has ended, as it was."""
        await self.engine.call(
            self._what("Starting a container again"), lambda client: client.start(found.id)
        )

    async def keep(self, found: Found) -> None:
        """From now on the engine brings it back."""
        await self.engine.call(self._what("Keeping a container"), partial(_keep, found))

    async def how_it_ended(self, found: Found) -> str:
        """In words; empty when it runs, or is gone."""
        return await self.engine.call(self._what("Looking at a container"), partial(_end_of, found))

    async def restarts(self, found: Found) -> tuple[int, bool]:
        """How often the engine has brought it back, and whether its last end was for want of memory."""
        return await self.engine.call(self._what("Looking at a container"), partial(_restarts_of, found))

    async def end(self, place: str, grace: float, keep: Keep | None = None) -> None:
        """Stop and remove what is in a place: its stop signal, and SIGKILL after `grace` seconds."""
        await insist(self._end_all(place, grace, keep))

    async def clear(self) -> None:
        """Remove the network that they shared; gone already: success.

        An engine may count an endpoint for ever that nobody has (moby issue 17217), until it is started anew.
        Such a network is left: it serves when the environment comes back, and goes the next time.
        """
        what = self._what("Removing the network")

        async def gone() -> bool:
            return await self.engine.call(what, self._remove_network)

        if not await _within(self._patience, gone):
            if await self.engine.call(what, self._in_use):
                raise TargetError(f"{what}: containers still use it. Next: end them, then ask again.")
            log.warning(
                "docker: network left, in use as the engine says, but by nothing", network=self._network
            )

    def label(self, place: str, spec: str, **more: str) -> dict[str, str]:
        """The labels by which a container is found again."""
        address = self.address
        mine = {"product": address.product, "environment": address.environment, **more}
        labels = {f"{LABEL}{key}": value for key, value in mine.items()}
        return {**labels, IDENTITY: address.identity, PLACE: place, SPEC: spec}

    def _what(self, doing: str) -> str:
        return f"{doing} of {self.address.title}"

    # ------------------------------------------------- within the engine's thread

    def _launch(self, order: Order, client: docker.APIClient) -> None:
        self._ensure_network(client)
        for volume in order.volumes:
            ensure_volume(client, volume, self.address)
        made = client.create_container(
            order.image,
            name=order.name,
            entrypoint=list(order.argv[:1]),
            command=list(order.argv[1:]),
            environment=dict(order.env),
            labels=dict(order.labels),
            ports=list(order.ports),
            user=order.user,
            working_dir=order.folder,
            host_config=client.create_host_config(**self._host(order)),
            networking_config=self._networking(order, client),
        )
        try:
            client.start(made["Id"])
        except BaseException:
            client.remove_container(made["Id"], v=True, force=True)
            raise

    def _networking(self, order: Order, client: docker.APIClient) -> Any:
        endpoint = client.create_endpoint_config(aliases=[order.alias])
        return {"EndpointsConfig": {self._network: endpoint}}

    def _host(self, order: Order) -> dict[str, Any]:
        limits = order.limits
        return {
            "network_mode": self._network,
            "port_bindings": {inside: ("127.0.0.1", port) for inside, port in order.ports.items()},
            "restart_policy": _RESTART if order.lasting else _NO_RESTART,
            "mounts": [
                *(_mount(source, target) for source, target in order.mounts.items()),
                *(_mount(source, target, read_only=True) for source, target in order.shared.items()),
            ],
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,
            "nano_cpus": int(limits.cpus * 1e9) if limits.cpus else None,
            "pids_limit": limits.pids,
            "log_config": LogConfig(type="json-file", config={"max-size": LOG_SIZE, "max-file": "2"}),
            **order.options,
        }

    def _ensure_network(self, client: docker.APIClient) -> None:
        if not self._networks(client):
            labels = {IDENTITY: self.address.identity}
            client.create_network(self._network, driver="bridge", check_duplicate=True, labels=labels)

    def _in_use(self, client: docker.APIClient) -> bool:
        with suppress(docker.errors.NotFound):
            return any(client.inspect_network(network)["Containers"] for network in self._networks(client))
        return False

    def _remove_network(self, client: docker.APIClient) -> bool:
        """Whether it is gone. On a busy engine an endpoint outlives its container for a moment."""
        for network in self._networks(client):
            try:
                client.remove_network(network)
            except docker.errors.NotFound:
                continue
            except docker.errors.APIError as error:
                if error.status_code == _FORBIDDEN:
                    return False
                raise
        return True

    def _networks(self, client: docker.APIClient) -> list[str]:
        wanted = {"label": [f"{IDENTITY}={self.address.identity}"]}
        return [network["Id"] for network in client.networks(filters=wanted)]

    # --------------------------------------------------------------------- ending

    async def _end_all(self, place: str, grace: float, keep: Keep | None) -> None:
        await asyncio.gather(*(self._end(found, grace, keep) for found in await self.find(place)))

    async def _end(self, found: Found, grace: float, keep: Keep | None) -> None:
        what = self._what(f"Stopping {found.name}")
        if found.state == "running":
            await self.engine.call(what, partial(_begin_end, found))
            await self._until(found, lambda state: state != "running", grace)
        if keep:
            await keep(found)
        await self.engine.call(what, partial(_remove, found))
        if not await self._until(found, lambda state: state is None, self._patience):
            raise TargetError(
                f"{what}: the engine has not removed it within {self._patience:g} s. Next: see what holds it "
                f"(docker inspect {found.id[:12]}), then ask again."
            )

    async def _until(self, found: Found, reached: Callable[[str | None], bool], patience: float) -> bool:
        """Whether its state (None: it is gone) became the wanted one within `patience` seconds."""

        async def there() -> bool:
            return reached(await self.engine.call(self._what("Waiting for an end"), partial(_state, found)))

        return await _within(patience, there)


async def _within(seconds: float, reached: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it came to pass in this time."""
    deadline = time.monotonic() + seconds
    while not await reached():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def _found(listed: Mapping[str, Any]) -> Found:
    name = str((listed["Names"] or [""])[0]).lstrip("/")
    return Found(listed["Id"], name, listed["State"], listed["Labels"] or {})


def _mount(source: str, target: str, read_only: bool = False) -> Mount:
    # Not a bind in the old way: that would make a folder, owned by root, where there is none.
    return Mount(target, source, type="bind" if source.startswith("/") else "volume", read_only=read_only)


def _keep(found: Found, client: docker.APIClient) -> None:
    client.update_container(found.id, restart_policy=_RESTART)


def _end_of(found: Found, client: docker.APIClient) -> str:
    try:
        state = client.inspect_container(found.id)["State"]
    except docker.errors.NotFound:
        return ""
    if state["Status"] != "exited":
        return ""
    return "[it ran out of memory]" if state["OOMKilled"] else f"[it ended with code {state['ExitCode']}]"


def _restarts_of(found: Found, client: docker.APIClient) -> tuple[int, bool]:
    try:
        inspected = client.inspect_container(found.id)
    except docker.errors.NotFound:
        return 0, False
    return int(inspected.get("RestartCount", 0)), bool(inspected["State"].get("OOMKilled"))


def _begin_end(found: Found, client: docker.APIClient) -> None:
    with suppress(docker.errors.NotFound):
        if not found.is_ending:
            client.rename(found.id, f"{found.name}{ENDING}{found.id[:6]}")
        signal = client.inspect_container(found.id)["Config"].get("StopSignal") or "SIGTERM"
        _unless_conflict(partial(client.kill, found.id, signal))


def _remove(found: Found, client: docker.APIClient) -> None:
    with suppress(docker.errors.NotFound):
        _unless_conflict(partial(client.remove_container, found.id, v=True, force=True))


def _unless_conflict(act: Callable[[], None]) -> None:
    """A container that has just ended, or is being removed already, answers so; both are what we want."""
    try:
        act()
    except docker.errors.APIError as error:
        if error.status_code != _CONFLICT:
            raise


def _state(found: Found, client: docker.APIClient) -> str | None:
    try:
        return str(client.inspect_container(found.id)["State"]["Status"])
    except docker.errors.NotFound:
        return None
