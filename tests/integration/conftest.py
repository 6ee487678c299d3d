"""What the integration tests share: an environment with a target, of each kind; a yard where images are built."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.docker_house import Yard, open_yard
from tests.registry import program, running_registry
from tests.services.docker import docker_place
from tests.services.local import Place, place


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """An environment: every test that asks for it runs with processes and with containers."""
    if request.param == "local":
        async with place(tmp_path) as found:
            yield found
    else:
        async with docker_place(tmp_path, request.getfixturevalue("engine")) as found:
            yield found


@pytest.fixture
def yard(engine: str, base_image: str, tmp_path: Path) -> Iterator[Yard]:
    """A checkout and a builder on the engine."""
    with open_yard(engine, base_image, tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a registry on the loopback; without its server the test is skipped by name."""
    if program() is None:
        pytest.skip("needs docker-registry")
    with running_registry(tmp_path_factory.mktemp("registry")) as name:
        yield name
