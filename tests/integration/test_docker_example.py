"""The example product's images on a real engine: what is in them, as whom they run, and that they stop well."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from secrets import token_hex
from typing import Any

import aiohttp
import docker
import pytest
from docker.models.containers import Container

from bot.demo.history import EXAMPLE
from pipeline.adapters.docker import labels
from pipeline.adapters.docker.builder import DockerBuilder
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.shelf import Shelf
from pipeline.config import Playbook, load
from pipeline.ports import BuildOrder, Recipe
from tests.docker_house import SECONDS

pytestmark = pytest.mark.docker
PLAYBOOK = load(Playbook, EXAMPLE / "playbook.toml")
KEY = "0123456789abcdef"
ENV = {"RELEASE_VERSION": "0.1.0", "RELEASE_ENVIRONMENT": "test", "CHARGE_SIGNING_KEY": KEY}


class Images:
    """The three images, by component."""

    def __init__(self, client: docker.DockerClient, digests: dict[str, str]) -> None:
        self.client, self.digests = client, digests

    def said(self, component: str, *argv: str) -> str:
        """What a command in an image says."""
        said: bytes = self.client.containers.run(self.digests[component], list(argv), remove=True)
        return said.decode()

    @asynccontextmanager
    async def running(self, component: str, **options: Any) -> AsyncIterator[Container]:
        """The component as its image starts it; killed at the end."""
        container = self.client.containers.create(self.digests[component], **options)
        try:
            await asyncio.to_thread(container.start)
            yield container
        finally:
            await asyncio.to_thread(container.remove, force=True)


@pytest.fixture(scope="module")
def images(engine: str, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    folder, owner = tmp_path_factory.mktemp("images"), token_hex(4)
    builder = DockerBuilder(
        Engine(engine), Shelf(Engine(engine), "core-hub", owner), folder, str, {"BASE": base_image}
    )

    async def build() -> dict[str, str]:
        return {name: (await builder.build(order(name, folder))).digest for name in PLAYBOOK.components}

    with closing(docker.DockerClient(base_url=engine)) as client:
        yield Images(client, asyncio.run(build()))
        for image in client.images.list(filters=labels.filters({labels.OWNER: owner})):
            client.images.remove(str(image.id), force=True)


def order(name: str, folder: Path) -> BuildOrder:
    component = PLAYBOOK.components[name]
    assert component.image
    recipe = Recipe(component.image.dockerfile, component.image.target, component.image.args)
    log = folder / f"{name}.log"
    return BuildOrder(
        "core-hub", name, "0.1.0", "c" * 40, "r-1", EXAMPLE, component.sources, (), 300, log, recipe
    )


def test_images_have_what_they_need_compiled_and_not_the_tests(images: Images) -> None:
    assert "core_hub flags.json migrations" in " ".join(images.said("api", "ls").split())
    for component in ("worker", "frontend"):
        assert images.said(component, "ls").split() == ["core_hub", "requirements.txt"]
    assert "worker.cpython-3" in images.said("worker", "ls", "core_hub/__pycache__")


def test_they_run_as_nobody_and_may_write_nothing(images: Images) -> None:
    script = "import os; print(os.getuid(), os.access('core_hub', os.W_OK), os.access('/srv', os.W_OK))"
    for component in images.digests:
        assert images.said(component, "python", "-c", script) == "10001 False False\n"


async def test_the_frontend_serves_and_ends_at_once_as_process_1(images: Images) -> None:
    env = {**ENV, "HOST": "0.0.0.0", "PORT": "8080", "API_URL": "http://127.0.0.1:1"}
    ports = {"8080/tcp": ("127.0.0.1", None)}
    async with images.running("frontend", environment=env, ports=ports, network_mode="bridge") as container:
        assert await answer(container, "/version") == {
            "version": "0.1.0",
            "component": "frontend",
        }
        await ended_well(container)


async def test_the_api_and_the_worker_share_a_database_of_the_machine(images: Images, tmp_path: Path) -> None:
    env = {**ENV, "HOST": "0.0.0.0", "PORT": "8080", "DATABASE_URL": f"sqlite:///{tmp_path}/hub.db"}
    here: dict[str, Any] = {
        "volumes": {str(tmp_path): {"bind": str(tmp_path)}},
        "user": f"{os.getuid()}:{os.getgid()}",
    }
    migrate = ["python", "-m", "alembic", "upgrade", "head"]
    await asyncio.to_thread(
        lambda: images.client.containers.run(
            images.digests["api"], migrate, environment=env, remove=True, **here
        )
    )
    ports = {"8080/tcp": ("127.0.0.1", None)}
    async with (
        images.running("api", environment=env, ports=ports, **here) as api,
        images.running("worker", environment=env, network_mode="none", **here) as worker,
    ):
        assert await answer(api, "/api/version") == {
            "version": "0.1.0",
            "component": "api",
        }
        await said(worker, "ready: takes jobs")
        for container in (worker, api):
            await ended_well(container)


async def answer(container: Container, path: str) -> object:
    """What a service answers, once it does."""
    await asyncio.to_thread(container.reload)
    published = container.ports["8080/tcp"]
    assert published
    url = f"http://127.0.0.1:{published[0]['HostPort']}{path}"
    async with asyncio.timeout(SECONDS), aiohttp.ClientSession(trust_env=False) as session:
        while True:
            try:
                async with session.get(url) as response:
                    return await response.json()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


async def said(container: Container, text: str) -> None:
    async with asyncio.timeout(SECONDS):
        while text not in (await asyncio.to_thread(container.logs)).decode():
            await asyncio.sleep(0.05)


async def ended_well(container: Container) -> None:
    """After SIGTERM it ends by itself: with code 0, not with that of SIGKILL."""
    await asyncio.to_thread(container.stop, timeout=int(SECONDS))
    assert (await asyncio.to_thread(container.wait))["StatusCode"] == 0
