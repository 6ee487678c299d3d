"""What a release does with feature flags: it brings new ones, changes none, and looks at how they stand."""

from pathlib import Path
from typing import Any

import pytest

from pipeline import ticking
from pipeline.models import ChecklistItem
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from tests.flags import document, flag, states, store, world
from tests.house import BOT_TOML, DANA, House, open_house
from tests.places import MemoryTarget

ON_DOCKER = BOT_TOML.replace("first_port", 'target = "docker"\nfirst_port')


def item(shown: Snapshot) -> ChecklistItem:
    return next(item for item in shown.items if item.key == "flags")


def told(house: House, where: str) -> set[str | None]:
    """Where the services of an environment are told to read their flags."""
    target = house.made.targets[where]
    assert isinstance(target, MemoryTarget)
    bundle = target.slots[target.live] if target.live else None
    assert bundle
    return {service.env.get("FLAGS_FILE") for service in bundle.services}


async def test_a_release_brings_its_flags_to_each_environment_and_tells_its_services(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        assert await states(house) == {"human-in-the-loop": True, "auto-approval": False}
        assert told(house, "production") == {str(store(house).path)}

        await store(house).switch("auto-approval", True, "U0DANA", "")
        house.world.files["flags.json"] = document(new_flow=flag(), auto_approval=flag())
        release = await house.start()
        await house.to_watch(release.id)
        assert await states(house) == {"human-in-the-loop": True, "auto-approval": True, "new-flow": False}
        assert (await states(house, "staging"))["auto-approval"] is False
        assert told(house, "staging") == {str(store(house, "staging").path)}


async def test_on_docker_services_see_the_folder_at_a_fixed_path(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=world(), bot_toml=ON_DOCKER) as house:
        house.world.files["Dockerfile"] = "FROM scratch"
        house.world.playbook = house.world.playbook.replace('run = "python', 'image = {}\nrun = "python')
        await house.adopt()
        assert told(house, "production") == {"/run/flags/flags.json"}
        target = house.made.targets["production"]
        assert isinstance(target, MemoryTarget)
        services = [service for bundle in target.slots.values() if bundle for service in bundle.services]
        assert {tuple(service.shared.items()) for service in services} == {
            ((str(store(house).folder), "/run/flags"),)
        }


async def test_safe_flags_are_proven_at_the_commit_and_in_production(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.waits_for(release.id, "checklist")
        assert (item(shown).done, item(shown).done_by) == (True, "bot")
        assert item(shown).evidence["code"] == "flags_safe"
        assert shown.runs["preflight"].facts["flags"] == []


async def test_what_stands_unsafe_in_production_is_told_and_asks_a_person(tmp_path: Path) -> None:
    why = {"code": "flag_on", "environment": "production", "flag": "auto-approval", "safe": "off"}
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        await store(house).switch("auto-approval", True, "U0DANA", "")
        release = await house.start()
        shown = await house.waits_for(release.id, "checklist")
        assert shown.runs["preflight"].facts["flags"] == [why]
        assert not item(shown).done
        assert item(shown).evidence == {"code": "flags_unsafe", "facts": {"problems": [why]}}

        await ticking.tick(house.service, DANA, release.id, item(shown).id)
        shown = await house.until(release.id, lambda s: item(s).done)
        assert item(shown).done_by == "U0DANA"
        assert await states(house) == {"human-in-the-loop": True, "auto-approval": True}


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (document(auto_approval=flag("on")), "flag_on"),
        (document(auto_approval=flag(state="DISABLED")), "flag_disabled"),
        (document(auto_approval=flag(targeting={"if": [True, "on"]})), "flag_rules"),
        ("{", "flags_unreadable"),
    ],
)
async def test_what_turns_red_is_unticked_within_a_minute(now: str, why: str, tmp_path: Path) -> None:
    """Somebody changes the file by hand, outside of the bot."""
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        release = await house.start()
        await house.waits_for(release.id, "checklist")
        store(house).path.write_text(now)
        house.world.pass_time(seconds=61)
        house.nudge()
        shown = await house.until(release.id, lambda s: not item(s).done)
        assert item(shown).evidence["facts"]["problems"][0]["code"] == why

        store(house).path.write_text(document())
        house.world.pass_time(seconds=61)
        house.nudge()
        shown = await house.until(release.id, lambda s: item(s).done)
        assert item(shown).done_by == "bot"


async def test_a_release_goes_to_its_end_with_flags_that_it_brings_itself(tmp_path: Path) -> None:
    """The first one of the product: production has no flags yet, and its own are safe."""
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.to_end(release.id)
        assert shown.release.status is ReleaseStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("at_commit", "why"),
    [
        ({"auto_approval": flag("on")}, "The flag auto-approval is true by default; safe is false."),
        ({"theme": flag("blue")}, "its defaultVariant names none of its variants"),
        ({"theme": flag(description="for people")}, "flags.theme.description"),
    ],
)
async def test_an_unsafe_or_unreadable_file_at_the_commit_stops_the_release(
    at_commit: dict[str, Any], why: str, tmp_path: Path
) -> None:
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        house.world.files["flags.json"] = document(**at_commit)
        release = await house.start()
        shown = await house.ended(release.id)
        assert shown.runs["preflight"].code == "not_ready"
        (problem,) = shown.runs["preflight"].facts["problems"]
        assert (problem["code"], why in problem["problem"]) == ("flag_unsafe", True)
        assert "auto-approval" in await states(house)
        assert "theme" not in await states(house)
