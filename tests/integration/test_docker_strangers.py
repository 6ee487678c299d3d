"""Who else is on the engine: copies of our containers, images with our labels, another bot, another product."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.docker.volumes import volumes
from pipeline.adapters.slots.site import Address
from pipeline.errors import TargetError
from pipeline.ports import Bundle
from tests.docker_house import Yard, until
from tests.services.docker import DockerPlace, docker_place
from tests.services.local import API

pytestmark = pytest.mark.docker

VOLUME = "shop.production.data"


@pytest.fixture
async def here(engine: str, tmp_path: Path) -> AsyncIterator[DockerPlace]:
    async with docker_place(tmp_path, engine) as found:
        yield found


def _stranger(here: DockerPlace, image: str, labels: Mapping[str, str]) -> str:
    """A running container that has its labels from its image, as a step of a build has."""
    changes = [f'LABEL {name}="{value}"' for name, value in labels.items()]
    made = here.client.create_container(image, ["python", "-c", "import time; time.sleep(600)"])["Id"]
    try:
        taught: str = here.client.commit(made, changes="\n".join(changes))["Id"]
    finally:
        here.client.remove_container(made)
    host = here.client.create_host_config(binds=[f"{path}:{path}" for path in here.config.mounts])
    found: str = here.client.create_container(taught, host_config=host)["Id"]
    here.client.start(found)
    return found


def _remove(here: DockerPlace, container: str) -> None:
    image = here.client.inspect_container(container)["Image"]
    here.client.remove_container(container, force=True)
    here.client.remove_image(image)


async def test_a_copy_of_a_container_is_not_taken_for_it(here: DockerPlace) -> None:
    """As docker commit and docker run make it, to look for a mistake."""
    await here.live("1.0.0")
    (ours,) = [one for one in here.containers() if one["Labels"]["releasebot.place"] == "blue-api"]
    copy = _stranger(here, ours["Image"], ours["Labels"])
    try:
        here.client.kill(ours["Id"])
        assert await here.target.missing() == ("api of 1.0.0 (blue slot) does not run.",)
        await here.target.reconcile()
        assert await here.target.missing() == ()
        assert here.client.inspect_container(copy)["State"]["Running"]
    finally:
        _remove(here, copy)


async def test_labels_of_an_image_lead_to_no_file_and_to_no_place(here: DockerPlace) -> None:
    await here.live("1.0.0")
    labels = {"identity": here.identity, "release": "../..", "component": "out", "place": "green-old"}
    image = (await here.image("api", "1.0.0")).digest
    hostile = _stranger(here, image, {f"releasebot.{name}": value for name, value in labels.items()})
    try:
        await here.target.reconcile()
        await here.target.stop()
        assert here.client.inspect_container(hostile)["State"]["Running"]
        assert [path.name for path in here.folder.rglob("out.log")] == []
    finally:
        _remove(here, hostile)


async def _with_volume(here: DockerPlace) -> Bundle:
    bundle = await here.bundle("1.0.0", API)
    service = replace(bundle.services[0], volumes={"data": "/data"})
    return replace(bundle, services=(service,))


async def test_another_bots_volume_is_not_mounted(here: DockerPlace, engine: str, tmp_path: Path) -> None:
    try:
        await here.target.prepare(await _with_volume(here))
        await here.target.stop()
        async with docker_place(tmp_path / "other", engine) as other:
            with pytest.raises(TargetError, match=rf"the volume {VOLUME}, which belongs to .* another\s+bot"):
                await other.target.prepare(await _with_volume(other))
            assert "blue-api" not in other.running().values()
        await here.target.prepare(await _with_volume(here))
    finally:
        await here.target.stop()
        await asyncio.to_thread(here.client.remove_volume, VOLUME)


def test_no_two_products_mean_the_same_volume(tmp_path: Path) -> None:
    one = Address("shop", "staging", "http://127.0.0.1:1", 1, 2, tmp_path)
    two = Address("shop-staging", "production", "http://127.0.0.1:3", 3, 4, tmp_path)
    assert volumes(one, {"production-data": "/data"}, {})[0] == {"shop.staging.production-data": "/data"}
    assert volumes(two, {"data": "/data"}, {})[0] == {"shop-staging.production.data": "/data"}


def test_what_the_operator_mounts_wins_over_a_volume_of_the_playbook(tmp_path: Path) -> None:
    address = Address("shop", "staging", "http://127.0.0.1:1", 1, 2, tmp_path)
    mine, every = volumes(address, {"data": "/data", "cache": "/cache"}, {"/srv/shop": "/data"})
    assert mine == {"shop.staging.cache": "/cache"}
    assert every == {"/srv/shop": "/data", "shop.staging.cache": "/cache"}


async def test_an_image_made_from_ours_is_not_taken_for_what_was_built(yard: Yard) -> None:
    order = yard.order()
    built = await yard.builder.build(order)
    made_in = int(time.time())
    made = yard.client.api.create_container(built.digest, ["/app"])["Id"]
    try:
        await until(lambda: time.time() >= made_in + 1, "a second that the engine tells from the first")
        changed = yard.client.api.commit(made)["Id"]
    finally:
        yard.client.api.remove_container(made)
    assert set(yard.images()) == {built.digest, changed}
    assert (await yard.builder.build(order)).digest == built.digest


async def test_names_that_differ_by_hyphens_only_name_two_images(yard: Yard) -> None:
    order = yard.order()
    one, two = [await yard.builder.build(replace(order, component=name)) for name in ("api", "api-")]
    assert (one.reference, two.reference) == (
        "releasebot/shop/api:1.0.0_b1-r-1",
        "releasebot/shop/api_1:1.0.0_b1-r-1",
    )
    assert one.digest != two.digest
