"""What the integration tests share: an environment with a target, of each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
