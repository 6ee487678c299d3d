"""flagd's format: what is accepted, what is refused with its place, and that a switch means everybody."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.contrib.tools.flagd.core.targeting.targeting import OPERATORS
from openfeature.evaluation_context import EvaluationContext

from pipeline import flagd
from pipeline.errors import FlagError
from pipeline.flags import unsafe_now
from pipeline.ports import Flag

RULE = {"if": [{"in": [{"var": "targetingKey"}, ["vip"]]}, "on"]}


def flag(default: str | None = "off", **more: Any) -> dict[str, Any]:
    return {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": default, **more}


def text(**flags: Any) -> str:
    return json.dumps({"flags": flags})


GOOD: list[Any] = [
    flag(),
    flag(None),
    flag(targeting={}),
    flag(targeting=RULE),
    flag(targeting={"fractional": [{"var": "email"}, ["on", 10], ["off", 90]]}),
    flag(targeting={"if": [{"sem_ver": [{"var": "version"}, ">=", "1.2.0"]}, "on", "off"]}),
    flag(targeting={"$ref": "shared"}),
    flag(state="DISABLED"),
    flag(metadata={"description": "Approves by itself", "owner": "billing", "since": 3, "old": False}),
    {"state": "ENABLED", "variants": {"a": "x", "b": "y"}, "defaultVariant": "a"},
    {"state": "ENABLED", "variants": {"low": 1, "high": 2.5}, "defaultVariant": "low"},
    {"state": "ENABLED", "variants": {"deep": {"a": [1, {"b": None}]}}, "defaultVariant": "deep"},
]


@pytest.mark.parametrize("good", GOOD)
def test_what_the_format_allows_is_read_and_every_evaluator_takes_it(good: Any) -> None:
    written = json.dumps({"flags": {"übung ☂": good}, "$evaluators": {"shared": RULE}})
    document = flagd.read(written, "flags.json")
    FlagdCore().set_flags(written)
    assert flagd.read(flagd.write(document), "flags.json") == document


BAD: list[tuple[str, str]] = [
    ("", "Expecting value"),
    ('{"flags": {"a"', "Expecting"),
    ("[]", "it: "),
    ("{}", "flags: "),
    ('{"flags": []}', "flags: "),
    ('{"flags": {}, "flags": {}}', "the name flags is there twice"),
    ('{"flags": {"": ' + json.dumps(flag()) + "}}", r"flags\.: |flags"),
    (text(a=1), r"flags\.a: "),
    (text(a=flag("no")), r"flags\.a: .*names none of its variants"),
    (text(a=flag(True)), r"flags\.a\.defaultVariant: "),  # type: ignore[arg-type]  # a wrong type on purpose
    (text(a=flag(state="ON")), r"flags\.a\.state: "),
    (text(a=flag(variants={})), r"flags\.a\.variants should hold values of one kind"),
    (text(a=flag(variants={"off": False, "on": 1})), r"flags\.a\.variants should hold values of one kind"),
    (text(a=flag(variants={"off": "x", "on": True})), r"flags\.a\.variants should hold values of one kind"),
    (text(a=flag("b", variants={"b": 2**60})), r"flags\.a\.variants should hold values of one kind"),
    (text(a=flag(targeting=[])), r"flags\.a\.targeting: "),
    (text(a=flag(targeting={"iff": []})), r"the operation 'iff', which flagd does not know"),
    (text(a=flag(targeting={"if": [{"is_admin": []}, "on"]})), r"'is_admin'"),
    (text(a=flag(metadata={"x": {}})), r"flags\.a\.metadata"),
    (text(a=flag(description="no key of the format")), r"flags\.a\.description: "),
    ('{"flags": {"a": {"state": "ENABLED", "variants": {"x": NaN}}}}', "NaN is not JSON"),
    ("[" * 100_000, "recursion|it: "),
    (text(a=flag(metadata={"x": "y" * 1_000_001})), "1000000 is the most"),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_what_is_wrong_is_named_with_what_to_do(bad: str, why: str) -> None:
    with pytest.raises(FlagError, match=f"(?s)flags.json is not a file of flags: .*({why}).* Next: "):
        flagd.read(bad, "flags.json")


def test_every_operation_of_the_evaluator_is_known() -> None:
    assert set(OPERATORS) <= flagd.OPERATIONS


def test_what_everybody_gets() -> None:
    document = flagd.read(
        text(
            on=flag("on", metadata={"description": "said"}),
            off=flag(),
            ruled=flag(targeting=RULE),
            disabled=flag("on", state="DISABLED"),
            open=flag(None),
            color={"state": "ENABLED", "variants": {"blue": "#00f"}, "defaultVariant": "blue"},
        ),
        "flags.json",
    )
    assert [(f.key, f.on, f.variant, f.doubt, f.description) for f in flagd.flags(document)] == [
        ("on", True, "on", "", "said"),
        ("off", False, "off", "", ""),
        ("ruled", None, "off", "rules", ""),
        ("disabled", None, "on", "disabled", ""),
        ("open", None, "", "disabled", ""),
        ("color", None, "blue", "value", ""),
    ]


def answers(document: flagd.Document, key: str) -> set[bool]:
    """What users get, whatever default an application has."""
    core = FlagdCore()
    core.set_flags(flagd.write(document))
    users = (None, EvaluationContext("vip"), EvaluationContext("somebody"))
    return {core.resolve_boolean_value(key, own, user).value for own in (True, False) for user in users}


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    "before", [flag("on"), flag(), flag(targeting=RULE), flag(state="DISABLED"), flag(None)]
)
def test_a_switch_wins_over_rules_and_state(before: dict[str, Any], on: bool) -> None:
    """DISABLED would not do: then each application's own default decides, whatever that is."""
    document = flagd.read(text(it=before, other=flag("on", targeting=RULE)), "flags.json")
    changed, set_aside = flagd.switched(document, "it", on)
    assert answers(changed, "it") == {on}
    assert set_aside == ({"targeting": RULE} if "targeting" in before else {})
    assert changed["flags"]["other"] == document["flags"]["other"]
    assert flagd.read(flagd.write(changed), "flags.json") == changed


def test_the_variants_may_have_any_names() -> None:
    odd = {"state": "ENABLED", "variants": {"nein": False, "ja ✓": True}, "defaultVariant": "nein"}
    document = flagd.read(text(it=odd), "flags.json")
    assert flagd.switched(document, "it", True)[0]["flags"]["it"]["defaultVariant"] == "ja ✓"


@pytest.mark.parametrize(
    ("key", "why"),
    [("nope", "There is no flag 'nope'"), ("color", "is no switch: none of its variants is true")],
)
def test_what_cannot_be_switched(key: str, why: str) -> None:
    color = {"state": "ENABLED", "variants": {"blue": "#00f"}, "defaultVariant": "blue"}
    document = flagd.read(text(color=color), "flags.json")
    with pytest.raises(FlagError, match=why):
        flagd.switched(document, key, True)


def test_what_a_release_brings_is_added_and_nothing_else_changes() -> None:
    here = flagd.read(json.dumps({"flags": {"a": flag("on")}, "team": "billing"}), "flags.json")
    new = flagd.read(
        json.dumps(
            {"flags": {"a": flag("off"), "b": flag(targeting={"$ref": "r"})}, "$evaluators": {"r": RULE}}
        ),
        "flags.json",
    )
    document, added = flagd.with_missing(here, new)
    assert added == ("b",)
    assert (document["flags"]["a"], document["team"]) == (flag("on"), "billing")
    assert answers(document, "b") == {True, False}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(some: str) -> None:
    with contextlib.suppress(FlagError):
        flagd.flags(flagd.read(some, "flags.json"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from(["state", "variants", "defaultVariant", "targeting", "x"]), json_values)
)
def test_what_is_accepted_every_evaluator_accepts(some: dict[str, Any]) -> None:
    written = json.dumps({"flags": {"a": {**flag(), **some}}})
    try:
        document = flagd.read(written, "flags.json")
    except FlagError:
        return
    FlagdCore().set_flags(written)
    flagd.flags(document)


SAFE = {"human": True, "auto": False}


@pytest.mark.parametrize(
    ("found", "adds", "said"),
    [
        ([Flag("human", True, "on"), Flag("auto", False, "off"), Flag("x", True, "on")], True, []),
        ([Flag("human", True, "on"), Flag("auto", True, "on")], True, [("flag_on", "auto", "off")]),
        ([Flag("human", False, "off"), Flag("auto", False, "off")], True, [("flag_off", "human", "on")]),
        ([Flag("auto", False, "off")], True, []),
        ([Flag("auto", False, "off")], False, [("flag_missing", "human", "on")]),
        ([], True, []),
        (
            [Flag("human", None, "on", "rules"), Flag("auto", None, "off", "disabled")],
            True,
            [("flag_rules", "human", "on"), ("flag_disabled", "auto", "off")],
        ),
        ([Flag("human", None, "x", "value")], True, [("flag_value", "human", "on")]),
    ],
)
def test_how_flags_stand_in_an_environment(
    found: list[Flag], adds: bool, said: list[tuple[str, str, str]]
) -> None:
    problems = unsafe_now("production", found, SAFE, adds)
    assert [(problem["code"], problem["flag"], problem["safe"]) for problem in problems] == said
    assert {problem["environment"] for problem in problems} <= {"production"}
