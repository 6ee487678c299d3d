"""The network of an environment goes with its containers, also on an engine that has miscounted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from pipeline.adapters.docker.containers import Containers
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.slots.site import Address
from pipeline.config import Environment
from pipeline.errors import TargetError
from tests.services.docker import docker_place


@pytest.fixture
def address(tmp_path: Path) -> Address:
    config = Environment(target="docker", url="http://127.0.0.1:8000", first_port=8001)
    return Address.of("shop", "production", config, tmp_path)


@pytest.fixture
async def miscounting(tmp_path: Path, address: Address) -> AsyncIterator[str]:
    """The address of an engine that has a network, nobody in it, and will not remove it (moby issue 17217)."""
    network = {"Id": "n1", "Name": "shop-production", "Containers": {}}

    async def refuse(_: web.Request) -> web.Response:
        raise web.HTTPForbidden(text='{"message": "network n1 has active endpoints"}')

    app = web.Application()
    app.router.add_get("/version", _saying({"ApiVersion": "1.41"}))
    app.router.add_get("/v1.41/networks", _saying([network]))
    app.router.add_get("/v1.41/networks/n1", _saying(network))
    app.router.add_delete("/v1.41/networks/n1", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    socket = tmp_path / "engine.sock"
    await web.UnixSite(runner, str(socket)).start()
    yield f"unix://{socket}"
    await runner.cleanup()


def _saying(value: object) -> Handler:
    async def say(_: web.Request) -> web.StreamResponse:
        return web.json_response(value)

    return say


async def test_a_network_that_only_the_engine_believes_in_use_is_left(
    miscounting: str, address: Address
) -> None:
    await Containers(Engine(miscounting), address, patience=0.1).clear()


@pytest.mark.docker
async def test_a_network_in_use_is_not_taken_away(engine: str, tmp_path: Path) -> None:
    async with docker_place(tmp_path, engine) as here:
        await here.live("1.0.0")
        address = Address.of("shop", "production", here.config, here.folder / "state")
        containers = Containers(Engine(engine), address, patience=0.1)
        with pytest.raises(TargetError, match="containers still use it"):
            await containers.clear()
        assert await containers.find()
        await here.target.stop()
        assert here.client.networks(filters={"label": [f"releasebot.identity={here.identity}"]}) == []
