"""The forms of the commands: what is filled in gives what typing it gives, and what was typed fills them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.asking import about, left_out
from handlers.asks import ASKS, FORMS, Given
from handlers.blocks import fields
from handlers.blocks.fields import Choice, Offer
from handlers.choices import CHOICES
from handlers.grammar import TIMED, WORDS, parse_release
from handlers.phrases import Now
from handlers.text import ids
from handlers.text.language import LANGUAGES, spoken_in, tr
from pipeline.errors import Refused

NOW = Now(datetime(2026, 11, 25, 12, 30, tzinfo=UTC), ZoneInfo("America/Sao_Paulo"))  # 09:30 there
TOMORROW = {ids.DAY: "2026-11-26", ids.TIME: "10:00"}
OFFERED = {
    ids.PRODUCT: ("shop", "office"),
    ids.ENVIRONMENT: ("production", "staging"),
    ids.LOCKED: ("production", "staging"),
    ids.RELEASED: ("v0.2.0", "v0.1.0"),
    ids.WISHED: ("v0.3.0", "v0.4.0"),
    ids.STAGE: ("staging-checks", "watch"),
    ids.OUTPUT: ("build-api", "test-unit"),
    ids.FLAG_NAME: ("new-flow", "a name with spaces"),
    ids.STATE: ("on", "off"),
}
OFFER = Offer(NOW, {block: [Choice(v, v) for v in values] for block, values in OFFERED.items()}, ("v0.2.0",))

SAME: list[tuple[str, Mapping[str, str]]] = [
    ("v0.2.0 main", {ids.VERSION: "v0.2.0", ids.COMMIT: "main"}),
    ("v0.2.0", {ids.VERSION: "v0.2.0", ids.COMMIT: ""}),
    ("hotfix v0.2.1 1a2b3c4 orders", {ids.VERSION: "v0.2.1", ids.COMMIT: "1a2b3c4", ids.REASON: "orders"}),
    ("schedule v0.2.0 2026-11-26 10:00", {ids.VERSION: "v0.2.0"} | TOMORROW),
    ("queue v0.2.0 main", {ids.VERSION: "v0.2.0", ids.COMMIT: "main"}),
    ("unschedule v0.3.0", {ids.WISHED: "v0.3.0"}),
    ("plan v0.2.0", {ids.VERSION: "v0.2.0"}),
    ("show v0.1.0", {ids.RELEASED: "v0.1.0"}),
    ("logs build-api", {ids.OUTPUT: "build-api"}),
    ("logs build-api v0.1.0", {ids.OUTPUT: "build-api", ids.VERSION: "v0.1.0"}),
    ("skip watch all is calm", {ids.STAGE: "watch", ids.REASON: "all is calm"}),
    ("lock staging until tomorrow 10:00 a move", {ids.ENVIRONMENT: "staging", ids.REASON: "a move"} | TOMORROW),
    ("lock production a fire", {ids.ENVIRONMENT: "production", ids.REASON: "a fire"}),
    ("unlock staging", {ids.LOCKED: "staging"}),
    ("freeze until tomorrow 10:00 stocktaking", {ids.REASON: "stocktaking"} | TOMORROW),
    ("flags new-flow off staging complaints",
     {ids.FLAG_NAME: "new-flow", ids.STATE: "off", ids.ENVIRONMENT: "staging", ids.REASON: "complaints"}),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "values"), SAME)
def test_a_form_gives_the_command_that_typing_gives(typed: str, values: Mapping[str, str]) -> None:
    known = about(typed)
    assert known is not None
    assert ASKS[known[0]].make(Given(values, NOW)) == parse_release(typed, NOW)


def test_every_form_is_in_that_table() -> None:
    assert {known[0] for typed, _ in SAME if (known := about(typed))} == set(ASKS)
    assert set(ASKS) <= {"", *WORDS, *TIMED}
    assert len(FORMS) == len(ASKS)


NEEDS_NOTHING = {"approve", "reject", "rollback", "abort", "retry", "pause", "resume", "unfreeze", "status", "list",
                 "metrics", "follow", "mute", "unfollow", "help"}  # fmt: skip
"""Words after which nothing has to follow; approve, reject and rollback have forms of their own."""


def test_every_word_has_a_form_or_needs_nothing() -> None:
    assert {*WORDS, *TIMED} == {word for word in ASKS if word} | NEEDS_NOTHING


LEFT_OUT = (
    "lock", "lock staging", "lock until friday 10:00", "freeze", "freeze stocktaking", "schedule v0.2.0", "skip",
    "schedule v0.2.0 tomorrow", "skip watch", "plan", "show", "unschedule", "flags new-flow",
)  # fmt: skip


@pytest.mark.parametrize("typed", LEFT_OUT)
def test_what_was_left_out_is_asked_for(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_release(typed, NOW)
    assert left_out(refused.value)
    assert about(typed) is not None


@pytest.mark.parametrize("typed", ["lock stagging x", "freeze until 25:00", "schedule v0.2.0 tomorrow 10h",
    "schedule v0.2.0 tomorow", "metrics soon", "v1 a b"])  # fmt: skip
def test_what_is_wrong_is_not_missing(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_release(typed, NOW)
    assert not left_out(refused.value)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("v0.2.0 main now", {ids.VERSION: "v0.2.0"}),
        ("hotfix", {ids.VERSION: "v0.2.0"}),
        ("hotfix v0.2.1 orders are lost", {ids.VERSION: "v0.2.1", ids.REASON: "orders are lost"}),
        ("schedule v0.9.0 abc1234", {ids.VERSION: "v0.9.0", ids.COMMIT: "abc1234", ids.DAY: "2026-11-25"}),
        ("schedule v0.9.0 tomorrow", {ids.VERSION: "v0.9.0", ids.DAY: "2026-11-26"}),
        ("schedule v0.9.0 friday", {ids.VERSION: "v0.9.0", ids.DAY: "2026-11-27"}),
        ("schedule v0.9.0 2026-12-01 soon", {ids.VERSION: "v0.9.0", ids.DAY: "2026-12-01"}),
        ("unschedule", {}),
        ("show", {}),
        ("show 0.1.0", {ids.RELEASED: "v0.1.0"}),
        ("logs biuld-api v0.1.0", {ids.OUTPUT: "build-api", ids.VERSION: "v0.1.0"}),
        ("skip Watch it is calm", {ids.STAGE: "watch", ids.REASON: "it is calm"}),
        ("lock", {}),
        ("lock stagging for 2h a move",
         {ids.ENVIRONMENT: "staging", ids.DAY: "2026-11-25", ids.TIME: "11:30", ids.REASON: "a move"}),
        ("lock for the audit", {ids.REASON: "for the audit"}),
        ("freeze stocktaking", {ids.DAY: "2026-11-25", ids.REASON: "stocktaking"}),
        ("flags new-flwo off", {ids.FLAG_NAME: "new-flow", ids.STATE: "off"}),
        ("flags A Name With Spaces on staging",
         {ids.FLAG_NAME: "a name with spaces", ids.STATE: "on", ids.ENVIRONMENT: "staging"}),
    ],
)  # fmt: skip
def test_a_form_is_filled_with_what_was_typed(typed: str, expected: Mapping[str, str]) -> None:
    known = about(typed)
    assert known is not None
    ask = ASKS[known[0]]
    assert fields.filled(ask.fields, known[1], OFFER) == expected


def test_a_text_without_a_form_has_none() -> None:
    assert [about(typed) for typed in ("banana", "status", "abort x")] == [None, None, None]
    assert about(" ") == ("", [])


def test_the_only_choice_is_chosen() -> None:
    offer = Offer(NOW, {ids.WISHED: [Choice("v0.3.0", "v0.3.0")]})
    assert fields.filled(ASKS["unschedule"].fields, [], offer) == {ids.WISHED: "v0.3.0"}


@given(st.lists(st.sampled_from(sorted(ASKS))), st.text(max_size=400))
def test_whatever_was_typed_a_form_can_be_drawn(words: list[str], text: str) -> None:
    for ask in ASKS.values():
        values = fields.filled(ask.fields, [*words, *text.split()], OFFER)
        drawn = fields.drawn(ask.fields, OFFER, values)
        inputs = [block.block_id for block in drawn if block.type == "input"]
        assert inputs == [block for field in ask.fields for block in field.blocks]
        for block in drawn:
            block.validate_json()


def test_every_select_has_something_to_look_up() -> None:
    chosen = {field.block for ask in ASKS.values() for field in ask.fields if field.draw is fields._select}
    assert chosen == set(CHOICES) == set(OFFERED)


@pytest.mark.parametrize("language", LANGUAGES)
def test_titles_and_buttons_fit(language: str) -> None:
    with spoken_in(language):
        for ask in ASKS.values():
            assert max(len(tr(ask.title)), len(tr(ask.submit))) <= 24, ask.word
            assert all(len(tr(field.hint)) <= 150 for field in ask.fields if field.hint)
