"""The dashboard is looked at during the watch: what lasts is told, kept, and keeps its item from being ticked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import House, open_house
from tests.world import PLAYBOOK

WATCH = 'every = "1m"\ndashboard = "/dashboard"\ndashboard_shows = ["Requests"]'
TOLD = 'after = [{ key = "told", title = "The team looked at it" }'
ITEM = '{ key = "dashboard", title = "The dashboard shows metrics", proof = "dashboard" }'


def playbook() -> str:
    return (
        PLAYBOOK.replace('duration = "30m"', 'duration = "6m"')
        .replace('every = "10m"', WATCH)
        .replace(TOLD, f"{TOLD}, {ITEM}")
    )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        house.world.playbook = playbook()
        await house.adopt()
        yield house


async def minute(house: House, release_id: str) -> Snapshot:
    """A minute passes, and the watch looks."""
    begun = (await house.service.snapshot(release_id)).runs["watch"].due_at
    house.world.pass_time(minutes=1)
    house.nudge()
    return await house.until(
        release_id,
        lambda shown: (
            shown.release.owner is None
            and (shown.runs["watch"].due_at != begun or shown.runs["watch"].status is not StageStatus.WAITING)
        ),
    )


def lapses(shown: Snapshot) -> list[dict[str, object]]:
    return list(shown.runs["watch"].data.get("dashboard", {}).get("lapses", []))


async def test_a_page_that_opens_and_shows_its_series_is_proof(house: House) -> None:
    house.world.page = "Requests 12"
    release = await house.start()
    await house.to_watch(release.id)
    for _ in range(6):
        shown = await minute(house, release.id)
    (item,) = [item for item in shown.items if item.key == "dashboard"]
    assert (item.done, item.done_by, item.evidence["code"]) == (True, "bot", "watch_passed")


async def test_a_failure_that_lasts_is_told_in_the_watch_and_leaves_the_item_to_a_person(
    house: House,
) -> None:
    house.world.page = "Requests 12"
    release = await house.start()
    await house.to_watch(release.id)
    house.world.failing.add("dashboard")
    shown = await minute(house, release.id)
    assert "dashboard" not in shown.runs["watch"].facts
    shown = await minute(house, release.id)
    assert "answered 500" in shown.runs["watch"].facts["dashboard"]["problem"]
    assert shown.runs["watch"].code == "watching"
    house.world.failing.clear()
    shown = await minute(house, release.id)
    assert "dashboard" not in shown.runs["watch"].facts
    for _ in range(3):
        shown = await minute(house, release.id)
    assert shown.runs["watch"].facts["lapses"] == lapses(shown)
    (item,) = [item for item in shown.items if item.key == "dashboard"]
    assert (item.done, item.evidence["code"]) == (False, "dashboard_lapsed")
    await house.tick_all(release.id)
    assert (await house.ended(release.id)).release.status is ReleaseStatus.SUCCEEDED


async def test_at_the_end_a_single_failure_gets_another_look_and_a_lasting_one_asks(house: House) -> None:
    house.world.page = "Requests 12"
    release = await house.start()
    await house.to_watch(release.id)
    for _ in range(5):
        await minute(house, release.id)
    house.world.page = "nothing here"
    shown = await minute(house, release.id)
    assert shown.runs["watch"].code == "watching"
    shown = await minute(house, release.id)
    assert shown.runs["watch"].code == "dashboard_wrong"
    assert "does not show Requests" in shown.runs["watch"].facts["problem"]
    house.world.page = "Requests 12"
    shown = await minute(house, release.id)
    assert shown.runs["watch"].code == "watch_passed"
