"""The base image that is made without a registry, and the engine that tests start themselves."""

import asyncio
from contextlib import closing

import docker
import pytest

from bot.demo.base_image import base_image as make_base_image
from bot.demo.history import EXAMPLE
from pipeline.adapters.docker.engine import Engine

pytestmark = pytest.mark.docker
REQUIREMENTS = EXAMPLE / "requirements.txt"


def test_the_base_image_runs_python_with_the_requirements_as_any_user(engine: str, base_image: str) -> None:
    script = "import aiohttp, sqlalchemy, sqlite3, os, sys; print(os.getuid(), sys.version_info >= (3, 11))"
    with closing(docker.DockerClient(base_url=engine)) as client:
        said = client.containers.run(base_image, ["python", "-c", script], user="1234", remove=True)
    assert said == b"1234 True\n"


def test_pip_has_nothing_left_to_install(engine: str, base_image: str) -> None:
    pip = ["python", "-m", "pip", "install", "-r", "/requirements.txt"]
    mounted = {str(REQUIREMENTS): {"bind": "/requirements.txt", "mode": "ro"}}
    with closing(docker.DockerClient(base_url=engine)) as client:
        said = client.containers.run(base_image, pip, volumes=mounted, network_mode="none", remove=True)
    assert b"Requirement already satisfied: aiohttp" in said


def test_it_is_made_once(engine: str, base_image: str) -> None:
    async def again() -> str:
        return await make_base_image(Engine(engine), REQUIREMENTS)

    assert asyncio.run(again()) == base_image
