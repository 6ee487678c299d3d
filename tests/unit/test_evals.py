"""Reading what the real tools wrote (tests/data/evals): what passed, failed, broke, and took too long."""

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evals import READERS, Record, UnreadableError, read

DATA = Path(__file__).parents[1] / "data" / "evals"
TOOLS = ("pydantic-evals", "promptfoo", "inspect-ai", "deepeval", "junit")


def data(tool: str, name: str) -> bytes:
    return (DATA / tool / f"{name}.{'xml' if tool == 'junit' else 'json'}").read_bytes()


def record(tool: str, name: str) -> Record:
    return read(data(tool, name), tool)


def named(tool: str, *names: str) -> set[str]:
    """The ids of the suite's cases, as each tool has them."""
    return {f"test_currencies.test_{name.replace(' ', '_')}" if tool == "junit" else name for name in names}


def refused(raw: bytes, tool: str | None) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        read(raw, tool)
    return caught.value


@pytest.mark.parametrize("tool", TOOLS)
def test_a_run_in_which_every_case_passed(tool: str) -> None:
    found = record(tool, "passed")
    assert {case.id for case in found.cases} == named(tool, "euro", "dollar")
    assert all(case.passed and not case.error for case in found.cases)
    assert (found.errors, found.metrics["accuracy"]) == ((), 1.0)
    assert {"latency_ms_p50", "latency_ms_p95"} <= set(found.metrics)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_case_that_failed_is_a_verdict_and_no_error(tool: str) -> None:
    found = record(tool, "failed")
    failed = [case for case in found.cases if not case.passed]
    assert {case.id for case in failed} == named(tool, "pound")
    assert [(case.error, case.score) for case in failed] == [(None, 0.0)]
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_case_that_broke_or_took_too_long_was_not_measured(tool: str) -> None:
    found = record(tool, "errored")
    broken = {case.id for case in found.cases if case.error}
    assert broken == named(tool, "provider down", "too slow")
    assert len(found.cases) == 5
    assert [case.id for case in found.cases if not case.passed and not case.error] == [
        *named(tool, "pound"),
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_critical_cases_and_tags_come_from_the_metadata(tool: str) -> None:
    found = {case.id: case for case in record(tool, "passed").cases}
    euro, dollar = (found[named(tool, name).pop()] for name in ("euro", "dollar"))
    assert (euro.critical, dollar.critical) == (True, False)
    assert "money" in dollar.tags if tool == "pydantic-evals" else "risk=high" in dollar.tags


@pytest.mark.parametrize(
    ("tool", "names"),
    {
        "pydantic-evals": {"right_accuracy", "brevity_score"},
        "promptfoo": {"right_score", "cost_usd", "tokens"},
        "inspect-ai": {"exact_mean", "exact_stderr"},
        "deepeval": {"Right_accuracy", "Right_score", "cost_usd"},
        "junit": {"cost_usd"},
    }.items(),
)
def test_the_metrics_of_each_tool(tool: str, names: set[str]) -> None:
    assert names <= set(record(tool, "passed").metrics)


@pytest.mark.parametrize(
    ("tool", "model"),
    [
        ("pydantic-evals", "standin-1"),
        ("promptfoo", "standin:currency-1"),
        ("inspect-ai", "mockllm/model"),
        ("deepeval", "standin-1"),
        ("junit", ""),
    ],
)
def test_the_model_is_named_where_the_tool_does(tool: str, model: str) -> None:
    found = record(tool, "passed")
    assert found.model == model
    assert bool(found.prompt_hash) == (tool != "junit")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_suites_hash_is_that_of_its_cases_whatever_came_of_them(tool: str) -> None:
    assert record(tool, "failed").suite_hash == read(data(tool, "failed"), tool).suite_hash
    assert record(tool, "failed").suite_hash != record(tool, "errored").suite_hash


CHANGES: dict[str, tuple[bytes, bytes]] = {
    "pydantic-evals": (b'"inputs": "ten euro"', b'"inputs": "nine euro"'),
    "promptfoo": (b'"value": "EUR"', b'"value": "eur"'),
    "inspect-ai": (b'"target": "EUR"', b'"target": "eur"'),
    "deepeval": (b'"expectedOutput": "EUR"', b'"expectedOutput": "eur"'),
    "junit": (b'name="test_euro"', b'name="test_eur"'),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_another_input_or_expectation_is_another_suite(tool: str) -> None:
    old, new = CHANGES[tool]
    raw = data(tool, "failed")
    assert old in raw
    assert read(raw.replace(old, new), tool).suite_hash != read(raw, tool).suite_hash


def test_inspects_status_counts_and_not_its_exit_code() -> None:
    assert record("inspect-ai", "errored").errors == (
        'its status is error: ValueError("the model\'s provider answered 500")',
    )


def test_a_run_of_inspect_that_goes_on_over_errors_has_them_in_its_cases() -> None:
    found = record("inspect-ai", "continued")
    assert found.errors == ()
    assert {case.id for case in found.cases if case.error} == {"provider down"}
    assert not next(case for case in found.cases if case.id == "too slow").passed


def test_epochs_and_usage_of_inspect() -> None:
    found = record("inspect-ai", "chat")
    assert {case.id: case.passed for case in found.cases} == {
        "euro": True,
        "2": False,
        "euro (epoch 2)": False,
        "2 (epoch 2)": False,
    }
    assert found.metrics["cost_usd"] == pytest.approx(0.0012)
    assert (found.metrics["tokens"], found.metrics["includes_accuracy"]) == (48, 0.5)


def test_samples_that_are_not_in_inspects_log_are_an_error() -> None:
    log = json.loads(data("inspect-ai", "passed"))
    del log["samples"][0]
    assert read(json.dumps(log).encode(), "inspect-ai").errors == ("1 of 2 samples are in the log",)


def test_a_metric_of_deepeval_without_a_score_broke_even_where_it_names_no_error() -> None:
    found = {case.id: case.error for case in record("deepeval", "errored").cases}
    assert found["provider down"] == "Right: it gave no score"


def test_the_tools_own_note_of_its_latest_run_is_read_too() -> None:
    wrapped = b'{"testRunData": ' + data("deepeval", "passed") + b', "testRunLink": null}'
    assert read(wrapped, "deepeval").suite_hash == record("deepeval", "passed").suite_hash


def test_repeated_tests_of_promptfoo_are_cases_of_their_own() -> None:
    file = json.loads(data("promptfoo", "passed"))
    file["results"]["results"] += file["results"]["results"]
    ids = [case.id for case in read(json.dumps(file).encode(), "promptfoo").cases]
    assert ids == ["euro | run 1", "dollar | run 1", "euro | run 2", "dollar | run 2"]


# ------------------------------------------------------------------ refusals


def test_without_a_format_a_report_of_pydantic_evals_and_a_neutral_record_are_told_apart() -> None:
    neutral = record("promptfoo", "passed").model_dump_json().encode()
    assert read(neutral, None).tool == "promptfoo"
    assert read(data("pydantic-evals", "passed"), None).tool == "pydantic-evals"


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("wanted", [*TOOLS, "neutral"])
def test_a_report_of_another_tool_is_named(tool: str, wanted: str) -> None:
    if tool == wanted:
        return
    error = refused(data(tool, "passed"), wanted)
    assert (error.code, error.facts) == ("report_of_another", {"format": wanted, "looks": tool})


def test_inspects_own_format_is_named() -> None:
    assert refused(b"PK\x03\x04...", "inspect-ai").facts["looks"] == "inspect-ai (.eval)"


@pytest.mark.parametrize(
    ("tool", "old", "new", "place"),
    [
        ("inspect-ai", b'"version": 2', b'"version": 3', "version"),
        ("promptfoo", b'"version": 3', b'"version": 2', "results.version"),
    ],
)
def test_a_version_that_is_not_known_is_refused(tool: str, old: bytes, new: bytes, place: str) -> None:
    raw = data(tool, "passed")
    assert old in raw
    error = refused(raw.replace(old, new, 1), tool)
    assert (error.code, error.facts["place"]) == ("report_unreadable", place)


def test_an_old_report_of_deepeval_is_refused() -> None:
    raw = data("deepeval", "passed").replace(b"metricsData", b"metricsMetadata")
    assert refused(raw, "deepeval").code == "report_version"


@pytest.mark.parametrize("tool", READERS)
@pytest.mark.parametrize("raw", [b"", b" \n"])
def test_nothing_is_no_report(tool: str, raw: bytes) -> None:
    assert refused(raw, tool).code == "report_missing"


@pytest.mark.parametrize("tool", TOOLS)
def test_half_a_file_is_refused(tool: str) -> None:
    raw = data(tool, "passed")
    assert refused(raw[: len(raw) // 2], tool).code == "report_unreadable"


@pytest.mark.parametrize(
    "bomb",
    [
        b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><testsuite><testcase name="&c;"/></testsuite>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><testsuite name="&b;"/>',
    ],
)
def test_entities_are_refused(bomb: bytes) -> None:
    assert refused(bomb, "junit").code == "report_unreadable"


def test_ten_thousand_cases_are_read_at_once() -> None:
    file = json.loads(data("deepeval", "passed"))
    one = file["testCases"][0]
    file["testCases"] = [one | {"name": f"case {n}"} for n in range(10_000)]
    found = read(json.dumps(file).encode(), "deepeval")
    assert (len(found.cases), found.metrics["accuracy"]) == (10_000, 1.0)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_stays_none(number: str) -> None:
    raw = data("deepeval", "passed").replace(b'"score": 1.0', f'"score": {number}'.encode())
    found = read(raw, "deepeval")
    assert math.isnan(found.metrics["Right_score"])
    assert found.cases[0].score not in (0.0, 1.0)


# --------------------------------------------------------- whatever the bytes


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys or positions."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def read_or_refuse(raw: bytes, tool: str) -> None:
    """Nothing but a record, or its own error."""
    with contextlib.suppress(UnreadableError):
        assert isinstance(read(raw, tool), Record)


@given(st.sampled_from(["pydantic-evals", "promptfoo", "deepeval"]), st.data())
def test_a_damaged_report_is_read_or_refused(tool: str, draw: st.DataObject) -> None:
    document = json.loads(data(tool, "errored"))
    for _ in range(draw.draw(st.integers(1, 3))):
        node, key = draw.draw(st.sampled_from(list(places(document))))
        node[key] = draw.draw(anything)
    read_or_refuse(json.dumps(document).encode(), tool)


SAMPLE: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {"task": "t", "model": "m", "dataset": {"sample_ids": [1]}, "config": {"epochs": 1}},
    "results": {"scores": [{"name": "s", "metrics": {"mean": {"value": 1.0}}}]},
    "samples": [
        {"id": 1, "epoch": 1, "input": "i", "target": "t", "scores": {"s": {"value": "C"}}, "total_time": 1.0}
    ],
}


@given(st.data())
def test_a_damaged_log_of_inspect_is_read_or_refused(draw: st.DataObject) -> None:
    document = json.loads(json.dumps(SAMPLE))
    node, key = draw.draw(st.sampled_from(list(places(document))))
    node[key] = draw.draw(anything)
    read_or_refuse(json.dumps(document).encode(), "inspect-ai")


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(tool: str, raw: bytes) -> None:
    read_or_refuse(raw, tool)


@given(
    st.sampled_from(TOOLS),
    st.integers(0, 2000),
    st.binary(max_size=4),
    st.sampled_from(["passed", "errored"]),
)
def test_flipped_bytes_are_read_or_refused(tool: str, place: int, new: bytes, name: str) -> None:
    raw = data(tool, name)
    read_or_refuse(raw[:place] + new + raw[place + len(new) :], tool)


@pytest.mark.parametrize("tool", READERS)
@pytest.mark.parametrize(
    "raw", [b"[" * 100_000, b'{"a":' * 50_000, b"<a>" * 50_000, b"\xff\xfe\x00", b"1" * 5000]
)
def test_deep_and_odd_files_are_refused(tool: str, raw: bytes) -> None:
    refused(raw, tool)
