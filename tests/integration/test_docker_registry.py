"""Images in a registry: pushed and fetched by digest, and what is told when that does not work."""

import pytest

from pipeline.adapters.docker.shelf import Registry
from pipeline.errors import BuildError
from tests.docker_house import Yard
from tests.registry import PASSWORD, USER

pytestmark = pytest.mark.docker


async def test_what_the_engine_has_lost_comes_back_from_the_registry_by_digest(
    yard: Yard, registry: str
) -> None:
    builder = yard.other(registry=Registry(f"{registry}/team", USER, PASSWORD))
    image = await builder.build(yard.order())
    name, _, content = image.reference.partition("@")
    assert name == f"{registry}/team/shop/api"
    assert content.startswith("sha256:")
    assert content != image.digest
    yard.client.images.remove(image.digest, force=True)
    assert await builder.exists(image)
    found = yard.client.images.get(image.digest)
    assert (found.id, found.tags) == (image.digest, [f"{name}:1.0.0_b1"])


async def test_without_the_registry_what_is_lost_is_lost(yard: Yard, registry: str) -> None:
    image = await yard.other(registry=Registry(registry, USER, PASSWORD)).build(yard.order())
    yard.client.images.remove(image.digest, force=True)
    assert not await yard.builder.exists(image)


async def test_no_other_registry_is_asked_with_these_credentials(yard: Yard, registry: str) -> None:
    image = await yard.other(registry=Registry(registry, USER, PASSWORD)).build(yard.order())
    yard.client.images.remove(image.digest, force=True)
    assert not await yard.other(registry=Registry("127.0.0.1:9", USER, PASSWORD)).exists(image)


async def test_an_image_built_before_is_pushed_when_there_is_a_registry(yard: Yard, registry: str) -> None:
    before = await yard.builder.build(yard.order())
    after = await yard.other(registry=Registry(registry, USER, PASSWORD)).build(yard.order())
    assert after.digest == before.digest
    assert after.reference.startswith(f"{registry}/shop/api@sha256:")


@pytest.mark.parametrize("password", ["wrong-" + PASSWORD, ""])
async def test_a_registry_that_does_not_know_us_is_told(yard: Yard, registry: str, password: str) -> None:
    builder = yard.other(registry=Registry(registry, USER if password else "", password))
    with pytest.raises(BuildError, match="SHOP_REGISTRY_USER and SHOP_REGISTRY_PASSWORD") as error:
        await builder.build(yard.order())
    assert f"{registry}/shop/api could not be pushed: " in str(error.value)
    assert "Next: " in str(error.value)
    assert PASSWORD not in str(error.value)


async def test_a_registry_that_is_not_there_is_told(yard: Yard) -> None:
    with pytest.raises(
        BuildError, match=r"127.0.0.1:9/shop/api could not be pushed: .*refused.*Next: see that the"
    ):
        await yard.other(registry=Registry("127.0.0.1:9")).build(yard.order())
