"""The builder on a real engine: what is built, found again, kept, cut off, and what people are told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.adapters.docker import labels
from pipeline.adapters.docker.builder import DockerBuilder
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.shelf import Shelf
from pipeline.errors import BuildError
from pipeline.files import locked
from pipeline.ports import Image, Recipe
from tests.docker_house import PLAIN, WITH_PYTHON, Yard, until

pytestmark = pytest.mark.docker


async def test_an_image_has_what_was_named_and_says_where_it_is_from(yard: Yard) -> None:
    (yard.checkout / "secret.txt").write_text("not named in sources")
    image = await yard.builder.build(
        yard.order(WITH_PYTHON + "RUN python /app/main.py && test ! -e /app/secret.txt\n")
    )
    found = yard.client.images.get(image.digest)
    assert (image.component, image.version, found.id) == ("api", "1.0.0+b1", image.digest)
    assert found.tags == [image.reference] == ["releasebot/shop/api:1.0.0_b1-r-1"]
    ours = {name: value for name, value in found.labels.items() if name.startswith("releasebot.image.")}
    assert len(ours.pop(labels.INPUTS)) == 64
    assert ours == {
        labels.PRODUCT: "shop",
        labels.COMPONENT: "api",
        labels.VERSION: "1.0.0+b1",
        labels.COMMIT: "c" * 40,
        labels.RELEASE: "r-1",
        labels.OWNER: yard.identity,
    }
    assert "hello" in yard.log()
    assert await yard.builder.exists(image)
    assert list((yard.folder / "builder").glob("api*")) == [yard.folder / "builder" / "api.lock"]


async def test_the_same_is_built_once_and_gets_a_tag_of_each_release(yard: Yard) -> None:
    first = await yard.builder.build(yard.order())
    again = await yard.other().build(yard.order(release="r-2"))
    assert again.digest == first.digest
    assert sorted(yard.client.images.get(first.digest).tags) == sorted([first.reference, again.reference])
    assert len(yard.images()) == 1


async def test_side_by_side_it_is_still_built_once(yard: Yard) -> None:
    made = await asyncio.gather(
        *(bot.build(yard.order()) for bot in (yard.builder, yard.other(), yard.other()))
    )
    assert len({image.digest for image in made}) == 1
    assert len(yard.images()) == 1


async def test_whatever_goes_in_makes_another_image(yard: Yard) -> None:
    order, made = yard.order(), [await yard.builder.build(yard.order())]
    recipe = Recipe("Dockerfile", None, {**yard.args, "A": "b"})
    made.append(await yard.builder.build(replace(order, version="1.0.1")))
    made.append(await yard.builder.build(replace(order, commit="d" * 40)))
    made.append(await yard.builder.build(replace(order, recipe=recipe)))
    made.append(await yard.other(args={"A": "c"}).build(order))
    made.append(await yard.builder.build(yard.order(PLAIN + "USER 1000\n")))
    (yard.checkout / "app" / "main.py").write_text("print('other')")
    made.append(await yard.builder.build(yard.order()))
    assert len({image.digest for image in made}) == len(made) == 7


async def test_a_stage_of_the_dockerfile_and_the_operators_argument(yard: Yard) -> None:
    dockerfile = "ARG BASE\nFROM ${BASE} AS one\nENV STAGE=one\nFROM ${BASE} AS two\nENV STAGE=two\n"
    order = yard.order(dockerfile)
    recipe = Recipe("Dockerfile", "one", {"BASE": "nowhere.invalid/base:1"})
    image = await yard.other(args=yard.args).build(replace(order, recipe=recipe))
    found = yard.client.images.get(image.digest)
    assert "STAGE=one" in found.attrs["Config"]["Env"]
    assert found.labels[labels.COMPONENT] == "api"


async def test_a_dockerfile_may_stand_outside_of_the_sources(yard: Yard) -> None:
    order = yard.order()
    (yard.checkout / "docker").mkdir()
    (yard.checkout / "Dockerfile").rename(yard.checkout / "docker" / "api.Dockerfile")
    await yard.builder.build(replace(order, recipe=Recipe("docker/api.Dockerfile", None, yard.args)))


async def test_a_step_that_fails_is_shown_without_secrets_and_leaves_nothing(yard: Yard) -> None:
    step = f"ENV YARD={yard.identity}\nRUN echo the password is hunter2 && exit 7\n"
    with pytest.raises(BuildError) as error:
        await yard.builder.build(yard.order(WITH_PYTHON + step))
    said = str(error.value)
    assert said.startswith(
        "api could not be built: The command '/bin/sh -c echo the password is *** && exit 7'"
    )
    assert "returned a non-zero code: 7. Production is untouched. Next: correct the Dockerfile" in said
    assert "the password is ***" in said.splitlines()[-2:][0] + said.splitlines()[-1]
    assert "hunter2" not in said + yard.log()
    assert (yard.images(), yard.containers()) == ([], [])


@pytest.mark.parametrize(
    ("dockerfile", "told"),
    [
        ("", "file with no instructions|cannot be empty"),
        ("FROM nowhere.invalid/base:1\n", "nowhere.invalid"),
        ("FRMO x\n", "unknown instruction: FRMO"),
        ("ARG BASE\nFROM ${BASE}\nCOPY missing /\n", "missing"),
        ("ARG BASE\nFROM ${BASE}\nRUN printf '\\033[31mr\\355d\\n'; exit 1\n", "returned a non-zero code: 1"),
    ],
)
async def test_a_mistake_in_the_dockerfile_is_told(yard: Yard, dockerfile: str, told: str) -> None:
    with pytest.raises(BuildError, match=told) as error:
        await yard.builder.build(yard.order(dockerfile))
    assert "api could not be built" in str(error.value)
    assert "Next: " in str(error.value)
    assert "\x1b" not in str(error.value)


async def test_without_a_recipe_it_says_what_to_write(yard: Yard) -> None:
    with pytest.raises(BuildError, match=r"image = \{ dockerfile = \"Dockerfile\" \} to \[components.api\]"):
        await yard.builder.build(replace(yard.order(), recipe=None))


async def test_no_source_leads_out_of_the_checkout(yard: Yard) -> None:
    (yard.checkout / "app" / "out").symlink_to("/etc/hostname")
    with pytest.raises(BuildError, match="outside of the image"):
        await yard.builder.build(yard.order())
    (yard.checkout / "app" / "out").unlink()
    order = yard.order()
    (yard.checkout / "Dockerfile").unlink()
    (yard.checkout / "Dockerfile").symlink_to("/etc/hostname")
    with pytest.raises(BuildError, match="outside of the image"):
        await yard.builder.build(order)


async def test_a_build_that_takes_too_long_is_ended_with_its_container(yard: Yard) -> None:
    step = f"ENV YARD={yard.identity}\nRUN echo begun && sleep 100\n"
    with pytest.raises(BuildError, match="ran into its time limit of 8 s") as error:
        await yard.builder.build(yard.order(WITH_PYTHON + step, timeout=8))
    assert "begun" in str(error.value)  # a busy engine needs seconds to start a step
    await until(lambda: not yard.containers(), "the step's container is gone")
    assert yard.images() == []


async def test_a_build_that_is_cancelled_is_ended_with_its_container(yard: Yard) -> None:
    step = f"ENV YARD={yard.identity}\nRUN echo begun && sleep 100\n"
    build = asyncio.create_task(yard.builder.build(yard.order(WITH_PYTHON + step)))
    await until(lambda: bool(yard.containers()), "the step runs")
    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build
    await until(lambda: not yard.containers(), "the step's container is gone")
    await yard.builder.build(yard.order())


async def test_who_waits_for_another_build_can_stop_waiting(yard: Yard) -> None:
    lock = yard.folder / "builder" / "api.lock"
    with locked(lock, 0) as free:
        assert free
        waiting = asyncio.create_task(yard.builder.build(yard.order()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await yard.builder.build(yard.order())


async def test_an_engine_that_is_not_there_is_told(yard: Yard) -> None:
    nowhere = Engine(f"unix://{yard.folder}/none.sock")
    builder = DockerBuilder(nowhere, Shelf(nowhere, "shop", "x"), yard.folder / "builder", str)
    with pytest.raises(BuildError, match=r"api .*the Docker engine at unix:///.* does not answer"):
        await builder.build(yard.order())
    with pytest.raises(BuildError, match="could not be looked for: the Docker engine"):
        await builder.exists(Image("api", "1", "sha256:" + "0" * 64, "x"))


async def test_only_old_images_that_nothing_needs_are_pruned(yard: Yard) -> None:
    kept, used, tagged, old = [
        await yard.builder.build(replace(yard.order(release=f"r-{version}"), version=version))
        for version in ("1.0.0", "1.0.1", "1.0.2", "1.0.3")
    ]
    container = yard.client.containers.create(used.digest, ["/app/main.py"])
    yard.client.images.get(tagged.digest).tag("mine", yard.identity)
    soon, past = datetime.now(UTC) + timedelta(days=1), datetime.now(UTC) - timedelta(days=1)
    try:
        assert await yard.builder.prune({kept.digest}, past) == ()
        assert await yard.other("other").prune((), soon) == ()
        assert await yard.builder.prune({kept.digest}, soon) == (old.digest,)
    finally:
        container.remove(force=True)
    assert [await yard.builder.exists(image) for image in (kept, used, tagged, old)] == [
        True,
        True,
        True,
        False,
    ]
    assert await yard.builder.prune({kept.digest}, soon) == (used.digest,)
    yard.client.images.remove(f"mine:{yard.identity}")


async def test_a_prune_of_the_engine_leaves_the_images_of_releases(yard: Yard) -> None:
    image = await yard.builder.build(yard.order())
    yard.client.images.prune(filters={"dangling": True, "label": [f"{labels.OWNER}={yard.identity}"]})
    assert await yard.builder.exists(image)
