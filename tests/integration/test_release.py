"""A release through the service and the engine, on a world in memory: what happens outside, and in which order."""

from pathlib import Path

import pytest

from pipeline import deciding, overruling, turning
from pipeline.errors import Refused
from pipeline.states import ReleaseStatus
from tests.house import DANA, KIM, LEE, SAM, House, open_house


async def test_a_release_goes_through_every_stage(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.to_end(release.id)

        assert shown.release.status is ReleaseStatus.SUCCEEDED
        production = [entry for entry in house.world.journal if "production" in entry or entry[0] == "tag"]
        assert production == [
            ("migrate", "production", "1"),
            ("start", "production", "v0.1.0"),
            ("promote", "production", "v0.1.0"),
            ("start", "production", "v0.2.0"),
            ("shift", "production", "10"),
            ("promote", "production", "v0.2.0"),
            ("tag", "v0.2.0", "b" * 40),
            ("retire", "production", "v0.1.0"),
        ]
        assert shown.lock is None


async def test_a_migration_is_preceded_by_a_backup(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.revision = "2"
        release = await house.start()
        await house.to_watch(release.id)
        did = house.world.journal
        assert did.index(("backup", "production")) < did.index(("migrate", "production", "2"))


async def test_a_failing_test_ends_the_release_before_anything_is_deployed(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.failing.add("test-unit")
        release = await house.start()
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.FAILED
        assert shown.runs["test"].code == "tests_failed"
        assert ("start", "staging", "v0.2.0") not in house.world.journal
        assert shown.lock is None


async def test_a_rejection_ends_the_release_with_its_reason(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.to_approval(release.id)
        run = shown.runs["approval"]
        await deciding.decide(house.service, LEE, release.id, run.id, "reject", "not today", house.click())
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.FAILED
        assert shown.runs["approval"].facts == {"by": "U0LEE", "reason": "not today"}
        assert not house.world.done("shift")


async def test_the_second_of_two_approvals_is_told_who_was_first(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.to_approval(release.id)
        run = shown.runs["approval"].id
        await deciding.decide(house.service, LEE, release.id, run, "approve", "", house.click())
        with pytest.raises(Refused) as refused:
            await deciding.decide(house.service, KIM, release.id, run, "approve", "", house.click())
        assert refused.value.code == "already_decided"
        assert refused.value.facts["by"] == "U0LEE"


async def test_nobody_approves_their_own_release(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        with pytest.raises(Refused, match="own_release"):
            await house.approve(release.id, DANA)


async def test_a_canary_that_logs_critical_errors_goes_back_by_itself(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.approve(release.id)
        await house.waits_for(release.id, "canary")
        house.world.log_lines.append("CRITICAL ledger: out of balance")
        house.world.pass_time(minutes=6)
        house.nudge()
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK
        assert house.world.done("promote")[-1] == ("promote", "production", "v0.1.0")
        assert house.world.done("retire") == [("retire", "production", "v0.2.0")]
        assert shown.lock is not None
        assert shown.lock.release_id is None
        assert "v0.2.0 was rolled back" in shown.lock.reason


async def test_a_canary_that_never_got_its_traffic_is_held_anew(tmp_path: Path, url: str) -> None:
    """The bot died between its intent and the shift, and the time of the hold passed without it."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_approval(release.id)
        await house.approve(release.id)
        await house.waits_for(release.id, "canary")
        await house.made.targets["production"].shift(release.id, 0)
        house.world.pass_time(minutes=6)
        house.nudge()
        await house.until(release.id, lambda s: house.world.journal[-1] == ("shift", "production", "10"))
        shown = await house.waits_for(release.id, "canary")
        assert shown.runs["canary"].code == "canary_holding"
        await house.through_canary(release.id)
        await house.waits_for(release.id, "watch")


async def test_a_rollback_undoes_the_migration_and_leaves_a_lock(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.revision = "2"
        release = await house.start()
        await house.to_watch(release.id)
        await turning.roll_back(house.service, SAM, release.id, "orders are lost", True, house.click())
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK
        after = house.world.journal[house.world.journal.index(("promote", "production", "v0.2.0")) + 1 :]
        assert [entry for entry in after if "production" in entry] == [
            ("promote", "production", "v0.1.0"),
            ("retire", "production", "v0.2.0"),
            ("backup", "production"),
            ("undo", "production", "1"),
        ]
        with pytest.raises(Refused, match="locked"):
            await house.start("v0.3.0")
        assert "orders are lost" in (await turning.unlock(house.service, LEE, "shop") or "")
        await house.start("v0.3.0")


async def test_a_release_that_has_succeeded_can_go_back_cold(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_end(release.id)
        await turning.roll_back(house.service, DANA, release.id, "slow", True, house.click())
        await house.until(release.id, lambda s: s.release.status is ReleaseStatus.ROLLED_BACK)
        assert house.world.done("start")[-1] == ("start", "production", "v0.1.0")


async def test_an_abort_stops_what_runs_and_cleans_up(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.slow.add("test-unit")
        release = await house.start()
        await house.until(release.id, lambda s: ("command", "test-unit") in house.world.journal)
        await turning.abort(house.service, DANA, release.id, "wrong version", house.click())
        shown = await house.ended(release.id)
        assert shown.release.status is ReleaseStatus.CANCELLED
        assert shown.runs["test"].status == "cancelled"
        assert shown.lock is None


async def test_after_production_an_abort_is_refused_and_a_rollback_is_named(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.to_watch(release.id)
        with pytest.raises(Refused, match="in_production"):
            await turning.abort(house.service, DANA, release.id, "", house.click())


async def test_the_watch_asks_a_person_when_critical_lines_appear(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        shown = await house.to_watch(release.id)
        house.world.log_lines.append("CRITICAL ledger: out of balance")
        house.world.pass_time(minutes=11)
        house.nudge()
        shown = await house.until(release.id, lambda s: s.release.status is ReleaseStatus.WAITING)
        assert shown.runs["watch"].code == "watch_critical"
        run = shown.runs["watch"]
        await deciding.settle(house.service, LEE, release.id, run.id, "keep", house.click())
        shown = await house.until(release.id, lambda s: s.runs["watch"].status == "succeeded")
        assert shown.runs["watch"].facts == {"by": "U0LEE"}


async def test_a_failed_push_is_tried_again_when_somebody_says_so(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.failing.add("publish")
        release = await house.start()
        await house.to_approval(release.id)
        await house.approve(release.id)
        await house.through_canary(release.id)
        shown = await house.until(release.id, lambda s: "publish" in s.runs and s.runs["publish"].code != "")
        assert shown.runs["publish"].code == "publish_failed"
        house.world.failing.clear()
        await deciding.settle(
            house.service, DANA, release.id, shown.runs["publish"].id, "again", house.click()
        )
        await house.until(release.id, lambda s: s.runs["publish"].status == "succeeded")
        assert house.world.done("tag") == [("tag", "v0.2.0", "b" * 40)]


async def test_an_intended_change_of_the_suite_is_accepted_by_a_person_not_by_the_bot(
    tmp_path: Path, url: str
) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.suite = "suite 2"
        release = await house.start()
        shown = await house.until(
            release.id, lambda s: "evaluation" in s.runs and s.runs["evaluation"].code != ""
        )
        run = shown.runs["evaluation"]
        assert run.code == "evaluation_suite_changed"
        seen, why = run.facts["seen"], "Two cases more"
        with pytest.raises(Refused, match="may_not_approve"):
            await overruling.overrule(house.service, SAM, release.id, run.id, seen, why, house.click())
        await overruling.overrule(house.service, LEE, release.id, run.id, seen, why, house.click())
        shown = await house.waits_for(release.id, "checklist")
        assert shown.runs["evaluation"].facts == {"by": "U0LEE", "reason": why}
        assert "suite 2" in shown.runs["evaluation"].data["record"]


async def refused(house: House, version: str, ref: str | None = None) -> str:
    with pytest.raises(Refused) as caught:
        await house.start(version, ref=ref)
    return caught.value.code


async def test_what_cannot_be_released_is_refused_before_anything_is_written(
    tmp_path: Path, url: str
) -> None:
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        house.world.side.add("d" * 40)
        codes = {
            "banana": await refused(house, "banana"),
            "older": await refused(house, "v0.0.9"),
            "live": await refused(house, "v0.1.0"),
            "side": await refused(house, "v0.4.0", "d" * 40),
            "nowhere": await refused(house, "v0.4.0", "nowhere"),
        }
        await house.start()
        codes["twice"] = await refused(house, "v0.3.0")
        assert codes == {
            "banana": "bad_version",
            "older": "older",
            "live": "already_live",
            "side": "not_on_main",
            "nowhere": "unknown_commit",
            "twice": "already_running",
        }
