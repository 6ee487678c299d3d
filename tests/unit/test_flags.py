"""Flags are safe only when everyone gets the safe value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.flags import read_flags, unsafe

SAFE = {"human-in-the-loop": True, "auto-approval": False}


def flag(default: str, **fields: Any) -> dict[str, Any]:
    variants = {"on": True, "off": False, "text": "on", "one": 1}
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default, **fields}


def file(**flags: Any) -> str:
    standard = {"human-in-the-loop": flag("on"), "auto-approval": flag("off")}
    return json.dumps({"flags": standard | {name.replace("_", "-"): value for name, value in flags.items()}})


def test_defaults_are_read() -> None:
    assert read_flags(file(theme=flag("text"))) == {
        "human-in-the-loop": True,
        "auto-approval": False,
        "theme": "on",
    }


def test_safe_flags_say_nothing() -> None:
    assert unsafe(file(), SAFE) == ()
    assert unsafe(file(other=flag("on", targeting={"if": []})), SAFE) == ()
    assert unsafe(file(auto_approval=flag("off", targeting={})), SAFE) == ()


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (flag("on"), "The flag auto-approval is true by default; safe is false."),
        (flag("text"), 'The flag auto-approval is "on" by default; safe is false.'),
        (flag("one"), "The flag auto-approval is 1 by default; safe is false."),
        (None, "The flag auto-approval is missing; its safe default is false."),
        (
            flag("off", state="DISABLED"),
            "The flag auto-approval is disabled, so the code's own default applies; enable it with false.",
        ),
        (
            flag("off", targeting={"if": [True, "on"]}),
            "The flag auto-approval has targeting rules, so not everyone gets the safe false; remove them first.",
        ),
        (
            flag("nope"),
            (
                "The flag auto-approval has no default: its defaultVariant names none of its variants."
                " Next: correct it in the flags file."
            ),
        ),
    ],
)
def test_every_unsafe_flag_is_named(value: object, sentence: str) -> None:
    assert unsafe(file(auto_approval=value), SAFE) == (sentence,)


@pytest.mark.parametrize(
    "broken", [[], "on", 1, {}, {"variants": []}, {"variants": {}, "defaultVariant": []}]
)
def test_a_flag_of_another_shape_is_named(broken: object) -> None:
    assert "The flag auto-approval has no default" in unsafe(file(auto_approval=broken), SAFE)[0]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "{", "[]", '{"flags": []}', '{"flags": 1}', "[" * 100_000, '{"flags": {}, "flags": {}}'],
)
def test_an_unreadable_file_is_one_clear_sentence(text: str) -> None:
    (sentence,) = unsafe(text, SAFE)
    assert " Next: " in sentence
    with pytest.raises(ConfigError):
        read_flags(text)


def test_one_as_true_is_not_true() -> None:
    assert unsafe(file(human_in_the_loop=flag("one")), SAFE) != ()


@given(st.text(max_size=100))
def test_any_text_is_judged(text: str) -> None:
    assert unsafe(text, SAFE)
