"""The same story with containers: a release of the example product by its images, under load, and the way back."""

import os
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import docker
import pytest
import tomlkit

from bot.demo.house import PRODUCT
from bot.demo.visitors import Visitors
from bot.wiring import make_ports, read_config
from pipeline.states import ReleaseStatus
from tests.acceptance.town import DANA, SAM, Nobody, open_town

pytestmark = [pytest.mark.slow, pytest.mark.docker]


def _containers(host: str, base: str, path: Path) -> None:
    """The product on an engine: its database's folder mounted, its programs as the user who owns that."""
    file = tomlkit.parse(path.read_text())
    product = file["products"][PRODUCT]
    product["docker"] = {"host": host, "args": {"BASE": base}}
    for where in ("staging", "production"):
        environment = product["environments"][where]
        environment["target"] = "docker"
        environment["mounts"] = {str(path.parent): str(path.parent)}
        environment["user"] = f"{os.getuid()}:{os.getgid()}"
    path.write_text(tomlkit.dumps(file))


async def test_a_release_in_containers_goes_out_and_back_without_a_failed_request(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    folder = tmp_path / "town"
    try:
        await _release_and_back(engine, base_image, folder)
    finally:
        product = read_config(folder / "bot.toml").products[PRODUCT]
        builder = make_ports(PRODUCT, product, folder / "state", Nobody(), str).builder
        await builder.prune(frozenset(), datetime.now(UTC))


async def _release_and_back(engine: str, base_image: str, folder: Path) -> None:
    with closing(docker.APIClient(engine, version="auto")) as client:
        async with open_town(
            folder, canary=4, watch=600, settle=partial(_containers, engine, base_image)
        ) as town:
            await town.type(DANA, "/release", "v0.2.0")
            await town.message("Checklist before")
            await town.tick_all(DANA, "Checklist before")
            await town.message("Approval needed")
            async with Visitors(town.url, clients=8, rate=100) as visitors:
                await town.approve()
                shown = await town.until(lambda shown: "watch" in shown.runs)
                wanted = ["releasebot.environment=production", f"releasebot.release={shown.release.id}"]
                running = client.containers(filters={"label": wanted})
                await town.roll_back(SAM)
                shown = await town.until(lambda shown: shown.release.finished_at is not None)
            assert shown.release.status is ReleaseStatus.ROLLED_BACK, shown.runs
            assert visitors.failed == []
            assert visitors.seen[-1][1] == "v0.1.0"
            assert {each["Labels"]["releasebot.component"] for each in running} == {
                "api",
                "worker",
                "frontend",
            }
