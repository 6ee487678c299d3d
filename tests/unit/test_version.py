"""Versions: what is read, what is refused, and what the refusal teaches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.text.refusals import sentences
from pipeline.errors import Refused
from pipeline.version import (
    Version,
    candidate_tags,
    is_release_tag,
    latest_release,
    parse_version,
    release_of,
    suggestions,
)


def refusal(text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_version(text)
    assert caught.value.code == "bad_version"
    return caught.value


@pytest.mark.parametrize("text", ["v0.2.0", "0.2.0", "  v0.2.0\n"])
def test_both_spellings_are_one_version(text: str) -> None:
    assert parse_version(text) == Version(0, 2, 0)
    assert parse_version(text).tag == "v0.2.0"
    assert str(parse_version(text)) == "0.2.0"


def test_versions_compare_by_number_not_by_letter() -> None:
    assert parse_version("v0.10.0") > parse_version("v0.9.9")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("0.2", "v0.2.0"),
        ("v2", "v2.0.0"),
        ("V0.2.0", "v0.2.0"),
        ("v.0.2.0", "v0.2.0"),
        ("v01.2.0", "v1.2.0"),
        ("v0.2.0-rc.1", "v0.2.0"),
        ("0.2.0+build.5", "v0.2.0"),
        ("v٠.٢.٠", "v0.2.0"),
        ("v０.２.０", "v0.2.0"),
        ("1.2.3.4", ""),
        ("latest", ""),
        ("v-1.0.0", ""),
        ("v0.2.0; rm -rf /", ""),
        ("", ""),
        ("   ", ""),
    ],
)
def test_everything_else_is_refused_with_the_nearest_right_one(text: str, suggestion: str) -> None:
    refused = refusal(text)
    assert refused.facts["suggestion"] == suggestion
    assert (suggestion or "v0.2.0") in sentences(refused)[2]


def test_a_candidate_is_refused_with_the_reason() -> None:
    assert refusal("v0.2.0-rc.1").facts == {
        "text": "v0.2.0-rc.1",
        "why": "pre_release",
        "suggestion": "v0.2.0",
        "candidate": "v0.2.0-rc.1",
    }
    assert "candidates are tags such as v0.2.0-rc.1" in sentences(refusal("v0.2.0-rc.1"))[1]


def test_a_huge_text_is_cut_in_the_message() -> None:
    refused = refusal("1" * 5000)
    assert all(len(fact) < 100 for fact in refused.facts.values())
    assert "it has 5,000 characters; a version has at most 40." in sentences(refused)[1]


def test_control_and_reordering_characters_do_not_reach_the_message() -> None:
    assert refusal("v0.2\x1b[31m\u202e.0\nx").facts["text"] == "v0.2[31m.0 x"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_tag_reads_back(major: int, minor: int, patch: int) -> None:
    version = Version(major, minor, patch)
    assert parse_version(version.tag) == release_of(version.tag) == version


@given(st.text(max_size=60))
def test_any_text_is_a_version_or_a_refusal(text: str) -> None:
    try:
        accepted = parse_version(text)
    except Refused as refused:
        accepted = None
        shown = refused.facts["text"]
    assert is_release_tag(accepted.tag) if accepted else "\n" not in shown


def test_suggestions_are_the_nearest_known_names() -> None:
    known = ["v0.1.0", "v0.2.0", "nightly"]
    assert suggestions("v0.2.O", known)[0] == "v0.2.0"
    assert suggestions("Nightly ", known) == ("nightly",)
    assert suggestions("", known) == ()


def test_candidates_are_sorted_by_number() -> None:
    tags = ["v0.2.0-rc.10", "v0.2.0-rc.9", "v0.2.0", "v0.2.0-rc.x", "v0.2.0-rc.01", "v0.20.0-rc.1"]
    assert candidate_tags(tags, Version(0, 2, 0)) == ("v0.2.0-rc.9", "v0.2.0-rc.10")


def test_the_latest_release_is_stable_and_highest() -> None:
    assert latest_release(["v0.9.0", "v0.10.0", "v0.11.0-rc.1", "0.12.0", "nightly"]) == Version(0, 10, 0)
    assert latest_release(["nightly", "v1"]) is None


@pytest.mark.parametrize(
    ("tag", "yes"),
    [("v1.0.0", True), ("v1.0.0-rc.2", True), ("v1", False), ("1.0.0", False), ("v1.0.0 ", False)],
)
def test_release_tags(tag: str, yes: bool) -> None:
    assert is_release_tag(tag) is yes
