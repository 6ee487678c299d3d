"""Three ways to bring one small service to an engine and to take it back: our target, Compose, and Swarm.

All run the same images, with the same Python, and 8 seconds of grace. Compose publishes the service's port itself.
Swarm's routing mesh needs IP_VS in the kernel, and a port published by the task (mode=host) cannot be taken over
while the old task has it: so that it can start first, Caddy stands in front there too and asks Swarm's own DNS.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pipeline.adapters.docker.router import router_image
from tests.services.docker import DockerPlace

BASE = "1.0.0"
"""The version that everything goes back to."""

PATIENCE = 120.0
GRACE = "8s"
HEALTHY = "python -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)\""


class Way(Protocol):
    """A way to change what answers at `url`. With the first version it begins."""

    name: str
    url: str

    async def deploy(self, version: str) -> None:
        """From BASE to another version."""

    async def back(self) -> None:
        """From that to BASE."""


class Ours:
    """The bot's target, as it is used by the bot."""

    name = "ours"

    def __init__(self, here: DockerPlace) -> None:
        self.here, self.url = here, here.target.address()

    async def deploy(self, version: str) -> None:
        await self.here.live(version)

    async def back(self) -> None:
        await self.here.target.promote(f"r-{BASE}")

    async def forget(self, version: str) -> None:
        """No container of this version is left: going there is cold now."""
        await self.here.target.retire(f"r-{version}")


class Compose:
    """`docker-compose up -d` with another image."""

    name = "compose"

    def __init__(self, here: DockerPlace, port: int) -> None:
        self._here, self._port, self.url = here, port, f"http://127.0.0.1:{port}"

    async def deploy(self, version: str) -> None:
        await self._compose(version, "up", "--detach")

    async def back(self) -> None:
        await self.deploy(BASE)

    async def down(self) -> None:
        await self._compose(BASE, "down", "--timeout", "1")

    async def _compose(self, version: str, *words: str) -> None:
        path = self._here.folder / "compose.json"
        service = {
            "image": (await self._here.image("api", version)).digest,
            "command": ["python", "web.py"],
            "environment": _environment(version),
            "ports": [f"127.0.0.1:{self._port}:8080"],
            "volumes": [f"{folder}:{folder}" for folder in self._here.config.mounts],
            "stop_grace_period": GRACE,
        }
        path.write_text(json.dumps({"version": "2.4", "services": {"web": service}}))
        await command(self._here, "docker-compose", "-p", "bench", "-f", str(path), *words)


class Swarm:
    """`docker service update` and `docker service rollback`, the new task first, behind a Caddy."""

    name = "swarm"

    def __init__(self, here: DockerPlace, port: int) -> None:
        self._here, self._port, self.url = here, port, f"http://127.0.0.1:{port}"

    async def deploy(self, version: str) -> None:
        image = await self._image(version)
        env = ("--env-add", f"RELEASE_VERSION={version}")
        await self._service("update", "--no-resolve-image", "--image", image, *env, "web")

    async def back(self) -> None:
        await self._service("rollback", "web")

    async def begin(self) -> None:
        """A swarm of one node with the service, and its front."""
        await command(self._here, "docker", "swarm", "init", "--advertise-addr", "127.0.0.1")
        await command(self._here, "docker", "network", "create", "-d", "overlay", "--attachable", "front")
        said = [f"--env={name}={value}" for name, value in _environment(BASE).items()]
        said += [f"--mount=type=bind,source={path},target={path}" for path in self._here.config.mounts]
        said += ["--name=web", "--network=front", "--endpoint-mode=dnsrr", f"--stop-grace-period={GRACE}"]
        said += ["--update-order=start-first", "--rollback-order=start-first"]
        said += [f"--health-cmd={HEALTHY}", "--health-interval=500ms", "--health-timeout=5s"]
        image = await self._image(BASE)
        await self._service("create", "--no-resolve-image", *said, image, "python", "web.py")
        await asyncio.to_thread(self._start_front)

    async def end(self) -> None:
        await asyncio.to_thread(self._here.client.remove_container, "front", force=True, v=True)
        await self._service("rm", "web")
        await command(self._here, "docker", "swarm", "leave", "--force")
        await asyncio.to_thread(self._here.client.remove_network, "docker_gwbridge")

    async def _image(self, version: str) -> str:
        return f"{(await self._here.image('api', version)).reference}:{version}"

    async def _service(self, *words: str) -> None:
        await command(self._here, "docker", "service", *words)

    def _start_front(self) -> None:
        folder, client = self._here.folder / "front", self._here.client
        folder.mkdir()
        (folder / "caddy.json").write_text(json.dumps(_front()))
        made = client.create_container(
            router_image("caddy:2", client),
            name="front",
            entrypoint=["caddy", "run", "--config", "/front/caddy.json"],
            environment={"HOME": "/front"},
            ports=[8080],
            host_config=client.create_host_config(
                network_mode="front",
                binds=[f"{folder}:/front"],
                port_bindings={8080: ("127.0.0.1", self._port)},
            ),
        )
        client.start(made["Id"])


def _front() -> dict[str, Any]:
    """As a person who knows Caddy would write it: short-lived names, and another try where no connection was."""
    tasks = {
        "source": "a",
        "name": "tasks.web",
        "port": "8080",
        "refresh": "200ms",
        "versions": {"ipv4": True},
    }
    proxy = {
        "handler": "reverse_proxy",
        "dynamic_upstreams": {**tasks, "resolver": {"addresses": ["127.0.0.11:53"]}},
        "load_balancing": {"try_duration": "5s", "try_interval": "50ms"},
        "transport": {"protocol": "http", "dial_timeout": "1s", "keep_alive": {"idle_timeout": "1s"}},
    }
    server = {"listen": [":8080"], "automatic_https": {"disable": True}, "routes": [{"handle": [proxy]}]}
    return {"admin": {"disabled": True}, "apps": {"http": {"servers": {"front": server}}}}


def _environment(version: str) -> dict[str, str]:
    return {"RELEASE_VERSION": version, "RELEASE_SLOT": "", "HOST": "0.0.0.0", "PORT": "8080"}


async def command(here: DockerPlace, *argv: str) -> None:
    """Run a command of the client on this engine; what it said is in the error when it fails."""
    env = {"PATH": os.environ["PATH"], "DOCKER_HOST": here.host, "HOME": str(here.folder)}
    out = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, f"{' '.join(argv[:3])}: {said.decode(errors='replace')[-1000:]}"


@asynccontextmanager
async def rivals(here: DockerPlace, port: int) -> AsyncIterator[list[Way]]:
    """Those whose programs are here, with BASE in service; nothing of them is left at the end."""
    found: list[Way] = []
    async with AsyncExitStack() as stack:
        if shutil.which("docker-compose"):
            compose = Compose(here, port)
            stack.push_async_callback(compose.down)
            await compose.deploy(BASE)
            found.append(compose)
        if shutil.which("docker"):
            swarm = Swarm(here, port + 1)
            await swarm.begin()
            stack.push_async_callback(swarm.end)
            found.append(swarm)
        yield found


def start_plainly(here: DockerPlace, image: str, port: int) -> str:
    """A container as `docker run` starts it; gives its id. Blocks."""
    client = here.client
    host = client.create_host_config(
        binds=[f"{folder}:{folder}" for folder in here.config.mounts],
        port_bindings={8080: ("127.0.0.1", port)},
    )
    make = partial(client.create_container, image, ["python", "web.py"], environment=_environment(BASE))
    made: str = make(ports=[8080], host_config=host)["Id"]
    client.start(made)
    return made


def folder_for(folder: Path) -> Path:
    """Where a place may lie."""
    (folder / "place").mkdir()
    return folder / "place"
