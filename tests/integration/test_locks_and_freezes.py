"""Locks and freezes: what may start, what waits and goes on, what is never held up."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from pipeline import locking, turning
from pipeline.errors import Refused
from pipeline.models import Event, Lock, Release
from pipeline.models_time import FreezeWindow
from pipeline.policy import Actor
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.house import BOT_TOML, DANA, LEE, SAM, House, open_house
from tests.mortal import open_mortal_house

FREEZES = """
[[products.shop.freezes]]
name = "weekend"
from = "fri 18:00"
to = "mon 08:00"
reason = "nobody is there"
hotfix = true
[[products.shop.freezes]]
name = "inventory"
from = "2026-11-28 10:00"
to = "2026-11-28 12:00"
[products.shop.environments.staging]"""
WITH_FREEZES = BOT_TOML.replace("[products.shop.environments.staging]", FREEZES, 1)
SATURDAY = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        await house.adopt()
        yield house


@pytest.fixture
async def shared(tmp_path: Path, url: str) -> AsyncIterator[House]:
    """A house on either kind of database: for what several do at once."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        yield house


@pytest.fixture
async def frozen(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose product is frozen at weekends."""
    async with open_house(tmp_path, bot_toml=WITH_FREEZES) as house:
        await house.adopt()
        yield house


async def lock(
    house: House, where: str = "production", *, hours: float | None = None, reason: str = "a move"
) -> None:
    until = house.world.clock() + timedelta(hours=hours) if hours else None
    await locking.lock(house.service, SAM, "shop", where, reason, until, house.click())


async def freeze(house: House, hours: float = 2, reason: str = "an audit") -> None:
    until = house.world.clock() + timedelta(hours=hours)
    await locking.freeze(house.service, SAM, "shop", until, reason, house.click())


async def rows(house: House) -> list[Lock]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Lock).order_by(Lock.environment)))


async def facts(house: House, *kinds: str) -> list[tuple[str, str]]:
    async with house.db.reading() as session:
        found = await session.scalars(select(Event).where(Event.release_id.is_(None)).order_by(Event.id))
        return [(event.kind, event.actor) for event in found if not kinds or event.kind in kinds]


async def tick(house: House) -> None:
    """What the clock does about locks and freezes whose time is over."""
    async with house.db.reading() as session:
        over = await locking.over(session, ["shop"], house.world.clock())
    for product in over:
        await locking.end_what_is_over(house.service, product)


def held(shown: Snapshot, stage: str, code: str) -> bool:
    run = shown.runs.get(stage)
    return run is not None and run.status is StageStatus.WAITING and run.code == code


async def refused(house: House, version: str = "v0.2.0") -> Refused:
    with pytest.raises(Refused) as refusal:
        await house.start(version)
    return refusal.value


# -------------------------------------------------------------------- locks


@pytest.mark.parametrize("where", ["production", "staging"])
async def test_a_lock_keeps_releases_from_starting_until_it_is_opened(house: House, where: str) -> None:
    await lock(house, where)
    refusal = await refused(house)
    assert refusal.code == "locked_by_hand"
    assert (refusal.facts["environment"], refusal.facts["by"], refusal.facts["reason"]) == (
        where, SAM.user, "a move",
    )  # fmt: skip
    opened = await locking.unlock(house.service, LEE, "shop", where, house.click())
    assert opened == locking.Opened("a move", by_hand=True)
    await house.start()
    assert await facts(house) == [("environment_locked", SAM.user), ("environment_unlocked", LEE.user)]


async def test_a_lock_that_is_over_is_none_and_is_told_once(shared: House) -> None:
    await lock(shared, hours=2)
    await lock(shared, "staging", hours=3)
    shared.world.pass_time(hours=2)
    assert (await refused(shared)).facts["environment"] == "staging"
    assert [row.environment for row in await rows(shared)] == ["production", "staging"]
    shared.world.pass_time(hours=1)
    await shared.start()  # before the clock has looked
    await asyncio.gather(tick(shared), tick(shared))
    await tick(shared)
    assert await facts(shared, "lock_expired") == [("lock_expired", "bot")] * 2
    assert [row.environment for row in await rows(shared)] == ["production"]


async def test_the_same_request_twice_is_one_lock(house: House) -> None:
    async def ask() -> None:
        await locking.lock(house.service, SAM, "shop", "staging", "a move", None, "click same")

    await ask()
    await ask()
    assert len(await rows(house)) == 1
    with pytest.raises(Refused, match="already_locked"):
        await locking.lock(house.service, LEE, "shop", "staging", "mine", None, house.click())


async def test_of_two_locks_at_once_one_is_told_so(shared: House) -> None:
    def ask(who: Actor) -> Coroutine[None, None, None]:
        return locking.lock(shared.service, who, "shop", "staging", "me", None, shared.click())

    came = await asyncio.gather(ask(SAM), ask(LEE), return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["NoneType", "Refused"]
    assert len(await rows(shared)) == 1


async def test_who_locked_may_change_how_long(house: House) -> None:
    await lock(house, "staging", reason="short")
    await lock(house, "staging", hours=5, reason="longer")
    (row,) = await rows(house)
    assert (row.reason, row.expires_at) == ("longer", house.world.clock() + timedelta(hours=5))


async def test_a_release_waits_before_a_locked_staging_and_goes_on(house: House) -> None:
    house.world.slow.add("test-unit")
    release = await house.start()
    await house.until(release.id, lambda s: ("command", "test-unit") in house.world.journal)
    await lock(house, "staging", reason="Kim tries something")
    house.world.release_slow.set()
    shown = await house.until(release.id, lambda s: held(s, "staging", "locked_out"))
    assert shown.runs["staging"].facts["by"] == SAM.user
    shown = await house.until(release.id, lambda s: s.release.status is ReleaseStatus.WAITING)
    assert not house.world.done("promote")[2:]
    await locking.unlock(house.service, SAM, "shop", "staging", house.click())
    await house.waits_for(release.id, "checklist")


async def test_a_release_goes_on_by_itself_when_the_locks_time_is_over(house: House) -> None:
    release = await house.start()
    await house.to_approval(release.id)
    await lock(house, hours=2)
    await house.approve(release.id)
    await house.until(release.id, lambda s: held(s, "backup", "locked_out"))
    house.world.pass_time(hours=2)
    house.nudge()
    await house.waits_for(release.id, "canary")
    await tick(house)
    (row,) = await rows(house)
    assert (row.release_id, row.said, row.reason) == (release.id, None, "v0.2.0 is being released")


async def test_a_lock_on_production_outlives_the_release_that_runs(shared: House) -> None:
    release = await shared.start()
    await shared.to_watch(release.id)
    await lock(shared, reason="the next one waits")
    shared.world.pass_time(minutes=31)
    shared.nudge()
    await shared.waits_for(release.id, "after")
    await shared.tick_all(release.id)
    await shared.ended(release.id)
    (row,) = await rows(shared)
    assert (row.release_id, row.reason) == (None, "the next one waits")
    assert (await refused(shared, "v0.3.0")).code == "locked_by_hand"


async def test_a_rollback_is_never_held_up_and_its_lock_is_opened_by_an_approver(house: House) -> None:
    release = await house.start()
    await house.to_watch(release.id)
    await lock(house, hours=1)
    await freeze(house)
    await turning.roll_back(house.service, SAM, release.id, "slow", True, house.click())
    assert (await house.ended(release.id)).release.status is ReleaseStatus.ROLLED_BACK
    (row,) = await rows(house)
    assert (row.said, row.expires_at, row.reason) == (None, None, "v0.2.0 was rolled back: slow")
    house.world.pass_time(hours=2)
    assert (await refused(house, "v0.3.0")).code == "locked"
    with pytest.raises(Refused, match="may_not_approve"):
        await locking.unlock(house.service, SAM, "shop", "production", house.click())
    with pytest.raises(Refused, match="already_locked"):
        await lock(house)
    await locking.unlock(house.service, LEE, "shop", "production", house.click())
    await tick(house)  # the freeze is over too
    await house.start("v0.3.0")


async def test_unlocking_finds_only_the_lock_that_is_meant(house: House) -> None:
    with pytest.raises(Refused, match="not_locked"):
        await locking.unlock(house.service, LEE, "shop", "staging", house.click())
    with pytest.raises(Refused, match="not_locked"):
        await locking.unlock(house.service, LEE, "shop", "production", house.click())
    await lock(house)
    for said in ("lock:another", ""):
        with pytest.raises(Refused, match="out_of_date"):
            await locking.unlock(house.service, LEE, "shop", "production", house.click(), said)
    with pytest.raises(Refused, match="out_of_date"):
        await turning.unlock(house.service, LEE, "shop", house.click())
    assert await locking.unlock(house.service, LEE, "shop", "production", house.click())


async def test_who_may_not_lock_is_refused(house: House) -> None:
    nobody = Actor("U0NOBODY", "T1")
    for ask in (
        locking.lock(house.service, nobody, "shop", "staging", "x", None, house.click()),
        locking.freeze(
            house.service, nobody, "shop", house.world.clock() + timedelta(hours=1), "", house.click()
        ),
        locking.unfreeze(house.service, nobody, "shop", house.click()),
        locking.unlock(house.service, nobody, "shop", "staging", house.click()),
    ):
        with pytest.raises(Refused, match="may_not_lock"):
            await ask
    with pytest.raises(Refused, match="lock_reason_missing"):
        await locking.lock(house.service, SAM, "shop", "staging", "  ", None, house.click())
    with pytest.raises(Refused, match="time_past"):
        await locking.lock(house.service, SAM, "shop", "staging", "x", house.world.clock(), house.click())
    assert await rows(house) == []


# ------------------------------------------------------------------ freezes


async def test_a_start_in_a_freeze_is_refused_with_its_end(frozen: House) -> None:
    frozen.world.now = SATURDAY
    refusal = await refused(frozen)
    assert refusal.code == "frozen"
    assert (refusal.facts["name"], refusal.facts["reason"], refusal.facts["hotfix"]) == (
        "weekend", "nobody is there", "may pass",
    )  # fmt: skip
    assert refusal.facts["until"] == f"{int(MONDAY.timestamp())} UTC"
    frozen.world.now = MONDAY
    await frozen.start()


async def test_a_hotfix_passes_only_the_freezes_that_let_it(frozen: House) -> None:
    def hotfix() -> Coroutine[None, None, Release]:
        return frozen.service.start(DANA, "shop", "v0.2.0", None, "C0SHOP", frozen.click(), hotfix=True)

    frozen.world.now = SATURDAY + timedelta(hours=2)
    with pytest.raises(Refused) as refusal:
        await hotfix()
    assert (refusal.value.facts["name"], refusal.value.facts["hotfix"]) == ("inventory", "")
    frozen.world.now = SATURDAY
    await freeze(frozen, hours=0.5)
    with pytest.raises(Refused, match="frozen"):
        await hotfix()
    frozen.world.pass_time(hours=0.5)
    release = await hotfix()
    await frozen.to_approval(release.id)
    await frozen.approve(release.id)
    await frozen.waits_for(release.id, "canary")
    assert frozen.world.done("shift")


async def test_a_release_waits_out_a_freeze_before_production(frozen: House) -> None:
    frozen.world.now = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    release = await frozen.start()
    await frozen.to_approval(release.id)
    frozen.world.now = SATURDAY
    await frozen.approve(release.id)
    shown = await frozen.until(release.id, lambda s: held(s, "backup", "frozen"))
    assert shown.runs["backup"].facts["until"] == MONDAY.timestamp()
    assert not shown.release.production_touched
    frozen.world.now = MONDAY - timedelta(minutes=1)
    frozen.nudge()
    await frozen.until(release.id, lambda s: s.runs["backup"].due_at == MONDAY)
    frozen.world.now = MONDAY
    frozen.nudge()
    await frozen.waits_for(release.id, "canary")


async def test_a_freeze_during_the_canarys_smoke_test_moves_no_traffic(house: House) -> None:
    house.world.slow.add("canary-smoke")
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.until(release.id, lambda s: ("command", "canary-smoke") in house.world.journal)
    await freeze(house)
    house.world.release_slow.set()
    await house.until(release.id, lambda s: held(s, "canary", "frozen"))
    assert not house.world.done("shift")
    await locking.unfreeze(house.service, SAM, "shop", house.click())
    await house.waits_for(release.id, "canary")
    await house.until(release.id, lambda s: held(s, "canary", "canary_holding"))


async def test_a_canary_stays_at_its_share_while_frozen_and_is_watched(house: House) -> None:
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.waits_for(release.id, "canary")
    await freeze(house)
    house.world.pass_time(minutes=6)
    house.nudge()
    shown = await house.until(release.id, lambda s: held(s, "canary", "canary_frozen"))
    assert shown.runs["canary"].facts["share"] == 10
    assert not house.world.done("promote")[3:]
    house.world.log_lines.append("CRITICAL orders are lost")
    house.world.pass_time(minutes=10)
    house.nudge()
    assert (await house.ended(release.id)).release.status is ReleaseStatus.ROLLED_BACK


async def test_what_a_canary_waited_for_lets_it_go_on(house: House) -> None:
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.waits_for(release.id, "canary")
    await freeze(house, hours=2)
    house.world.pass_time(minutes=6)
    house.nudge()
    await house.until(release.id, lambda s: held(s, "canary", "canary_frozen"))
    await lock(house)
    await house.until(release.id, lambda s: held(s, "canary", "canary_locked_out"))
    await locking.unlock(house.service, SAM, "shop", "production", house.click())
    await house.until(release.id, lambda s: held(s, "canary", "canary_frozen"))
    house.world.pass_time(hours=2)
    await tick(house)
    await house.waits_for(release.id, "watch")


async def test_a_freeze_by_hand_is_changed_ended_and_told(shared: House) -> None:
    await freeze(shared, hours=1)
    await freeze(shared, hours=3, reason="longer")
    async with shared.db.reading() as session:
        (row,) = await session.scalars(select(FreezeWindow))
    assert (row.ends_at, row.reason) == (shared.world.clock() + timedelta(hours=3), "longer")
    with pytest.raises(Refused, match="out_of_date"):
        await locking.unfreeze(shared.service, LEE, "shop", shared.click(), "freeze:another")
    origin = shared.click()
    assert await locking.unfreeze(shared.service, LEE, "shop", origin)
    with pytest.raises(Refused, match="not_frozen"):
        await locking.unfreeze(shared.service, LEE, "shop", shared.click())
    await freeze(shared, hours=1)
    shared.world.pass_time(hours=1)
    with pytest.raises(Refused, match="not_frozen"):
        await locking.unfreeze(shared.service, LEE, "shop", shared.click())
    await shared.start()
    await asyncio.gather(tick(shared), tick(shared))
    assert await facts(shared, "freeze_expired", "production_unfrozen") == [
        ("production_unfrozen", LEE.user),
        ("freeze_expired", "bot"),
    ]


async def test_what_bot_toml_freezes_nobody_ends(frozen: House) -> None:
    frozen.world.now = SATURDAY
    with pytest.raises(Refused) as refusal:
        await locking.unfreeze(frozen.service, SAM, "shop", frozen.click())
    assert (refusal.value.code, refusal.value.facts["name"]) == ("frozen_by_file", "weekend")


async def test_a_promotion_that_was_interrupted_holds_in_a_freeze(tmp_path: Path) -> None:
    """Killed between the canary's end and the promotion, the bot comes back in a freeze: the canary is watched on."""
    async with open_mortal_house(tmp_path) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.approve(release.id)
        await house.waits_for(release.id, "canary")
        await house.kill_engines()
        house.world.pass_time(minutes=6)
        house.start_engine("two", last=3)  # claimed, the canary's end begun, the promotion begun
        await house.killed()
        await freeze(house)
        house.start_engine("three", seconds=0.2)
        shown = await house.until(release.id, lambda s: held(s, "promote", "frozen"))
        assert shown.runs["canary"].code == "canary_passed"
        assert len(house.world.done("promote")) == 3
        await locking.unfreeze(house.service, SAM, "shop", house.click())
        await house.waits_for(release.id, "watch")
