"""What the tests on a Docker engine share: a checkout to build images of, and waiting for what the engine does."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex

import docker
from docker.models.containers import Container

from pipeline.adapters.docker import labels
from pipeline.adapters.docker.builder import DockerBuilder
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.shelf import Registry, Shelf
from pipeline.ports import BuildOrder, Recipe

SECONDS = 90.0
"""How long a condition may take to become true."""

PLAIN = "FROM scratch\nCOPY app /app\n"
WITH_PYTHON = "ARG BASE\nFROM ${BASE}\nCOPY app /app\n"


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is true of the engine; looking at it blocks, so that it is done in a thread."""
    try:
        async with asyncio.timeout(SECONDS):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {SECONDS:g} s: {what}") from None


class Yard:
    """A checkout, and a builder with images of its own on the engine."""

    def __init__(self, client: docker.DockerClient, host: str, folder: Path, base: str) -> None:
        self.client, self.host, self.folder = client, host, folder
        self.identity = token_hex(4)
        self.checkout = folder / "checkout"
        (self.checkout / "app").mkdir(parents=True)
        (self.checkout / "app" / "main.py").write_text("print('hello')")
        self.args = {"BASE": base}
        self.builder = self.other()

    def other(
        self, product: str = "shop", args: Mapping[str, str] | None = None, registry: Registry | None = None
    ) -> DockerBuilder:
        """A builder as another process would have it, or with other settings."""
        shelf = Shelf(Engine(self.host), product, self.identity, registry)
        return DockerBuilder(
            Engine(self.host),
            shelf,
            self.folder / "builder",
            lambda text: text.replace("hunter2", "***"),
            args,
        )

    def order(self, dockerfile: str = PLAIN, release: str = "r-1", timeout: float = 60.0) -> BuildOrder:
        (self.checkout / "Dockerfile").write_text(dockerfile)
        return BuildOrder(
            product="shop",
            component="api",
            version="1.0.0+b1",
            commit="c" * 40,
            release_id=release,
            checkout=self.checkout,
            sources=("app",),
            commands=(),
            timeout=timeout,
            log=self.folder / "build.log",
            recipe=Recipe("Dockerfile", None, self.args),
        )

    def log(self) -> str:
        return (self.folder / "build.log").read_text()

    def images(self) -> list[str]:
        found = self.client.images.list(filters=labels.filters({labels.OWNER: self.identity}))
        return [str(image.id) for image in found]

    def containers(self) -> list[str]:
        """Of steps of builds too: they have no labels, but their image's ancestors."""
        found = self.client.containers.list(all=True, ignore_removed=True)
        return [str(container.name) for container in found if _mark(container) == self.identity]


def _mark(container: Container) -> str:
    environment = container.attrs["Config"]["Env"] or []
    return next((line.partition("=")[2] for line in environment if line.startswith("YARD=")), "")


@contextmanager
def open_yard(engine: str, base_image: str, folder: Path) -> Iterator[Yard]:
    """A yard whose images are gone at the end."""
    with closing(docker.DockerClient(base_url=engine)) as client:
        here = Yard(client, engine, folder, base_image)
        yield here
        for image in here.images():
            client.images.remove(image, force=True)
