"""Blocks and views beyond Slack's limits are refused, with the place and the limit named."""

from typing import Any

import pytest

from bot.sandbox import SlackError
from bot.sandbox.validate import check_blocks, check_view
from tests.sandbox_gallery import CARD, FORM, HOME, option, plain, row
from tests.sandbox_helpers import actions, button, modal, section, text_input

Json = dict[str, Any]


def confirm(text: str) -> Json:
    return {"title": plain("Sure?"), "text": plain(text), "confirm": plain("Yes"), "deny": plain("No")}


def select(count: int) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option(str(n)) for n in range(count)]}


def table(rows: int, columns: int, kind: str = "table") -> Json:
    cells = row(*["x"] * columns)
    return {"type": kind, "rows": [cells] * rows} | ({"caption": "c"} if kind == "data_table" else {})


def plan(count: int, status: str = "pending") -> Json:
    return {
        "type": "plan",
        "title": "p",
        "tasks": [{"task_id": str(n), "title": "t", "status": status} for n in range(count)],
    }


def overflow(count: int) -> Json:
    return actions({"type": "overflow", "action_id": "o", "options": [option(str(n)) for n in range(count)]})


BEYOND = {
    "51 blocks": ([section("x")] * 51, "/blocks]", "50 items"),
    "section text": ([section("x" * 3_001)], "/blocks/0/text/text", "3001"),
    "field": ([{"type": "section", "fields": [plain("x" * 2_001)]}], "/blocks/0/fields/0/text", "2001"),
    "11 fields": ([{"type": "section", "fields": [plain("x")] * 11}], "/blocks/0/fields", "10 items"),
    "header": ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text", "151"),
    "mrkdwn header": (
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "/blocks/0/text",
        "plain_text",
    ),
    "11 in context": ([{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0/elements", "10 items"),
    "26 actions": ([actions(*[button(str(n)) for n in range(26)])], "/blocks/0/elements", "25 items"),
    "button text": ([actions(button("a", "x" * 76))], "/blocks/0/elements/0/text/text", "76"),
    "button value": ([actions(button("a", value="x" * 2_001))], "/blocks/0/elements/0/value", "2001"),
    "button url": ([actions(button("a", url="x" * 3_001))], "/blocks/0/elements/0/url", "3001"),
    "button label": ([actions(button("a", accessibility_label="x" * 76))], "/accessibility_label", "76"),
    "button style": ([actions(button("a", style="loud"))], "/blocks/0/elements/0/style", "danger"),
    "action_id": ([actions(button("a" * 256))], "/blocks/0/elements/0/action_id", "256"),
    "same action_id": ([actions(button("a"), button("a"))], "/blocks/0/elements", "used twice"),
    "block_id": ([actions(button("a"), block_id="b" * 256)], "/blocks/0/block_id", "256"),
    "same block_id": ([actions(button("a")), actions(button("b"))], "/blocks]", "used twice"),
    "confirm text": ([actions(button("a", confirm=confirm("x" * 301)))], "/confirm/text/text", "301"),
    "6 in overflow": ([overflow(6)], "/blocks/0/elements/0/options", "5 items"),
    "101 options": ([actions(select(101))], "/blocks/0/elements/0/options", "100 items"),
    "option text": (
        [actions({"type": "static_select", "action_id": "s", "options": [option("x" * 76)]})],
        "/options/0/text/text",
        "76",
    ),
    "input in actions": (
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "/elements/0/type",
        "unsupported",
    ),
    "two tables": ([table(2, 2), table(2, 2)], "/blocks]", "one table"),
    "101 rows": ([table(101, 1)], "/blocks/0/rows", "100 items"),
    "21 columns": ([table(1, 21)], "/blocks/0/rows/0", "20 items"),
    "51 tasks": ([plan(51)], "/blocks/0/tasks", "50 items"),
    "task status": ([plan(1, "done")], "/blocks/0/tasks/0/status", "in_progress"),
    "alert in a message": (
        [{"type": "alert", "text": plain("x")}],
        "/blocks/0/type",
        "not allowed in a message",
    ),
    "empty text": ([section("")], "/blocks/0/text/text", "more than 0"),
    "unknown": ([{"type": "hologram"}], "/blocks/0/type", "hologram"),
    "not blocks": ("x", "/blocks", "array"),
    "date for the models": (
        [actions({"type": "datepicker", "action_id": "d", "initial_date": "tomorrow"})],
        "/blocks/0/elements/0",
        "YYYY-MM-DD",
    ),
}


@pytest.mark.parametrize(("blocks", "place", "limit"), BEYOND.values(), ids=BEYOND.keys())
def test_a_message_beyond_a_limit_is_refused_by_name(blocks: Any, place: str, limit: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_blocks(blocks, "message")
    assert refused.value.code == "invalid_blocks"
    assert any(place in message and limit in message for message in refused.value.messages), (
        refused.value.messages
    )


AT_THE_LIMIT = [
    [section("x" * 3_000)] * 50,
    [{"type": "header", "text": plain("x" * 150)}],
    [actions(*[button(str(n), "x" * 75, value="v" * 2_000) for n in range(25)])],
    [overflow(5)],
    [actions(select(100))],
    [table(100, 20)],
    [table(201, 20, "data_table")],
    [plan(50)],
    CARD,
]


@pytest.mark.parametrize("blocks", AT_THE_LIMIT)
def test_a_message_at_the_limit_passes(blocks: list[Json]) -> None:
    check_blocks(blocks, "message")


BAD_VIEWS = {
    "title": (FORM | {"title": plain("x" * 25)}, "/view/title/text"),
    "submit": (FORM | {"submit": plain("x" * 25)}, "/view/submit/text"),
    "no submit": ({k: v for k, v in FORM.items() if k != "submit"}, "/view/submit"),
    "metadata": (FORM | {"private_metadata": "x" * 3_001}, "/view/private_metadata"),
    "callback_id": (FORM | {"callback_id": "x" * 256}, "/view/callback_id"),
    "101 blocks": (modal(*[section("x")] * 101), "/view/blocks"),
    "table": (modal(table(2, 2)), "/view/blocks/0/type"),
    "plan": (HOME | {"blocks": [plan(1)]}, "/view/blocks/0/type"),
    "alert at home": (HOME | {"blocks": [{"type": "alert", "text": plain("x")}]}, "/view/blocks/0/type"),
    "button as input": (modal(text_input("a") | {"element": button("b")}), "/view/blocks/0/element/type"),
    "no type": ({"blocks": []}, "/view/type"),
    "no view": (None, "/view"),
}


@pytest.mark.parametrize(("view", "place"), BAD_VIEWS.values(), ids=BAD_VIEWS.keys())
def test_a_view_beyond_a_limit_is_refused_by_name(view: Any, place: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_view(view)
    assert any(f"[json-pointer:{place}]" in message for message in refused.value.messages), (
        refused.value.messages
    )


def test_a_huge_view_is_refused() -> None:
    with pytest.raises(SlackError, match="view_too_large"):
        check_view(modal(*[section("x" * 3_000)] * 90))


def test_good_views_pass() -> None:
    assert check_view(FORM) is FORM
    assert check_view(HOME) is HOME
