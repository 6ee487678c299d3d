"""Which of the playbook's commands run in a container, of which image, and with what; on a world in memory."""

from pathlib import Path

from pipeline import turning
from pipeline.ports import Limits
from pipeline.states import ReleaseStatus
from tests.house import BOT_TOML, SAM, open_house
from tests.world import PLAYBOOK, World

ON_DOCKER = BOT_TOML.replace("first_port", 'target = "docker"\nfirst_port')
IMAGES = PLAYBOOK.replace('sources = ["web"]', 'sources = ["web"]\nimage = { dockerfile = "web" }')
CONTAINED = (
    IMAGES.replace(
        'run = "unit"', 'run = "unit"\ncontainer = { component = "web", memory = "64m", network = true }'
    )
    .replace("cases = 2", 'cases = 2\ncontainer = { image = "evaluator:1", pids = 50 }')
    .replace(
        'required = ["login"]', 'required = ["login"]\ncontainer = { component = "worker", network = true }'
    )
)


async def test_commands_run_in_the_image_just_built_or_in_the_one_that_is_named(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=World(playbook=CONTAINED), bot_toml=ON_DOCKER) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        commands, folder = house.world.commands, tmp_path / "releases" / release.id
        unit, evaluation, smoke = (
            commands[name].container for name in ("test-unit", "evaluation", "staging-smoke")
        )
        assert unit
        assert (unit.image, unit.product, unit.network) == (f"sha256:{'b' * 8}web", "shop", "own")
        assert (unit.limits, unit.output) == (Limits(64 * 2**20), folder / "reports" / "test-unit")
        assert evaluation
        assert (evaluation.image, evaluation.network, evaluation.limits.pids) == ("evaluator:1", "none", 50)
        assert smoke
        assert (smoke.image, smoke.network) == (f"sha256:{'b' * 8}worker", "host")
        assert commands["staging-smoke"].env["SMOKE_BASE_URL"] == "http://127.0.0.1/staging/"
        assert "PATH" not in commands["test-unit"].env
        recipes = [entry for entry in house.world.journal if entry[0] == "build"]
        assert {entry[1] for entry in recipes} == {"web", "worker"}


async def test_after_a_rollback_the_previous_versions_own_image_is_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=World(playbook=CONTAINED), bot_toml=ON_DOCKER) as house:
        await house.adopt()
        release = await house.start()
        await house.to_watch(release.id)
        await turning.roll_back(house.service, SAM, release.id, "slow", True, house.click())
        await house.ended(release.id)
        inside = house.world.commands["rollback-smoke"].container
        assert inside
        assert inside.image == f"sha256:{'a' * 8}worker"


async def test_without_images_a_release_on_docker_does_not_begin(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=ON_DOCKER) as house:
        shown = await house.ended((await house.start("v0.2.0")).id)
        assert shown.release.status is ReleaseStatus.FAILED
        assert shown.runs["preflight"].facts["problems"] == [
            {"code": "image_missing", "component": "web"},
            {"code": "image_missing", "component": "worker"},
        ]


async def test_a_missing_dockerfile_is_named_before_anything_is_built(tmp_path: Path) -> None:
    wrong = IMAGES.replace('dockerfile = "web"', 'dockerfile = "Dockerfile"', 1)
    async with open_house(tmp_path, world=World(playbook=wrong), bot_toml=ON_DOCKER) as house:
        shown = await house.ended((await house.start("v0.2.0")).id)
        problem = {"code": "source_missing", "component": "web", "path": "Dockerfile"}
        assert shown.runs["preflight"].facts["problems"] == [problem]
        assert not house.world.done("build")


async def test_elsewhere_no_command_can_run_in_the_image_of_a_component(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=World(playbook=CONTAINED)) as house:
        shown = await house.ended((await house.start("v0.2.0")).id)
        assert shown.runs["preflight"].facts["problems"] == [
            {"code": "no_such_image", "check": "tests.unit", "component": "web"},
            {"code": "no_such_image", "check": "smoke", "component": "worker"},
        ]
