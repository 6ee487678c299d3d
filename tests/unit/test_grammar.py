"""What people type, and what it means."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import grammar
from handlers.flags_grammar import ShowFlags, SwitchFlag
from handlers.metrics_grammar import ShowMetrics
from handlers.phrases import Now
from pipeline.errors import Refused

NOW = Now(datetime(2026, 11, 25, 12, 30, tzinfo=UTC), ZoneInfo("America/Sao_Paulo"))


def parse_release(typed: str) -> grammar.Typed:
    return grammar.parse_release(typed, NOW)


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
        ("metrics", ShowMetrics(90)),
        ("metrics 30", ShowMetrics(30)),
        ("METRICS 7 days", ShowMetrics(7)),
        ("flags", ShowFlags()),
        ("Flags  new-flow  OFF", SwitchFlag("new-flow", False, "production", "")),
        ("flags new-flow on staging", SwitchFlag("new-flow", True, "staging", "")),
        ("flags new-flow off Production on fire", SwitchFlag("new-flow", False, "production", "on fire")),
        ("flags new-flow off it is on fire", SwitchFlag("new-flow", False, "production", "it is on fire")),
        ("flags a name with spaces on", SwitchFlag("a name with spaces", True, "production", "")),
        ("flags on off", SwitchFlag("on", False, "production", "")),
        ("flags 自動承認 off", SwitchFlag("自動承認", False, "production", "")),
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
        ("metrics 0", "bad_days"),
        ("metrics 3651", "bad_days"),
        ("metrics ٣", "bad_days"),
        ("metrics 30 40", "bad_days"),
        ("flags new-flow", "flags_usage"),
        ("flags new-flow sideways", "flags_usage"),
        ("flags off", "flags_usage"),
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


@given(st.text(max_size=300))
def test_anything_after_flags_is_read_or_refused(typed: str) -> None:
    found = read(f"flags {typed}")
    assert isinstance(found, (ShowFlags, SwitchFlag, Refused))
    assert not isinstance(found, SwitchFlag) or found.environment in ("production", "staging")


@given(st.text(max_size=6000))
def test_anything_is_a_command_or_a_refusal(typed: str) -> None:
    assert len(str(read(typed))) < 1000 + len(typed)


def read(typed: str) -> grammar.Typed | Refused:
    """A command, or the refusal itself."""
    try:
        return parse_release(typed)
    except Refused as refusal:
        return refusal


@pytest.mark.parametrize(
    ("text", "version", "ref", "reason"),
    [
        ("hotfix", None, None, ""),
        ("hotfix v0.2.1", "v0.2.1", None, ""),
        ("hotfix v0.2.1 orders are lost", "v0.2.1", None, "orders are lost"),
        ("hotfix v0.2.1 1a2b3c4 orders", "v0.2.1", "1a2b3c4", "orders"),
        (f"HOTFIX v0.2.1 {'b' * 40} orders", "v0.2.1", "b" * 40, "orders"),
        ("hotfix v0.2.1 defaced site", "v0.2.1", None, "defaced site"),
        ("hotfix v0.2.1 500 errors", "v0.2.1", None, "500 errors"),
    ],
)
def test_a_hotfix_has_a_reason_and_maybe_a_commit(
    text: str, version: str | None, ref: str | None, reason: str
) -> None:
    assert parse_release(text) == grammar.Hotfix(version, ref, reason)
