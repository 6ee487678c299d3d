"""Many releases at a glance: of those that succeeded only the newest can be live."""

from datetime import UTC, datetime

from handlers.blocks import overview
from pipeline.models import Release
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus

SUCCEEDED, RUNNING, ROLLED_BACK = ReleaseStatus.SUCCEEDED, ReleaseStatus.RUNNING, ReleaseStatus.ROLLED_BACK


def release(version: str, status: ReleaseStatus, *, touched: bool = False) -> Release:
    return Release(
        id=f"rel_{version}", product="shop", version=version, base_version="v0.1.0", status=status, plan=[],
        production_touched=touched, requested_by="U0DANA", created_at=datetime(2026, 9, 1, tzinfo=UTC),
    )  # fmt: skip


def states(*releases: Release) -> list[str]:
    return [row.split("* ")[1].split(" ·")[0] for row in overview.rows(releases)]


def test_an_older_release_was_live() -> None:
    shown = states(release("v0.2.0", SUCCEEDED), release("v0.1.0", SUCCEEDED))
    assert shown == ["live in production", "was live"]


def test_after_a_rollback_the_one_before_is_live() -> None:
    shown = states(release("v0.2.0", ROLLED_BACK), release("v0.1.0", SUCCEEDED))
    assert shown == ["rolled back", "live in production"]


def test_while_another_enters_production_it_is_the_one_before() -> None:
    entering = release("v0.2.0", RUNNING, touched=True)
    assert states(entering, release("v0.1.0", SUCCEEDED)) == ["releasing", "the version before"]


def test_who_has_not_touched_production_changes_nothing() -> None:
    assert states(release("v0.2.0", RUNNING), release("v0.1.0", SUCCEEDED))[1] == "live in production"


def test_now_says_who_serves() -> None:
    said = overview.state(Snapshot(release("v0.2.0", RUNNING), {}))
    assert said == "🚀 *v0.2.0* releasing · step 0 of 0 · traffic: 100 % on v0.1.0"
