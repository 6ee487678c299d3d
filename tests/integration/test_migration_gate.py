"""The migrations stage and what follows from it: failing, asking, windows, proven backups, what the approval shows."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from handlers.blocks import announcements, approval, asks, forms, notes
from handlers.text.stages import outcome
from pipeline import deciding
from pipeline.errors import Refused
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from pipeline.turning import way_back
from pipeline.verdicts import Reason, reason
from tests.house import BOT_TOML, DANA, LEE, SAM, House, open_house
from tests.world import PLAYBOOK

GONE = reason("gone", kind="column", thing="charges.note")
DROPS = (
    GONE,
    reason("drops", kind="column", thing="charges.note"),
    reason("data_not_back", what=["charges.note"]),
)
ANNOUNCED = PLAYBOOK.replace("[migrations]", '[migrations]\ncontractions = ["charges.note"]')
SCAN = reason("window_scan", table="charges", stops="writes", statement="CREATE INDEX i ON charges (x)")
NIGHTS = '[[products.shop.migration_windows]]\ndays = ["mon", "tue"]\nfrom = "22:00"\nto = "04:00"\n'
ZONE = 'timezone = "America/Sao_Paulo"\n'


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def released(house: House, *reasons: Reason) -> Snapshot:
    """A release with one migration of which this is found; v0.1.0 is in service."""
    await house.adopt()
    house.world.revision, house.world.reasons = "2", reasons
    release = await house.start()
    return await house.service.snapshot(release.id)


async def test_a_safe_migration_takes_nobodys_time(house: House) -> None:
    shown = await released(house)
    shown = await house.to_approval(shown.release.id)
    assert outcome(shown.runs["migrations"]) == "`2` safe to run"
    assert "no way back" not in str(
        approval.approval(shown, house.made.product, shown.runs["approval"]).blocks
    )
    await house.approve(shown.release.id)
    await house.through_canary(shown.release.id)
    assert house.world.done("proof") == []
    shown = await house.waits_for(shown.release.id, "watch")
    assert shown.runs["migrate"].code == "migrated"


async def test_without_a_migration_nothing_is_judged(house: House) -> None:
    await house.adopt()
    house.world.failing.add("judge")
    release = await house.start()
    shown = await house.to_approval(release.id)
    assert shown.runs["migrations"].status is StageStatus.SKIPPED
    assert "smoke-before" not in house.world.commands


@pytest.mark.parametrize(
    ("found", "code", "says"),
    [
        (
            reason("fails", said="no such column", sqlstate="42703", statement=""),
            "migration_fails",
            "no such column",
        ),
        (GONE, "migration_unannounced", "What goes has to be announced by the version before."),
        (
            reason("not_null", table="charges", column="note"),
            "migration_breaks",
            "Release a version that always writes",
        ),
    ],
)
async def test_what_does_not_run_or_breaks_the_version_in_service_ends_it(
    house: House, found: Reason, code: str, says: str
) -> None:
    shown = await house.ended((await released(house, found)).release.id)
    run = shown.runs["migrations"]
    assert (shown.release.status, run.status, run.code) == (ReleaseStatus.FAILED, StageStatus.FAILED, code)
    assert says in outcome(run)
    assert says.rstrip(".") in str(notes.note(shown, run).blocks) or code == "migration_unannounced"
    assert house.world.done("migrate") == [("migrate", "staging", "1"), ("migrate", "production", "1")]


async def test_what_was_announced_by_the_version_in_service_may_go(house: House) -> None:
    house.world.playbook = ANNOUNCED
    shown = await house.to_approval((await released(house, *DROPS)).release.id)
    assert outcome(shown.runs["migrations"]) == "`2` loses data, no way back"
    asked = approval.approval(shown, house.made.product, shown.runs["approval"])
    assert "no way back for the data" in str(asked.blocks)
    await house.approve(shown.release.id)
    await house.through_canary(shown.release.id)
    shown = await house.waits_for(shown.release.id, "watch")
    assert house.world.done("proof") == [("proof", "production")]
    assert "restored for a trial: 2 tables, 40 rows" in outcome(shown.runs["backup"])
    told = announcements.released(shown, house.made.product)
    assert told is not None
    assert "no way back for the data" in str(told.blocks)
    back = await way_back(house.service, SAM, "shop")
    assert not back.undoable
    assert "loses data, no way back" in str(forms.roll_back(back)["blocks"])


async def test_what_is_announced_newly_is_told(house: House) -> None:
    await house.adopt()
    house.world.playbook = ANNOUNCED
    release = await house.start()
    shown = await house.to_approval(release.id)
    asked = approval.approval(shown, house.made.product, shown.runs["approval"])
    assert "a later release takes away: `charges.note`" in str(asked.blocks)


async def test_a_backup_that_does_not_prove_itself_keeps_the_data(house: House) -> None:
    house.world.playbook = ANNOUNCED
    house.world.failing.add("proof")
    shown = await house.to_approval((await released(house, *DROPS)).release.id)
    await house.approve(shown.release.id)
    ended = await house.ended(shown.release.id)
    assert ended.release.status is ReleaseStatus.FAILED
    assert "does not prove itself" in outcome(ended.runs["backup"])
    assert house.world.done("migrate")[-1] == ("migrate", "staging", "2")


async def test_what_is_not_known_asks_an_approver(house: House) -> None:
    found = reason("unread", statement="ALTER SOMETHING")
    shown = await house.waits_for((await released(house, found)).release.id, "migrations")
    run = shown.runs["migrations"]
    message = asks.decision(shown, run)
    assert "What this does was not understood: ALTER SOMETHING." in message.text
    assert "Let it go on" in str(message.blocks)
    with pytest.raises(Refused):
        await deciding.settle(house.service, SAM, shown.release.id, run.id, "keep", house.click())
    await deciding.settle(house.service, LEE, shown.release.id, run.id, "keep", house.click())
    shown = await house.to_approval(shown.release.id)
    assert outcome(shown.runs["migrations"]) == "`2` a person has to look; <@U0LEE> looked at it"


async def test_without_a_window_an_approver_decides_when_it_runs(house: House) -> None:
    shown = await house.to_approval((await released(house, SCAN)).release.id)
    await house.approve(shown.release.id)
    shown = await house.waits_for(shown.release.id, "backup")
    run = shown.runs["backup"]
    assert "keeps users of `charges` waiting, and bot.toml has no window for it" in outcome(run)
    assert "Migrate now" in str(asks.decision(shown, run).blocks)
    assert house.world.done("backup") == []
    await deciding.settle(house.service, LEE, shown.release.id, run.id, "keep", house.click())
    await house.through_canary(shown.release.id)
    assert house.world.done("migrate")[-1] == ("migrate", "production", "2")


async def test_it_runs_by_itself_when_its_window_opens(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        text = BOT_TOML + NIGHTS + ZONE
        house = await stack.enter_async_context(open_house(tmp_path, bot_toml=text))
        shown = await house.to_approval((await released(house, SCAN)).release.id)
        await house.approve(shown.release.id)
        shown = await house.waits_for(shown.release.id, "backup")
        opens = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # Monday, 22:00 in São Paulo
        assert shown.runs["backup"].facts["opens"] == opens.timestamp()
        house.world.pass_time(hours=15, minutes=59)
        house.nudge()
        await house.waits_for(shown.release.id, "backup")
        assert house.world.done("backup") == []
        house.world.pass_time(minutes=2)
        house.nudge()
        await house.waits_for(shown.release.id, "canary")
        assert house.world.done("migrate")[-1] == ("migrate", "production", "2")


async def test_the_version_in_service_is_tried_on_the_new_schema(house: House) -> None:
    shown = await house.to_approval((await released(house)).release.id)
    command = house.world.commands["smoke-before"]
    assert command.env["SMOKE_BASE_URL"].startswith("http://127.0.0.1/staging/")
    assert command.env["EXPECT_VERSION"] == "v0.1.0"
    assert shown.runs["staging"].data["before_works"] == "v0.1.0"
    names = [entry[1] for entry in house.world.done("command")]
    assert names.index("smoke-before") < names.index("staging-smoke")


async def test_a_version_in_service_that_fails_on_the_new_schema_ends_it(house: House) -> None:
    house.world.failing.add("smoke-before")
    shown = await house.ended((await released(house)).release.id)
    run = shown.runs["staging"]
    assert (run.status, run.code) == (StageStatus.FAILED, "old_version_fails")
    assert "v0.1.0, which is in service, does not work on the new schema" in outcome(run)
    assert ("promote", "staging", "v0.2.0") not in house.world.journal


async def test_an_approval_is_bound_to_what_was_found(house: House) -> None:
    shown = await house.to_approval((await released(house, SCAN)).release.id)
    await house.approve(shown.release.id)
    shown = await house.waits_for(shown.release.id, "backup")
    assert len(shown.approvals[0].bound["verdicts"]) == 64


async def test_a_judge_that_cannot_do_its_work_ends_it_before_staging(house: House) -> None:
    house.world.failing.add("judge")
    shown = await house.ended((await released(house)).release.id)
    assert shown.runs["migrations"].code == "trouble"
    assert "Alembic cannot read the migrations" in outcome(shown.runs["migrations"])
    assert shown.release.requested_by == DANA.user
