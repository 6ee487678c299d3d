"""Retention: what is old goes, a little at a time; what people decided and what may be needed stays."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from pipeline import retention, turning
from pipeline.config import Retention as Limits
from pipeline.config import parse
from pipeline.errors import ConfigError
from pipeline.events import BOT
from pipeline.models import Approval, Delivery, Event, Inbox, Release, StageRun
from pipeline.models_base import Base
from pipeline.retention import Retention
from pipeline.states import ReleaseStatus
from tests.history import fill, old, one_release
from tests.house import SAM, House, open_house

COPIES = 6


@pytest.fixture
async def house(tmp_path: Path, url: str) -> AsyncIterator[House]:
    """Six copies of a release from before v0.1.0 and v0.2.0; v0.2.0 is live, v0.1.0 is the way back."""
    async with open_house(tmp_path, url) as house:
        template = await one_release(house)
        await fill(house.db, template, COPIES, 60 * COPIES)
        yield house


def keeper(house: House) -> Retention:
    return Retention(house.db, house.config, lambda _: house.made, house.world.clock)


async def rows(house: House, model: type[Base], *where: Any) -> int:
    async with house.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(model).where(*where)) or 0


async def all_steps(keeper: Retention) -> int:
    taken = 0
    while await keeper.step():
        taken += 1
    return taken


async def test_progress_goes_and_decisions_stay(house: House) -> None:
    decisions = (Event.actor != BOT) | Event.kind.not_in(retention.PASSING)
    before = [await rows(house, Event, decisions), await rows(house, StageRun), await rows(house, Approval)]
    house.world.pass_time(days=366)
    assert await all_steps(keeper(house)) > COPIES

    after = [await rows(house, Event, decisions), await rows(house, StageRun), await rows(house, Approval)]
    assert after == before
    gone = Release.tidied_at.is_not(None)
    tidied = select(Release.id).where(gone)
    assert await rows(house, Release, gone) == COPIES  # the live one is a copy too: its origin goes instead
    assert await rows(house, Event, Event.release_id.in_(tidied), ~decisions) == 0
    assert await rows(house, Delivery, Delivery.release_id.in_(tidied)) == 0
    assert await rows(house, Inbox) == 0
    assert await all_steps(keeper(house)) == 0


async def test_nothing_young_and_nothing_needed_is_touched(house: House) -> None:
    release = await house.start("v0.3.0")
    await house.waits_for(release.id, "checklist")
    house.world.pass_time(days=10_000)
    needed = {release.id, old(COPIES)}
    before = await rows(house, Event, Event.release_id.in_(needed))
    await all_steps(keeper(house))
    assert await rows(house, Event, Event.release_id.in_(needed)) == before
    assert await rows(house, Delivery, Delivery.release_id.in_(needed)) > 2


async def test_young_history_stays(house: House) -> None:
    house.world.pass_time(days=29)
    assert await all_steps(keeper(house)) == 0


async def test_no_transaction_takes_more_than_a_batch(house: House) -> None:
    """A release with a long story is taken away in several steps, so that other writers come through."""
    async with house.db.transaction() as session:
        session.add_all(
            Event(release_id=old(1), product="shop", kind="stage_waiting", actor=BOT, payload={}, at=house.world.now)
            for _ in range(3 * retention.BATCH)
        )  # fmt: skip
    house.world.pass_time(days=366)
    sizes = []
    keep = keeper(house)
    while (number := await rows(house, Event)) and await keep.step():
        sizes.append(number - await rows(house, Event))
    assert max(sizes) == retention.BATCH


async def test_files_go_but_backups_stay_longer_and_the_way_back_stays(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        first = await house.adopt()
        second = await house.start()
        await house.to_end(second.id)
        third = await house.start("v0.3.0")
        await house.to_end(third.id)
        folders = {
            release.id: house.made.folder / "releases" / release.id for release in (first, second, third)
        }
        for folder in folders.values():
            (folder / "backup").mkdir(parents=True, exist_ok=True)
            (folder / "backup" / "production.backup").write_text("rows")
            (folder / "checkout").mkdir(exist_ok=True)
        stranger = house.made.folder / "releases" / "somebody-elses"
        stranger.mkdir()

        house.world.pass_time(days=91)
        await keeper(house).clean_disk()
        assert [entry.name for entry in folders[first.id].iterdir()] == ["backup"]
        house.world.pass_time(days=300)
        await keeper(house).clean_disk()
        assert not folders[first.id].exists()
        assert (folders[second.id] / "checkout").is_dir()
        assert (folders[third.id] / "checkout").is_dir()
        assert stranger.is_dir()


async def test_images_of_the_live_version_and_of_the_way_back_stay(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        second = await house.start()
        await house.to_end(second.id)
        third = await house.start("v0.3.0")
        await house.to_watch(third.id)
        store = house.made.builder.store  # type: ignore[attr-defined]  # the memory world's own
        assert {digest[7:8] for digest in store} == {"a", "b", "c"}
        await keeper(house).clean_disk()
        assert {digest[7:8] for digest in store} == {"b", "c"}

        await turning.roll_back(house.service, SAM, third.id, "orders are lost", True, house.click())
        assert (await house.ended(third.id)).release.status is ReleaseStatus.ROLLED_BACK
        await keeper(house).clean_disk()
        assert {digest[7:8] for digest in store} >= {"b"}


def test_less_than_a_day_is_refused() -> None:
    """Answered requests are what a doubled delivery is known by."""
    with pytest.raises(ConfigError, match="requests: found '5m'"):
        parse(Limits, 'requests = "5m"', "bot.toml")
