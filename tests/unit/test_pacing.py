"""The budget of edits: no minute has more than Slack takes, however they come."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.pacing import at_most

MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@given(
    per_minute=st.integers(1, 300),
    waits=st.lists(st.floats(0, 90), max_size=30),
    crowd=st.integers(1, 60),
)
def test_no_minute_has_more_than_it_may(per_minute: int, waits: list[float], crowd: int) -> None:
    """Crowds that each want `crowd` edits as soon as they are free, with pauses between them."""
    rate, now, spent = at_most(per_minute), START, START
    paid: list[datetime] = []
    for wait in waits:
        now += timedelta(seconds=wait)
        for _ in range(crowd):
            now = rate.free_at(spent, now)
            spent = rate.after(spent, now)
            paid.append(now)
    room = 2 if per_minute > 2 else 0
    for first, later in zip(paid, paid[per_minute - room :], strict=False):
        assert later - first > MINUTE - timedelta(milliseconds=1)


def test_a_quiet_time_gives_a_fifth_at_once() -> None:
    rate, spent = at_most(50), START
    for _ in range(10):
        assert rate.free_at(spent, START) == START
        spent = rate.after(spent, START)
    assert rate.free_at(spent, START) > START
