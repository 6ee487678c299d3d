"""DORA's measures of what happened."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics import Deployed, Metrics, measured
from pipeline.models import StageRun
from pipeline.timings import lead

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = 3600.0


def moved(cause: str, ago: float, kind: str = "release", **known: float | str) -> Deployed:
    times = {"lead": None, "restore": None, "mends": None, **known}
    return Deployed(NOW - timedelta(days=ago), kind, cause, **times)  # type: ignore[arg-type]  # by name


def of(*all_moved: Deployed, days: int = 28, stuck: frozenset[str] = frozenset()) -> Metrics:
    return measured("shop", days, all_moved, stuck, NOW)


def test_four_releases_one_of_which_went_back_and_one_was_mended() -> None:
    found = of(
        moved("a", 20, lead=HOUR),
        moved("b", 13, lead=3 * HOUR),
        moved("b", 12.9, "rollback", restore=2 * HOUR),
        moved("c", 6, lead=5 * HOUR),
        moved("d", 5, lead=HOUR, mends="c", restore=4 * HOUR),
        moved("canary only", 1, "rollback", restore=60.0),
    )
    assert (found.deployments, found.per_week) == (4, 1.0)
    assert (found.failed, found.reached, found.failure_rate) == (3, 5, 0.6)
    assert (found.lead, found.restore) == (2 * HOUR, 2 * HOUR)
    assert [(week.good, week.failed, week.lead) for week in found.weeks] == [
        (0, 0, None), (1, 0, HOUR), (0, 1, 3 * HOUR), (1, 1, 3 * HOUR),
    ]  # fmt: skip


def test_nothing_is_measured_of_nothing() -> None:
    found = of()
    assert (found.per_week, found.failure_rate, found.lead, found.restore) == (0, None, None, None)
    assert len(found.weeks) == 4


def test_a_way_back_that_is_stuck_counts_as_a_failure() -> None:
    found = of(moved("a", 1), stuck=frozenset({"a", "of the canary"}))
    assert (found.failed, found.reached) == (2, 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["release", "rollback"]), st.floats(0, 27.9)),
        max_size=30,
    )
)
def test_shares_are_shares_and_weeks_have_all(rows: list[tuple[int, str, float]]) -> None:
    found = of(*(moved(str(name), ago, kind) for name, kind, ago in rows))
    assert found.failure_rate is None or 0 <= found.failure_rate <= 1
    assert sum(week.good + week.failed for week in found.weeks) == found.deployments


def test_the_lead_time_is_the_median_age_of_the_changes_that_people_made() -> None:
    ages = {"Added": 2 * HOUR, "Fixed": 4 * HOUR, "Bookkeeping": 900 * HOUR}
    changes = [{"group": group, "at": int(NOW.timestamp() - age)} for group, age in ages.items()]
    runs = {"preflight": StageRun(data={"changes": [*changes, {"group": "Other", "at": 0}]})}
    assert lead(runs, NOW) == 3 * HOUR
    assert lead({"preflight": StageRun(data={"changes": [{"group": "Added"}]})}, NOW) is None
    assert lead({}, NOW) is None
