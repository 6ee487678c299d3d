"""Sessions that cannot be forged, and receipts that repeat."""

import pytest

from core_hub.problems import Problem
from core_hub.signing import Session, access_key, issue, log_in, receipt, verify

KEY = "a-key-for-tests-only"
DANA = Session("dana", tester=False)


def test_a_session_comes_back() -> None:
    assert verify(KEY, issue(KEY, DANA)) == DANA


def test_a_session_ends() -> None:
    token = issue(KEY, DANA, now=1000.0)
    assert verify(KEY, token, now=4599.0) == DANA
    with pytest.raises(Problem, match="expired"):
        verify(KEY, token, now=4600.0)


@pytest.mark.parametrize("token", ["", ".", "a.b", "a.b.c", "é.é", issue("another-key-of-tests", DANA)])
def test_a_forged_session_is_refused(token: str) -> None:
    with pytest.raises(Problem, match="POST /api/login"):
        verify(KEY, token)


def test_a_tampered_session_is_refused() -> None:
    theirs, mine = issue(KEY, DANA), issue(KEY, Session("eve", tester=True))
    with pytest.raises(Problem):
        verify(KEY, theirs.split(".")[0] + "." + mine.split(".")[1])


def test_only_the_right_key_makes_an_operator() -> None:
    assert log_in(KEY, "dana", access_key(KEY, "dana")) == DANA
    assert log_in(KEY, "dana", None) == Session("dana", tester=True)
    for key in ("", "é", access_key(KEY, "eve")):
        with pytest.raises(Problem, match="does not belong"):
            log_in(KEY, "dana", key)


def test_a_receipt_repeats_and_tells_dry_from_real() -> None:
    assert receipt(KEY, 1, 100, True, 10) == receipt(KEY, 1, 100, True, 10)
    assert receipt(KEY, 1, 100, True, 10) != receipt(KEY, 1, 100, False, 10)
