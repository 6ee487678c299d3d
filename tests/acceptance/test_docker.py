"""The demo in containers: the whole story with the example product's images, migrations and tests."""

from pathlib import Path

import pytest

from bot.demo.containers import Containers
from bot.demo.house import open_house
from bot.demo.story import Story

pytestmark = [pytest.mark.slow, pytest.mark.docker]


async def test_the_demo_releases_in_containers_and_goes_back(
    engine: str, base_image: str, tmp_path: Path
) -> None:
    containers = Containers(engine, base_image, keeps_images=False)
    async with open_house(tmp_path / "house", 0, canary=1, watch=2, containers=containers) as house:
        told = await Story(house).play()
    assert told.problems == []
