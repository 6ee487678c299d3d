"""Arbitrary sequences of what people do, what fails, passing time and kills: nothing ever gets out of hand.

Whatever happened: no release leaves the table of states, nothing new reaches production without a valid approval
of exactly what runs, and an active release always waits for somebody or for its time.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import or_, select
from structlog.typing import EventDict

from pipeline import deciding, lease, retrying, turning
from pipeline.binding import bound
from pipeline.errors import Refused
from pipeline.models import Approval, Lock, Release
from pipeline.ports import Image
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE, StageStatus
from tests.house import DANA, KIM, LEE, SAM
from tests.mortal import MortalHouse, copied, open_mortal_house
from tests.world import PLAYBOOK

FAILURES = (
    "test-unit", "staging-smoke", "canary-smoke", "production-smoke", "rollback-smoke", "upgrade", "publish",
    "logs", "directory", "retire-production", "router-production", "prepare-production",
)  # fmt: skip
BROKEN = ("worker: unexpected end; the release is claimed again", "stage crashed", "engine: could not claim")

Step = Callable[[MortalHouse, Snapshot], Awaitable[object]]


async def newest(house: MortalHouse) -> Snapshot:
    recent = await house.service.recent("shop", 1)
    return await house.service.snapshot(recent[0].id)


# ------------------------------------------------------------------------ steps


async def begin(house: MortalHouse, shown: Snapshot) -> None:
    """A new version, every second one with a migration."""
    number = len(await house.service.recent("shop", 100)) + 1
    house.world.revision = str(1 + number // 2)
    house.world.pass_time(seconds=1)  # the newest is the one that was asked for last
    await house.start(f"v0.{number}.0", ref="b" * 40)


async def go_on(house: MortalHouse, shown: Snapshot) -> None:
    """What people do for the release to go on, or nothing but wait."""
    await house.tick_all(shown.release.id)
    run = shown.runs.get("approval")
    if run and run.status is StageStatus.WAITING:
        await house.approve(shown.release.id, LEE)
    house.world.pass_time(minutes=31)


async def approve_own(house: MortalHouse, shown: Snapshot) -> None:
    await house.approve(shown.release.id, DANA)


async def approve(house: MortalHouse, shown: Snapshot) -> None:
    await house.approve(shown.release.id, KIM)


async def reject(house: MortalHouse, shown: Snapshot) -> None:
    run = shown.runs["approval"].id
    await deciding.decide(house.service, KIM, shown.release.id, run, "reject", "no", house.click())


async def abort(house: MortalHouse, shown: Snapshot) -> None:
    await turning.abort(house.service, DANA, shown.release.id, "stop", house.click())


async def roll_back(house: MortalHouse, shown: Snapshot) -> None:
    await turning.roll_back(house.service, SAM, shown.release.id, "slow", True, house.click())


async def settle(house: MortalHouse, shown: Snapshot, choice: str) -> None:
    for run in shown.runs.values():
        if run.status is StageStatus.WAITING and run.data.get("asks", "").startswith("decision"):
            await deciding.settle(house.service, LEE if choice == "keep" else DANA, shown.release.id, run.id, choice,
                                  house.click())  # fmt: skip


async def keep(house: MortalHouse, shown: Snapshot) -> None:
    await settle(house, shown, "keep")


async def again(house: MortalHouse, shown: Snapshot) -> None:
    await settle(house, shown, "again")


async def unlock(house: MortalHouse, shown: Snapshot) -> None:
    await turning.unlock(house.service, LEE, "shop")


async def critical(house: MortalHouse, shown: Snapshot) -> None:
    house.world.log_lines[:] = [] if house.world.log_lines else ["CRITICAL ledger: out of balance"]
    house.world.pass_time(minutes=11)


async def a_day(house: MortalHouse, shown: Snapshot) -> None:
    house.world.pass_time(hours=24)


async def retry(house: MortalHouse, shown: Snapshot) -> None:
    await retrying.retry(house.service, DANA, shown.release.id, house.click())


async def skip(house: MortalHouse, shown: Snapshot) -> None:
    for stage in ("test", "staging-checks", "checklist", "watch"):
        with contextlib.suppress(Refused):
            await retrying.skip(house.service, LEE, shown.release.id, stage, "it is wrong", house.click())


async def pause(house: MortalHouse, shown: Snapshot) -> None:
    await retrying.pause(house.service, SAM, shown.release.id, "", house.click())


async def resume(house: MortalHouse, shown: Snapshot) -> None:
    await retrying.resume(house.service, DANA, shown.release.id, house.click())


async def kill(house: MortalHouse, shown: Snapshot) -> None:
    await house.kill_engines()
    await lease.free_all(house.db)
    house.start_engine("next")


def toggle(name: str) -> Step:
    async def fail_or_mend(house: MortalHouse, shown: Snapshot) -> None:
        house.world.failing ^= {name}

    fail_or_mend.__name__ = f"toggle {name}"
    return fail_or_mend


PEOPLE: tuple[Step, ...] = (
    begin, approve_own, approve, reject, abort, roll_back, keep, again, unlock, critical, a_day, kill,
    retry, retry, skip, pause, resume,
)  # fmt: skip
TOGGLES = tuple(toggle(name) for name in FAILURES)
STEPS = st.lists(
    st.tuples(st.sampled_from((go_on,) * 16 + PEOPLE + TOGGLES), st.booleans()), min_size=6, max_size=16
)
"""Steps, each with whether everybody waits until the house is quiet. Most go forward, or nothing gets far."""


# ----------------------------------------------------------------------- checks


async def quiet(house: MortalHouse) -> None:
    """Wait until nothing is due and nobody works."""
    house.nudge()
    due = or_(Release.owner.is_not(None), Release.wake_at <= house.world.now)
    async with asyncio.timeout(20):
        while True:
            async with house.db.reading() as session:
                if await session.scalar(select(Release.id).where(due).limit(1)) is None:
                    return
            with contextlib.suppress(TimeoutError):
                house.changed.clear()
                await asyncio.wait_for(house.changed.wait(), 0.02)


async def check(house: MortalHouse) -> None:
    """What holds whenever the house is quiet."""
    async with house.db.reading() as session:
        releases = list(await session.scalars(select(Release)))
        lock = await session.scalar(select(Lock))
    active = [release for release in releases if release.status in ACTIVE]
    assert len(active) <= 1
    assert (lock.release_id if lock else None) == (active[0].id if active else None)
    for release in active:
        shown = await house.service.snapshot(release.id)
        assert any(run.status is StageStatus.WAITING for run in shown.runs.values()), (
            "nobody will ever wake it"
        )
    for release in releases:
        await _approved(house, await house.service.snapshot(release.id))


async def _approved(house: MortalHouse, shown: Snapshot) -> None:
    """A release that touched production was approved, by somebody else who may, as exactly what it is."""
    release = shown.release
    if release.direction == "adoption" or not release.production_touched:
        assert (
            release.version == "v0.1.0"
            or ("promote", "production", release.version) not in house.world.journal
        )
        return
    images = [Image(row.component, row.version, row.digest, row.reference) for row in shown.images]
    assert any(_valid(approval, bound(release, images, shown.runs)) for approval in shown.approvals)


def _valid(approval: Approval, binding: dict[str, object]) -> bool:
    return (
        approval.decision == "approve" and approval.bound == binding and approval.user in ("U0LEE", "U0KIM")
    )


async def play(house: MortalHouse, steps: list[tuple[Step, bool]]) -> None:
    house.start_engine()
    try:
        for step, patient in [(begin, True), *steps]:
            with contextlib.suppress(Refused, KeyError):  # a refusal, or a stage that has not come yet
                await step(house, await newest(house))
            house.nudge()
            if patient:
                await quiet(house)
                await check(house)
        await quiet(house)
        await check(house)
    finally:
        await house.stop_engines()
        await house.db.close()


@pytest.fixture(scope="module")
def kept() -> Iterator[MortalHouse]:
    """v0.1.0 in production, and nobody at work."""

    async def adopt(folder: Path) -> MortalHouse:
        async with open_mortal_house(folder) as house:
            house.world.playbook = 'skippable = ["test", "staging-checks", "checklist", "watch"]\n' + PLAYBOOK
            await house.adopt()
        return house

    with tempfile.TemporaryDirectory() as folder:
        yield asyncio.run(adopt(Path(folder)))


def broken(logs: list[EventDict]) -> list[EventDict]:
    return [line for line in logs if str(line["event"]).startswith(BROKEN)]


@settings(
    max_examples=16,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_whatever_happens_nothing_gets_out_of_hand(kept: MortalHouse, steps: list[tuple[Step, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder, structlog.testing.capture_logs() as logs:
        asyncio.run(play(copied(kept, Path(folder) / "house"), steps))
    assert broken(logs) == []
