"""Retention on a real engine: what runs and what can be gone back to stays; everything else of ours goes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import update

from pipeline import models
from pipeline.adapters.docker.builder import DockerBuilder
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.shelf import Shelf
from pipeline.ports import Bundle, Image
from pipeline.retention import Retention
from tests.docker_house import Yard, open_yard
from tests.house import House, open_house
from tests.services.docker import DockerPlace, docker_place
from tests.services.local import API, get

pytestmark = pytest.mark.docker

DOCKERFILE = "ARG BASE\nFROM ${BASE}\nCOPY app /src\n"


@dataclass
class Estate:
    """A house whose images are built on the engine, and whose production is there."""

    house: House
    here: DockerPlace
    yard: Yard

    async def built(self, version: str, release: str | None = None) -> Image:
        """An image of its own; with a `release`, the database has it as that release's."""
        order = replace(self.yard.order(DOCKERFILE, release or f"r-{version}"), version=version)
        image = await self.yard.builder.build(order)
        if release:
            async with self.house.db.transaction() as session:
                mine = models.Image.release_id == release
                await session.execute(update(models.Image).where(mine).values(digest=image.digest))
        return image

    async def bundle(self, image: Image, release: str) -> Bundle:
        bundle = await self.here.bundle(image.version, API)
        return Bundle(release, image.version, (replace(bundle.services[0], image=image),))

    def retention(self) -> Retention:
        targets = {**self.house.made.targets, "production": self.here.target}
        made = replace(self.house.made, builder=self.yard.builder, targets=targets)
        return Retention(self.house.db, self.house.config, lambda _: made, self.house.world.clock)


@pytest.fixture
async def estate(engine: str, tmp_path: Path) -> AsyncIterator[Estate]:
    async with docker_place(tmp_path / "place", engine) as here, open_house(tmp_path) as house:
        base = (await here.image("api", "scripts")).digest
        with open_yard(engine, base, tmp_path / "yard") as yard:
            yield Estate(house, here, yard)
            await here.target.stop()


async def test_what_runs_and_the_way_back_stay_and_the_rest_goes(estate: Estate) -> None:
    house, target = estate.house, estate.here.target
    releases = [await house.adopt()]
    for version in ("v0.2.0", "v0.3.0"):
        releases.append(await house.start(version))
        await house.to_end(releases[-1].id)
    _, back, live = [await estate.built(one.version, one.id) for one in releases]
    forgotten, tried = await estate.built("0.0.1"), await estate.built("9.9.9")
    await target.prepare(await estate.bundle(live, releases[2].id))
    await target.promote(releases[2].id)
    await target.prepare(await estate.bundle(tried, "r-9.9.9"))

    await estate.retention().clean_disk()
    assert forgotten.digest in estate.yard.images()  # all are young

    house.world.pass_time(days=400)
    await estate.retention().clean_disk()
    assert set(estate.yard.images()) == {back.digest, live.digest, tried.digest}

    await target.retire("r-9.9.9")
    assert set(estate.here.running().values()) == {"blue-api", "router"}
    await estate.retention().clean_disk()
    assert set(estate.yard.images()) == {back.digest, live.digest}

    await target.prepare(await estate.bundle(back, releases[1].id))
    await target.promote(releases[1].id)
    assert (await get(target.address() + "/version"))[:2] == (200, "green")


async def test_what_has_ended_leaves_no_container_and_no_network(estate: Estate) -> None:
    image = await estate.built("1.0.0")
    await estate.here.target.prepare(await estate.bundle(image, "r-1.0.0"))
    await estate.here.target.stop()
    label = [f"releasebot.identity={estate.here.identity}"]
    assert estate.here.containers() == []
    assert estate.here.client.networks(filters={"label": label}) == []


async def test_an_engine_that_does_not_answer_keeps_every_image_and_ends_no_round(estate: Estate) -> None:
    image = await estate.built("1.0.0")
    nowhere = Engine(f"unix://{estate.yard.folder}/none.sock")
    lost = DockerBuilder(nowhere, Shelf(nowhere, "shop", estate.yard.identity), estate.yard.folder, str)
    made = replace(estate.house.made, builder=lost)
    estate.house.world.pass_time(days=400)
    house = estate.house
    await Retention(house.db, house.config, lambda _: made, house.world.clock).clean_disk()
    assert estate.yard.images() == [image.digest]
