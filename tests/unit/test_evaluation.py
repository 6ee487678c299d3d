"""The evaluation gate: fixed thresholds decide, and what cannot be judged is never a pass."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Evaluation
from pipeline.evaluation import Record, judge, mcnemar, wilson

CONFIG = Evaluation(
    run=("evaluate",), cases=4, minimum={"pass_rate": 0.75}, maximum={"cost_usd": 0.5, "p95_ms": 900.0}
)


def case(name: str, passed: bool = True, **fields: object) -> dict[str, object]:
    return {"id": name, "passed": passed, "score": 1.0, "latency_ms": 120.5, **fields}


def record(**fields: Any) -> dict[str, Any]:
    return {
        "tool": "pydantic-evals",
        "tool_version": "2.62",
        "subject": "triage",
        "suite_hash": "abc",
        "model": "small-1",
        "prompt_hash": "p1",
        "errors": [],
        "metrics": {"pass_rate": 1.0, "cost_usd": 0.1, "p95_ms": 300},
        "cases": [case(name) for name in "abcd"],
        **fields,
    }


def text(**fields: Any) -> str:
    return json.dumps(record(**fields))


LAST = Record.model_validate(record())


def test_a_run_over_its_thresholds_passes() -> None:
    verdict = judge(text(), CONFIG, None)
    assert (verdict.outcome, verdict.reasons, verdict.lost) == ("passed", (), ())
    assert verdict.report == (
        "4 of 4 cases passed (95 % interval 51% to 100%), with small-1 by pydantic-evals 2.62.",
        "pass_rate: 1 (at least 0.75)",
        "cost_usd: 0.1 (at most 0.5)",
        "p95_ms: 300 (at most 900)",
    )


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        (
            {"pass_rate": 0.7499, "cost_usd": 0.1, "p95_ms": 1},
            "pass_rate is 0.7499, under its minimum of 0.75.",
        ),
        ({"pass_rate": 1, "cost_usd": 0.51, "p95_ms": 1}, "cost_usd is 0.51, over its maximum of 0.5."),
    ],
)
def test_a_threshold_fails_it(metrics: dict[str, float], reason: str) -> None:
    verdict = judge(text(metrics=metrics), CONFIG, LAST)
    assert (verdict.outcome, verdict.reasons) == ("failed", (reason,))


def test_a_metric_at_its_threshold_passes() -> None:
    assert (
        judge(text(metrics={"pass_rate": 0.75, "cost_usd": 0.5, "p95_ms": 900}), CONFIG, None).outcome
        == "passed"
    )


def test_a_critical_case_that_fails_fails_it_whatever_the_average() -> None:
    cases = [case("a", passed=False, critical=True), case("b"), case("c"), case("d")]
    verdict = judge(text(cases=cases), CONFIG, None)
    assert (verdict.outcome, verdict.reasons) == ("failed", ("The critical case a failed.",))


def test_lost_cases_are_named_and_do_not_decide() -> None:
    cases = [case("a", passed=False), case("b"), case("c"), case("d")]
    verdict = judge(text(cases=cases, model="small-2", prompt_hash="p2"), CONFIG, LAST)
    assert (verdict.outcome, verdict.lost) == ("passed", ("a",))
    assert verdict.report[-3:] == (
        "Another model than last time: small-2 instead of small-1.",
        "Another prompt than last time: p2 instead of p1.",
        "Against the last release: 1 lost (a), 0 won; as likely by chance as p = 1.00.",
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cases": [case("a")]}, "Only 1 of 4 cases ran."),
        ({"cases": []}, "Only 0 of 4 cases ran."),
        ({"cases": [case(name) for name in "aabcd"]}, "The case a is there 2 times."),
        ({"errors": ["quota\nexceeded"]}, "The run had an error: quota exceeded."),
        ({"cases": [case("a", error="timeout"), *map(case, "bcd")]}, "The case a had an error: timeout."),
        (
            {"suite_hash": "other"},
            "The suite is another than last time (other instead of abc), so the results do not compare.",
        ),
        (
            {"metrics": {"pass_rate": 1, "cost_usd": 0}},
            "The metric p95_ms is missing, but the playbook has a threshold for it.",
        ),
        (
            {"metrics": {"pass_rate": float("nan"), "cost_usd": 0, "p95_ms": 1}},
            "The metric pass_rate is nan, which is not a measurement.",
        ),
        (
            {"metrics": {"pass_rate": 1, "cost_usd": 0, "p95_ms": float("-inf")}},
            "The metric p95_ms is -inf, which is not a measurement.",
        ),
    ],
)
def test_what_cannot_be_judged_is_no_verdict(fields: dict[str, Any], reason: str) -> None:
    verdict = judge(text(**fields), CONFIG, LAST)
    assert (verdict.outcome, verdict.reasons) == ("none", (reason,))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("", "There is no result record: the evaluation wrote nothing."),
        (text()[:-20], "The result record cannot be read: the record: Invalid JSON"),
        ("[]", "The result record cannot be read: the record: "),
        (text(cases=[{"id": "a", "passed": "yes"}]), "The result record cannot be read: cases.0.passed: "),
        (text(metrics={"pass_rate": "high"}), "The result record cannot be read: metrics.pass_rate: "),
        (text(suite_hash=""), "The result record cannot be read: suite_hash: "),
        ("[" * 100_000, "The result record cannot be read: the record: "),
        ("\ud800{}", "The result record cannot be read: "),
    ],
)
def test_an_unreadable_record_is_no_verdict(broken: str, says: str) -> None:
    verdict = judge(broken, CONFIG, LAST)
    assert verdict.outcome == "none"
    assert verdict.reasons[0].startswith(says)


def test_without_thresholds_nothing_can_be_judged() -> None:
    verdict = judge(text(), Evaluation(run=("evaluate",), cases=4), None)
    assert verdict.outcome == "none"
    assert "names no threshold" in verdict.reasons[0]


def test_many_reasons_are_counted_not_listed() -> None:
    cases = [case(f"c{n:03}", passed=False, critical=True) for n in range(500)]
    reasons = judge(text(cases=cases), CONFIG, None).reasons
    assert len(reasons) == 11
    assert reasons[-1] == "… and 490 more"


def test_hostile_names_stay_one_line() -> None:
    cases = [case("a\n\u202e<!channel>", passed=False, critical=True), *map(case, "bcd")]
    assert judge(text(cases=cases), CONFIG, None).reasons == ("The critical case a <!channel> failed.",)


def test_the_statistics_agree_with_the_textbook() -> None:
    assert [round(bound, 3) for bound in wilson(18, 20)] == [0.699, 0.972]
    assert wilson(0, 0) == (0.0, 1.0)
    assert round(mcnemar(5, 0), 4) == 0.0625
    assert mcnemar(1, 1) == mcnemar(0, 0) == 1.0


@given(st.text(max_size=200))
def test_any_text_has_a_verdict_and_none_of_it_passes(anything: str) -> None:
    assert judge(anything, CONFIG, None).outcome == "none"
