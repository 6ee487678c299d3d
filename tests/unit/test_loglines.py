"""Log lines: tracebacks belong to what was said before them, and errors have shapes."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.loglines import entries, errors, new_shapes, shapes

LEVELS = (r"\b(CRITICAL|FATAL)\b", r"\bERROR\b")
FAILED = [
    "api: 2026-11-26 ERROR POST '/api/charges' failed",
    "api: Traceback (most recent call last):",
    'api:   File "core_hub/api.py", line 3, in create',
    "api:     raise ValueError('CRITICAL')",
    "api: ValueError: CRITICAL",
    "api: 2026-11-26 INFO ready",
]


def test_a_traceback_belongs_to_the_line_before_it() -> None:
    failed, ready = entries(FAILED)
    assert len(failed.more) == 4
    assert failed.line == "api: 2026-11-26 ERROR POST '/api/charges' failed … ValueError: CRITICAL"
    assert ready.said == "2026-11-26 INFO ready"


def test_what_a_traceback_quotes_is_no_level_of_its_own() -> None:
    assert errors(entries(FAILED), LEVELS[0]) == []
    assert len(errors(entries(FAILED), *LEVELS)) == 1


def test_an_exception_that_nobody_caught_is_an_error() -> None:
    found = errors(entries(FAILED[1:5]), *LEVELS)
    assert [entry.is_traceback for entry, _ in found] == [True]
    assert found[0][1].endswith("ValueError")


def test_lines_of_another_component_belong_to_nothing_before_them() -> None:
    assert len(entries(["api: ERROR a", "worker:   indented"])) == 2


def test_an_error_is_new_when_its_shape_is() -> None:
    known = shapes(
        errors(
            entries(["api: ERROR charge 17 was not read in 30 ms", "api: ERROR mail to 'a' bounced"]), *LEVELS
        )
    )
    assert len(known) == 2
    now = [
        "api: ERROR charge 99 was not read in 4031 ms",
        "api: ERROR mail to 'somebody else' bounced",
        "api: ERROR the ledger of 2026 is locked",
        "api: ERROR the ledger of 2027 is locked",
        "worker: CRITICAL charge 5 was sent twice",
    ]
    new = new_shapes(known, errors(entries(now), *LEVELS))
    assert [entry.said for entry in new] == [
        "ERROR the ledger of 2026 is locked",
        "CRITICAL charge 5 was sent twice",
    ]


Lines = st.lists(st.text(max_size=60).map(lambda text: f"api: {text}"), max_size=20)


@given(Lines)
def test_no_line_is_lost_and_none_stops_the_reading(lines: list[str]) -> None:
    found = entries(lines)
    assert sum(1 + len(entry.more) for entry in found) == len(lines)
    known = shapes(errors(found, *LEVELS))
    assert new_shapes(known, errors(found, *LEVELS)) == []


def test_an_indented_line_outside_of_a_traceback_may_have_a_level() -> None:
    assert len(errors(entries(["api: INFO the books:", "api:   CRITICAL out of balance"]), *LEVELS)) == 1
