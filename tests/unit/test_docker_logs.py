"""The order of what a container said."""

from pipeline.adapters.docker.logs import stamped

EARLY, LATE = "2026-11-26T06:00:00.000000001Z", "2026-11-26T06:00:00.000000002Z"


def test_lines_are_in_the_order_of_their_time_and_of_the_log_where_that_is_the_same() -> None:
    log = f"{LATE} b\n{LATE} a\n{EARLY} first\n"
    assert stamped(log) == [(EARLY, "first"), (LATE, "b"), (LATE, "a")]


def test_what_has_no_time_is_left_out() -> None:
    assert stamped(f"cut off\n\n{EARLY} whole\n") == [(EARLY, "whole")]
