"""The bot's own image on a real engine, and the compose file around it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.models.containers import Container

from bot.demo.base_image import base_image as make_base_image
from bot.demo.house import MANIFEST, PORTS, free_ports, prepare
from bot.sandbox.manifest import read_manifest
from bot.sandbox.sandbox import Sandbox
from pipeline.adapters.docker.engine import Engine
from tests.docker_house import until

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000  # nanoseconds, as the engine counts
TAG = "releasebot-of-tests"


@pytest.fixture(scope="module")
def client(engine: str) -> Iterator[docker.DockerClient]:
    with closing(docker.DockerClient(base_url=engine)) as found:
        yield found


@pytest.fixture(scope="module")
def image(engine: str, client: docker.DockerClient) -> Iterator[str]:
    """The bot's image, made of the Dockerfile at the root."""
    base = asyncio.run(make_base_image(Engine(engine), ROOT / "requirements.txt", ("git",)))
    made, _ = client.images.build(path=str(ROOT), buildargs={"BASE": base}, tag=TAG, rm=True, forcerm=True)
    yield str(made.id)
    client.images.remove(TAG, force=True)


@pytest.mark.docker
@pytest.mark.slow  # a base image with all that the bot needs is made first
class TestImage:
    def test_it_runs_the_command_line_as_nobody_and_has_nothing_of_the_checkout_besides(
        self, client: docker.DockerClient, image: str
    ) -> None:
        assert b"Runs release playbooks from Slack" in client.containers.run(image, ["--help"], remove=True)
        look = ["-c", "id -u; git --version | cut -c 1-11; ls -A"]
        said: bytes = client.containers.run(image, look, entrypoint=["sh"], remove=True)
        assert said.decode().split("\n") == [
            "10001", "git version", "bot", "handlers", "pipeline", "requirements.txt", ""
        ]  # fmt: skip

    def test_without_tokens_it_says_what_is_missing(self, client: docker.DockerClient, image: str) -> None:
        with pytest.raises(docker.errors.ContainerError) as error:
            client.containers.run(image, remove=True)
        assert error.value.exit_status == 2
        assert "SLACK_BOT_TOKEN: is missing" in str(error.value.stderr)

    async def test_it_becomes_healthy_beside_a_slack_and_stops_well(
        self, client: docker.DockerClient, image: str, tmp_path: Path
    ) -> None:
        with free_ports(PORTS) as first:
            await asyncio.to_thread(prepare, tmp_path / "demo", first, 1, 1)
            commands, shortcuts = read_manifest(MANIFEST)
            async with Sandbox(commands=commands, shortcuts=shortcuts) as sandbox:
                container = _container(client, image, sandbox, tmp_path, first + PORTS - 1)
                try:
                    await asyncio.to_thread(container.start)
                    await until(lambda: _health(container) == "healthy", "the bot is healthy")
                    await asyncio.to_thread(container.stop, timeout=30)
                    assert (await asyncio.to_thread(container.wait))["StatusCode"] == 0
                finally:
                    await asyncio.to_thread(container.remove, force=True)


def _container(
    client: docker.DockerClient, image: str, sandbox: Sandbox, folder: Path, port: int
) -> Container:
    """The bot on the host's network, with its files at their own path, as compose.yaml has it."""
    return client.containers.create(
        image,
        environment={
            "SLACK_BOT_TOKEN": sandbox.bot_token,
            "SLACK_APP_TOKEN": sandbox.app_token,
            "SLACK_API_URL": sandbox.api_url,
            "RELEASEBOT_CONFIG": str(folder / "demo" / "bot.toml"),
            "RELEASEBOT_STATE": str(folder / "state"),
            "RELEASEBOT_PORT": str(port),
        },
        volumes={str(folder): {"bind": str(folder)}},
        user=f"{os.getuid()}:{os.getgid()}",
        network_mode="host",
        init=True,
        healthcheck={
            "interval": SECOND,
            "timeout": 5 * SECOND,
            "start_period": 30 * SECOND,
            "retries": 3,
        },
    )


def _health(container: Container) -> str:
    container.reload()
    state: dict[str, Any] = container.attrs["State"]
    assert state["Running"], container.logs().decode()
    return str(state["Health"]["Status"])


def test_the_compose_file_mounts_the_state_at_its_own_path_and_is_near_the_products() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    bot, database = services["bot"], services["database"]
    mounts = [mount.split(":") for mount in bot["volumes"]]
    assert ["/var/lib/releasebot", "/var/lib/releasebot"] in mounts
    assert "RELEASEBOT_STATE=/var/lib/releasebot" in (ROOT / "Dockerfile").read_text()
    assert bot["network_mode"] == "host"
    assert bot["depends_on"]["database"]["condition"] == "service_healthy"
    assert database["healthcheck"]["test"][1] == "pg_isready"
    assert all(port.startswith("127.0.0.1:") for port in database["ports"])


def test_compose_takes_its_file_and_says_what_is_not_set(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("needs docker-compose")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-1\n")

    def asked(**env: str) -> "subprocess.CompletedProcess[str]":
        argv = (program, "--file", "compose.yaml", "config", "--quiet")
        known = {"PATH": os.environ["PATH"], **env}
        return subprocess.run(argv, cwd=tmp_path, env=known, capture_output=True, text=True, timeout=60)

    assert asked(DOCKER_GID="999", POSTGRES_PASSWORD="secret").returncode == 0
    refused = asked(POSTGRES_PASSWORD="secret")
    assert refused.returncode != 0
    assert "the group of /var/run/docker.sock" in refused.stderr
