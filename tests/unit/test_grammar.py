"""What people type, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import grammar
from handlers.grammar import parse_release
from pipeline.errors import Refused


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("v0.2.0", grammar.StartRelease("v0.2.0", None)),
        ("  0.2.0  ", grammar.StartRelease("0.2.0", None)),
        ("V0.2.0 abc123", grammar.StartRelease("V0.2.0", "abc123")),
        ("0.2", grammar.StartRelease("0.2", None)),
        ("approve", grammar.Approve()),
        ("REJECT", grammar.Reject()),
        ("rollback", grammar.RollBack()),
        ("abort the wrong one", grammar.Abort("the wrong one")),
        ("unlock", grammar.Unlock()),
        ("status", grammar.ShowStatus()),
        ("list", grammar.ListReleases()),
        ("help", grammar.Help()),
    ],
)
def test_what_is_typed_becomes_a_command(typed: str, meant: object) -> None:
    assert parse_release(typed) == meant


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "version_missing"),
        (" \n", "version_missing"),
        ("banana", "bad_command"),
        ("v1 a b", "too_much"),
    ],
)
def test_what_means_nothing_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_release(typed)
    assert refused.value.code == code


def test_a_slip_gets_the_nearest_command() -> None:
    with pytest.raises(Refused) as refused:
        parse_release("aprove")
    assert "approve" in refused.value.facts["near"]


@given(st.text(max_size=6000))
def test_anything_is_a_command_or_a_refusal(typed: str) -> None:
    assert len(str(read(typed))) < 1000 + len(typed)


def read(typed: str) -> grammar.Typed | Refused:
    """A command, or the refusal itself."""
    try:
        return parse_release(typed)
    except Refused as refusal:
        return refusal
