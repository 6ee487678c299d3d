"""What the tests of the Docker target need besides: images from the service scripts, containers, clean-up.

The images hold nothing but the scripts; Python is this machine's own, mounted. So they need no registry, and
the operator's mounts are tried along the way.
"""

import io
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import docker
import docker.errors

from pipeline.adapters.docker.target import docker_target
from pipeline.adapters.slots.site import Address
from pipeline.adapters.slots.target import SlotTarget
from pipeline.config import Docker, Environment
from pipeline.ports import Image, Slot
from tests.services.local import SCRIPTS, Place

_LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
_SETTINGS = [
    f"ENV PATH={sys.prefix}/bin:/usr/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
    "WORKDIR /app",
]


class DockerPlace(Place):
    """An environment on the engine at `host`."""

    keeps_the_dead = True

    def __init__(self, folder: Path, host: str, first: int | None = None) -> None:
        self.host = host
        self.way = (host,)
        super().__init__(folder, first)
        self.client = docker.APIClient(host, version="auto", timeout=60)
        self.images: dict[tuple[str, str], Image] = {}

    def environment(self) -> Environment:
        """As bot.toml would have it."""
        return Environment(
            target="docker",
            url=f"http://127.0.0.1:{self.first}",
            first_port=self.first + 1,
            mounts={folder: folder for folder in ("/usr", sys.base_prefix, sys.prefix, str(self.folder))},
        )

    def restarted(self, host: str | None = None) -> SlotTarget:
        """The target as a bot that was just started would have it; `host`: by another way to the engine."""
        return docker_target(
            product="shop",
            environment="production",
            config=self.config,
            state=self.folder / "state",
            docker=Docker(host=host or self.host),
            patience=self.patience,
            redact=lambda text: text.replace("hunter2", "***"),
        )

    def entry(self, slot: Slot) -> str:
        return self.target.address(slot).replace("127.0.0.1", "router")

    @property
    def identity(self) -> str:
        return Address.of("shop", "production", self.config, self.folder / "state").identity

    async def image(self, component: str, version: str) -> Image:
        if (component, version) not in self.images:
            self.images[component, version] = self._make(component, version)
        return self.images[component, version]

    def _make(self, component: str, version: str) -> Image:
        """Made once, also when another process asks: the engine gives every import another id."""
        name = f"releasebot-test/{component}-{self.identity}"
        with suppress(docker.errors.ImageNotFound):
            return Image(component, version, self.client.inspect_image(f"{name}:{version}")["Id"], name)
        self.client.import_image_from_data(_packed(), repository=name, tag=version, changes=_SETTINGS)
        return self._make(component, version)

    def containers(self) -> list[dict[str, Any]]:
        """Every container of this place, in whatever state."""
        wanted = {"label": [f"releasebot.identity={self.identity}"]}
        found: list[dict[str, Any]] = self.client.containers(all=True, filters=wanted)
        return found

    def running(self) -> dict[str, str]:
        return {
            one["Id"]: one["Labels"]["releasebot.place"]
            for one in self.containers()
            if one["State"] == "running"
        }

    def kill(self, name: str) -> None:
        """docker kill, and wait until it is dead."""
        found = [key for key, place in self.running().items() if place == name]
        assert len(found) == 1, name
        self.client.kill(found[0])
        deadline = time.monotonic() + 10
        while found[0] in self.running():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def lose(self, name: str) -> None:
        """docker rm -f"""
        for one in self.containers():
            if one["Labels"]["releasebot.place"] == name:
                self.client.remove_container(one["Id"], force=True)

    def clean(self) -> None:
        """What the target does not remove, and what it should have."""
        left = [one["Names"] for one in self.containers()]
        networks = self.client.networks(filters={"label": [f"releasebot.identity={self.identity}"]})
        for image in self.images.values():
            self.client.remove_image(image.digest, force=True)
        assert (left, networks) == ([], [])


def _packed() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, target in _LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for script in ("web.py", "worker.py"):
            tar.add(SCRIPTS / script, f"app/{script}")
    return archive.getvalue()


@asynccontextmanager
async def docker_place(folder: Path, host: str) -> AsyncIterator[DockerPlace]:
    """A place that leaves nothing on the engine."""
    here = DockerPlace(folder, host)
    with closing(here.client):
        try:
            yield here
        finally:
            await here.restarted().stop()
            here.clean()
