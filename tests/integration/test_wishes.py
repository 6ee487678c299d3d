"""Scheduled and queued releases: their turn, what they wait for, what ends and halts them.

What several do at once is tried on both kinds of database.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pipeline import locking, turning, wishes
from pipeline.errors import Refused
from pipeline.models import Event, Release
from pipeline.models_time import Wish
from pipeline.policy import Actor
from pipeline.states import WishStatus
from pipeline.timekeeper import PAUSE, Timekeeper
from tests.house import BOT_TOML, DANA, LEE, SAM, House, open_house

FREEZE = """
[[products.shop.freezes]]
name = "weekend"
from = "fri 18:00"
to = "mon 08:00"
[products.shop.environments.staging]"""
KIT = Actor("U0KIT", "T1")  # may start, by the group
TOML = BOT_TOML.replace("[products.shop.environments.staging]", FREEZE, 1)
FRIDAY = datetime(2026, 11, 27, 19, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with _open(tmp_path, None) as house:
        yield house


@pytest.fixture
async def shared(tmp_path: Path, url: str) -> AsyncIterator[House]:
    """A house on either kind of database: for what several do at once."""
    async with _open(tmp_path, url) as house:
        yield house


@asynccontextmanager
async def _open(folder: Path, url: str | None) -> AsyncIterator[House]:
    async with open_house(folder, url, bot_toml=TOML) as house:
        house.world.groups["S0RELEASE"] = frozenset({KIT.user})
        await house.adopt()
        yield house


async def wish(
    house: House,
    version: str = "v0.2.0",
    *,
    hours: float | None = None,
    actor: Actor = DANA,
    ref: str | None = None,
) -> wishes.Placed:
    at = house.world.clock() + timedelta(hours=hours) if hours else None
    return await wishes.ask(house.service, actor, "shop", version, ref, at, house.click())


async def beat(house: House, owner: str = "one") -> None:
    """What the clock does, once."""
    keeper = Timekeeper(house.service, owner)
    await keeper.look()
    await keeper.settle()


async def known(house: House) -> list[Wish]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Wish).order_by(Wish.id)))


async def states(house: House) -> dict[str, tuple[str, str]]:
    return {wish.version: (wish.status.value, wish.code) for wish in await known(house)}


async def told(house: House) -> list[str]:
    """The facts about wishes, in order."""
    async with house.db.reading() as session:
        kinds = await session.scalars(select(Event.kind).where(Event.release_id.is_(None)).order_by(Event.id))
        return [kind for kind in kinds if kind.startswith(("wish", "release_"))]


async def releases(house: House) -> list[str]:
    return [release.version for release in reversed(await house.service.recent("shop", 100))]


async def fail(house: House, version: str = "v0.2.0") -> Release:
    """A release that fails before production, a second later than what was before."""
    house.world.pass_time(seconds=1)
    house.world.failing.add("test-unit")
    release = await house.start(version)
    await house.ended(release.id)
    house.world.failing.discard("test-unit")
    return release


async def until_started(house: House, version: str) -> Release:
    """Let the clock beat until a wish has become a release."""
    async with asyncio.timeout(10):
        while version not in await releases(house):
            await beat(house)
            await asyncio.sleep(0.02)
    return next(r for r in await house.service.recent("shop") if r.version == version)


def refusals(came: Sequence[object]) -> list[str]:
    return [one.code for one in came if isinstance(one, Refused)]


# ------------------------------------------------------------------ their turn


async def test_a_scheduled_release_starts_at_its_time_and_once(shared: House) -> None:
    placed = await wish(shared, hours=2)
    await beat(shared)
    shared.world.pass_time(hours=2, seconds=-1)
    await beat(shared)
    assert await releases(shared) == ["v0.1.0"]
    shared.world.pass_time(seconds=1)
    await asyncio.gather(*(beat(shared, owner) for owner in ("one", "two", "three")))
    await beat(shared)
    assert await releases(shared) == ["v0.1.0", "v0.2.0"]
    (row,) = await known(shared)
    newest = (await shared.service.recent("shop"))[0]
    assert (row.status, row.release_id) == (WishStatus.STARTED, newest.id)
    assert (newest.requested_by, newest.origin) == (DANA.user, placed.wish.id)
    assert await told(shared) == ["release_scheduled", "wish_started"]


async def test_a_queue_is_worked_off_in_its_order(house: House) -> None:
    first = await house.start("v0.2.0")
    assert (await wish(house, "v0.4.0", ref="b" * 40)).before == ()
    assert (await wish(house, "v0.3.0", actor=KIT, ref="b" * 40)).before == ("v0.4.0",)
    await beat(house)
    assert await releases(house) == ["v0.1.0", "v0.2.0"]
    assert await states(house) == {"v0.4.0": ("waiting", ""), "v0.3.0": ("waiting", "")}
    await turning.abort(house.service, DANA, first.id, "", house.click())
    await house.ended(first.id)
    second = await until_started(house, "v0.4.0")
    await turning.abort(house.service, DANA, second.id, "", house.click())
    await house.ended(second.id)
    third = await until_started(house, "v0.3.0")
    assert third.requested_by == KIT.user
    assert await told(house) == ["release_queued", "release_queued", "wish_started", "wish_started"]


async def test_a_queued_release_starts_at_once_when_nothing_is_in_its_way(house: House) -> None:
    await wish(house)
    await beat(house)
    assert await releases(house) == ["v0.1.0", "v0.2.0"]


async def test_the_same_request_twice_is_one_wish_whatever_became_of_it(house: House) -> None:
    one = await wishes.ask(house.service, DANA, "shop", "v0.2.0", None, None, "click same")
    two = await wishes.ask(house.service, DANA, "shop", "v0.2.0", None, None, "click same")
    assert one.wish.id == two.wish.id
    await beat(house)
    three = await wishes.ask(house.service, DANA, "shop", "v0.2.0", None, None, "click same")
    assert three.wish.status is WishStatus.STARTED
    assert len(await known(house)) == 1


async def test_of_two_people_who_queue_the_same_version_one_is_told_so(shared: House) -> None:
    await shared.start("v0.2.0")
    came = await asyncio.gather(
        wish(shared, "v0.3.0"), wish(shared, "v0.3.0", actor=KIT), return_exceptions=True
    )
    assert refusals(came) == ["wished_already"]
    assert len(await known(shared)) == 1


@pytest.mark.parametrize(
    ("version", "ref", "code"),
    [
        ("v0.1.0", None, "already_live"),
        ("v0.0.9", None, "older"),
        ("banana", None, "bad_version"),
        ("v0.4.0", "nowhere", "unknown_commit"),
        ("v0.2.0", None, "under_way"),
    ],
)
async def test_what_can_never_be_done_is_refused_at_once(
    tmp_path: Path, version: str, ref: str | None, code: str
) -> None:
    async with open_house(tmp_path, bot_toml=TOML) as house:
        await house.adopt()
        await house.start("v0.2.0")
        with pytest.raises(Refused, match=code):
            await wish(house, version, ref=ref)
        with pytest.raises(Refused, match="may_not_start"):
            await wish(house, "v0.3.0", actor=SAM)
        with pytest.raises(Refused, match="time_past"):
            await wishes.ask(house.service, DANA, "shop", "v0.3.0", None, house.world.clock(), house.click())
        assert await known(house) == []


async def test_a_queue_has_an_end(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=TOML) as house:
        await house.adopt()
        await house.start("v0.2.0")
        wanted = (wish(house, f"v1.{number}.0", ref="b" * 40) for number in range(200))
        came = await asyncio.gather(*wanted, return_exceptions=True)
        assert refusals(came) == ["queue_full"] * (200 - wishes.MOST)
        assert len(await known(house)) == wishes.MOST


# ----------------------------------------------------- looked at again at its time


async def test_who_may_not_start_any_more_is_told_and_nothing_starts(shared: House) -> None:
    await wish(shared, actor=KIT, hours=1)
    shared.world.groups["S0RELEASE"] = frozenset()
    shared.world.pass_time(hours=1)
    await asyncio.gather(beat(shared, "one"), beat(shared, "two"))
    await beat(shared)
    assert await states(shared) == {"v0.2.0": ("refused", "may_not_start")}
    assert await told(shared) == ["release_scheduled", "wish_refused"]


async def test_a_version_that_went_out_otherwise_ends_the_wish(house: House) -> None:
    await wish(house, "v0.2.0", hours=1)
    await wish(house, "v0.3.0", hours=2)
    release = await house.start("v0.2.0")
    await house.to_end(release.id)
    await wishes.cancel(house.service, DANA, "shop", house.click(), version="v0.3.0")
    house.world.pass_time(minutes=30)
    await beat(house)
    assert await states(house) == {"v0.2.0": ("refused", "already_live"), "v0.3.0": ("cancelled", "")}


async def test_a_freeze_lets_it_wait_and_says_so_once(house: House) -> None:
    await wish(house, hours=24 * 4 + 12)
    house.world.now = FRIDAY + timedelta(hours=2)
    await beat(house)
    house.world.pass_time(hours=5)
    await beat(house)
    assert await states(house) == {"v0.2.0": ("waiting", "frozen")}
    house.world.now = MONDAY
    await beat(house)
    assert await releases(house) == ["v0.1.0", "v0.2.0"]
    assert await told(house) == ["release_scheduled", "wish_waits", "wish_started"]


async def test_what_it_waits_for_is_said_anew_when_it_changes(house: House) -> None:
    running = await house.start("v0.2.0")
    await wish(house, "v0.3.0", hours=1)
    house.world.pass_time(hours=1)
    await beat(house)
    assert await states(house) == {"v0.3.0": ("waiting", "already_running")}
    await locking.lock(house.service, SAM, "shop", "staging", "a move", None, house.click())
    await turning.abort(house.service, DANA, running.id, "", house.click())
    await house.ended(running.id)
    await beat(house)
    await beat(house)
    assert await states(house) == {"v0.3.0": ("waiting", "locked_by_hand")}
    await locking.unlock(house.service, SAM, "shop", "staging", house.click())
    await beat(house)
    assert await releases(house) == ["v0.1.0", "v0.2.0", "v0.3.0"]
    assert await told(house) == ["release_scheduled", "wish_waits", "wish_waits", "wish_started"]


@pytest.mark.parametrize(
    ("failing", "code"), [("fetch", "repository_unreadable"), ("directory", "lookup_failed")]
)
async def test_what_does_not_answer_is_tried_again_after_a_pause(
    house: House, failing: str, code: str
) -> None:
    await wish(house)
    house.world.failing.add(failing)
    await beat(house)
    await beat(house)
    assert await states(house) == {"v0.2.0": ("waiting", code)}
    house.world.failing.clear()
    await beat(house)
    assert await releases(house) == ["v0.1.0"]
    house.world.now += PAUSE
    await beat(house)
    assert await releases(house) == ["v0.1.0", "v0.2.0"]
    assert await told(house) == ["release_queued", "wish_waits", "wish_started"]


async def test_those_behind_another_that_are_due_say_so(house: House) -> None:
    await locking.lock(house.service, SAM, "shop", "production", "a move", None, house.click())
    await wish(house, "v0.2.0", hours=1)
    await wish(house, "v0.3.0", hours=1.1)
    house.world.pass_time(hours=1.5)
    await beat(house)
    assert await states(house) == {"v0.2.0": ("waiting", "locked_by_hand"), "v0.3.0": ("waiting", "behind")}
    house.world.pass_time(hours=5)  # the bot was there in time: this is no lateness
    await beat(house)
    await locking.unlock(house.service, SAM, "shop", "production", house.click())
    await beat(house)
    assert await states(house) == {"v0.2.0": ("started", "locked_by_hand"), "v0.3.0": ("waiting", "behind")}


# ------------------------------------------------------------- late, and halted


async def test_a_bot_that_was_away_starts_what_is_a_little_late(house: House) -> None:
    await wish(house, hours=1)
    house.world.pass_time(hours=2)
    await beat(house)
    assert await releases(house) == ["v0.1.0", "v0.2.0"]


async def test_a_bot_that_was_away_for_long_asks(shared: House) -> None:
    await wish(shared, hours=1)
    shared.world.pass_time(hours=2, seconds=1)
    await asyncio.gather(beat(shared, "one"), beat(shared, "two"))
    await beat(shared)
    assert await states(shared) == {"v0.2.0": ("halted", "too_late")}
    (row,) = await known(shared)
    with pytest.raises(Refused, match="may_not_start"):
        await wishes.go_on(shared.service, SAM, "shop", str(row.asks), shared.click())
    origin = shared.click()
    assert await wishes.go_on(shared.service, DANA, "shop", str(row.asks), origin)
    with pytest.raises(Refused, match="nothing_halted"):
        await wishes.go_on(shared.service, DANA, "shop", str(row.asks), shared.click())
    await beat(shared)
    assert await releases(shared) == ["v0.1.0", "v0.2.0"]
    assert await told(shared) == ["release_scheduled", "wish_late", "wishes_resumed", "wish_started"]


async def test_a_failed_release_halts_what_was_wished_before(shared: House) -> None:
    await wish(shared, "v0.3.0", hours=24)
    await fail(shared)
    shared.world.pass_time(seconds=1)
    await wish(shared, "v0.4.0", ref="b" * 40)  # before the clock has looked, or after: the same
    await asyncio.gather(beat(shared, "one"), beat(shared, "two"))
    await wish(shared, "v0.5.0", ref="b" * 40)
    await beat(shared)
    halted = ("halted", wishes.FAILED)
    assert await states(shared) == {"v0.3.0": halted, "v0.4.0": halted, "v0.5.0": halted}
    asks = {row.asks for row in await known(shared)}
    assert len(asks) == 1
    await wishes.cancel(shared.service, DANA, "shop", shared.click(), version="v0.4.0")
    await wishes.go_on(shared.service, DANA, "shop", str(asks.pop()), shared.click())
    await beat(shared)
    await beat(shared)
    assert await releases(shared) == ["v0.1.0", "v0.2.0", "v0.5.0"]
    assert (await states(shared))["v0.3.0"] == ("waiting", "")
    kinds = [kind for kind in await told(shared) if kind.startswith("wish")]
    assert kinds == ["wishes_halted", "wish_cancelled", "wishes_resumed", "wish_started"]


async def test_a_rollback_halts_too_and_its_lock_is_waited_for(house: House) -> None:
    release = await house.start()
    await house.to_watch(release.id)
    await wish(house, "v0.3.0")
    house.world.pass_time(seconds=1)
    await turning.roll_back(house.service, SAM, release.id, "slow", True, house.click())
    await house.ended(release.id)
    await beat(house)
    (row,) = await known(house)
    assert (row.status, row.facts["status"]) == (WishStatus.HALTED, "rolled_back")
    await wishes.go_on(house.service, DANA, "shop", str(row.asks), house.click())
    await beat(house)
    assert await states(house) == {"v0.3.0": ("waiting", "locked")}
    await turning.unlock(house.service, LEE, "shop", house.click())
    await beat(house)
    assert (await releases(house))[-1] == "v0.3.0"


async def test_what_was_wished_after_a_failure_is_not_halted(house: House) -> None:
    await fail(house)
    house.world.pass_time(seconds=1)
    await wish(house, "v0.3.0")
    await beat(house)
    assert (await releases(house))[-1] == "v0.3.0"


async def test_a_release_that_a_person_stopped_halts_nothing(house: House) -> None:
    release = await house.start("v0.2.0")
    await wish(house, "v0.3.0")
    await turning.abort(house.service, DANA, release.id, "", house.click())
    await house.ended(release.id)
    await until_started(house, "v0.3.0")


# ---------------------------------------------------------------------- taken back


async def test_a_wish_is_taken_back_once(house: House) -> None:
    await house.start("v0.2.0")
    placed = await wish(house, "v0.3.0")
    with pytest.raises(Refused, match="may_not_start"):
        await wishes.cancel(house.service, SAM, "shop", house.click(), version="v0.3.0")
    with pytest.raises(Refused, match="not_wished"):
        await wishes.cancel(house.service, DANA, "shop", house.click(), version="v0.4.0")
    with pytest.raises(Refused, match="out_of_date"):
        await wishes.cancel(house.service, DANA, "shop", house.click(), wish_id="wish_nobody")
    assert await wishes.cancel(house.service, KIT, "shop", house.click(), wish_id=placed.wish.id)
    with pytest.raises(Refused, match="wish_over"):
        await wishes.cancel(house.service, DANA, "shop", house.click(), version="v0.3.0")
    assert await told(house) == ["release_queued", "wish_cancelled"]
    await wish(house, "v0.3.0")


async def test_a_cancel_and_a_start_at_once_are_never_both(shared: House) -> None:
    for number in range(3, 9):
        version = f"v0.{number}.0"
        await wish(shared, version, ref="b" * 40)
        came = await asyncio.gather(
            beat(shared),
            wishes.cancel(shared.service, DANA, "shop", shared.click(), version=version),
            return_exceptions=True,
        )
        began = version in await releases(shared)
        assert (await states(shared))[version][0] == ("started" if began else "cancelled")
        assert refusals(came) == (["wish_over"] if began else [])
        if began:
            release = (await shared.service.recent("shop"))[0]
            await turning.abort(shared.service, DANA, release.id, "", shared.click())
            await shared.ended(release.id)


async def test_products_that_are_gone_are_left_alone(house: House) -> None:
    await wish(house)
    async with house.db.transaction() as session:
        row = (await session.scalars(select(Wish))).one()
        row.product = "gone"
    await beat(house)
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Release)) == 1
