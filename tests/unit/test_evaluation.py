"""The evaluation gate: fixed limits decide, and what cannot be judged is never a pass."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Evaluation
from pipeline.evals import Record, UnreadableError
from pipeline.evals.evidence import mcnemar, wilson
from pipeline.evaluation import Finding, Verdict, judge

CONFIG = Evaluation(
    run=("evaluate",), cases=4, minimum={"pass_rate": 0.75}, maximum={"cost_usd": 0.5, "p95_ms": 900.0}
)


def case(name: str, passed: bool = True, **fields: object) -> dict[str, object]:
    return {"id": name, "passed": passed, "score": 1.0, "latency_ms": 120.5, **fields}


def record(**fields: Any) -> Record:
    return Record.model_validate(
        {
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
    )


LAST = record()


def told(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def config(**fields: Any) -> Evaluation:
    return CONFIG.model_copy(update=fields)


def test_a_sum_that_no_number_holds_is_no_verdict() -> None:
    cases = [case(name, cost_usd=1.7e308, latency_ms=1.7e308) for name in "abcd"]
    verdict = judge(record(cases=cases, metrics={"pass_rate": 1.0, "p95_ms": 1}).measured(), CONFIG, None)
    assert verdict.outcome == "none"


def test_a_run_over_its_limits_passes() -> None:
    verdict = judge(record(), CONFIG, None)
    assert (verdict.outcome, verdict.findings, verdict.lost) == ("passed", (), ())
    assert verdict.report
    assert (verdict.report["passed"], verdict.report["total"]) == (4, 4)
    assert [(m["name"], m["value"], m["least"], m["most"]) for m in verdict.report["metrics"]] == [
        ("pass_rate", 1, 0.75, None),
        ("cost_usd", 0.1, None, 0.5),
        ("p95_ms", 300, None, 900),
    ]


@pytest.mark.parametrize(
    ("metrics", "outcome", "finding"),
    [
        ({"pass_rate": 0.6749}, "failed", "under_minimum"),
        ({"pass_rate": 0.675}, "narrow", "under_minimum"),
        ({"pass_rate": 0.7499}, "narrow", "under_minimum"),
        ({"cost_usd": 0.55}, "narrow", "over_maximum"),
        ({"cost_usd": 0.56}, "failed", "over_maximum"),
    ],
)
def test_a_limit_that_is_missed_by_little_asks_and_by_more_fails(
    metrics: dict[str, float], outcome: str, finding: str
) -> None:
    verdict = judge(record(metrics={"pass_rate": 1, "cost_usd": 0, "p95_ms": 1} | metrics), CONFIG, LAST)
    assert (verdict.outcome, told(verdict)) == (outcome, [finding])


def test_what_counts_as_little_is_the_playbooks() -> None:
    metrics = {"pass_rate": 0.74, "cost_usd": 0, "p95_ms": 1}
    assert judge(record(metrics=metrics), config(narrow=0), None).outcome == "failed"
    assert judge(record(metrics=metrics), config(narrow=0.02), None).outcome == "narrow"


def test_a_metric_at_its_limit_passes() -> None:
    metrics = {"pass_rate": 0.75, "cost_usd": 0.5, "p95_ms": 900}
    assert judge(record(metrics=metrics), CONFIG, None).outcome == "passed"


@pytest.mark.parametrize(
    ("fields", "critical"),
    [({"critical": True}, ()), ({}, ("a",)), ({"tags": ("money",)}, ("money",))],
)
def test_a_critical_case_that_fails_fails_it_whatever_the_rest(
    fields: dict[str, Any], critical: tuple[str, ...]
) -> None:
    cases = [case("a", passed=False, **fields), case("b"), case("c"), case("d")]
    run = record(cases=cases, suite_hash="other", errors=["quota"])
    verdict = judge(run, config(critical=critical), LAST)
    assert verdict.outcome == "failed"
    assert verdict.findings[0] == Finding("critical_failed", {"case": "a"})


def test_a_critical_case_that_was_not_measured_is_no_verdict() -> None:
    cases = [case("a", passed=False, critical=True, error="the provider is down"), *map(case, "bcd")]
    assert judge(record(cases=cases), CONFIG, None).outcome == "none"


def test_a_critical_case_that_is_not_there_is_no_verdict() -> None:
    verdict = judge(record(), config(critical=("a", "renamed")), None)
    assert (verdict.outcome, told(verdict)) == ("none", ["critical_missing"])


def test_lost_cases_are_named_and_decide_only_where_the_playbook_says_how_many() -> None:
    run = record(cases=[case("a", passed=False), case("b"), case("c"), case("d")], prompt_hash="p2")
    verdict = judge(run, CONFIG, LAST)
    assert (verdict.outcome, verdict.lost, verdict.comparable) == ("passed", ("a",), True)
    assert verdict.report
    compared = verdict.report["compared"]
    assert (compared["lost"], compared["won"], compared["prompt"]) == (1, 0, ["p1", "p2"])
    assert judge(run, config(most_lost=1), LAST).outcome == "passed"
    verdict = judge(run, config(most_lost=0), LAST)
    assert (verdict.outcome, told(verdict)) == ("failed", ["too_many_lost"])


@pytest.mark.parametrize(("passed", "lost", "flaky"), [(1, ("a",), ()), (2, (), ("a",)), (3, (), ("a",))])
def test_a_lost_case_that_passes_two_of_three_re_runs_is_flaky(
    passed: int, lost: tuple[str, ...], flaky: tuple[str, ...]
) -> None:
    run = record(cases=[case("a", passed=False), case("b"), case("c"), case("d")])
    verdict = judge(run, config(most_lost=0), LAST, {"a": passed})
    assert (verdict.lost, verdict.flaky) == (lost, flaky)
    assert verdict.outcome == ("failed" if lost else "passed")


def test_no_re_run_saves_a_critical_case_or_a_limit() -> None:
    cases = [case("a", passed=False, critical=True), *map(case, "bcd")]
    assert judge(record(cases=cases), CONFIG, LAST, {"a": 3}).outcome == "failed"
    low = record(cases=[case("a", passed=False), *map(case, "bcd")], metrics={"pass_rate": 0.5})
    assert judge(low, config(maximum={}), LAST, {"a": 3}).outcome == "failed"


@pytest.mark.parametrize(
    ("fields", "findings"),
    [
        ({"cases": [case("a")]}, ["cases_missing"]),
        ({"cases": []}, ["cases_missing"]),
        ({"cases": [case(name) for name in "aabcd"]}, ["case_twice"]),
        ({"errors": ["quota\nexceeded"]}, ["run_error"]),
        ({"cases": [case("a", error="timeout"), *map(case, "bcd")]}, ["case_error"]),
        ({"cases": [case("a", cost_usd=float("nan")), *map(case, "bcd")]}, ["case_no_number"]),
        ({"metrics": {"pass_rate": 1, "cost_usd": 0}}, ["metric_missing"]),
        ({"metrics": {"pass_rate": float("nan"), "cost_usd": 0, "p95_ms": 1}}, ["metric_no_number"]),
        (
            {"metrics": {"pass_rate": 1, "cost_usd": 0, "p95_ms": float("inf")}},
            ["metric_no_number", "over_maximum"],
        ),
    ],
)
def test_what_cannot_be_judged_is_no_verdict(fields: dict[str, Any], findings: list[str]) -> None:
    verdict = judge(record(**fields), CONFIG, LAST)
    assert (verdict.outcome, told(verdict), verdict.complete) == ("none", findings, False)


def test_an_error_is_in_one_line() -> None:
    verdict = judge(record(errors=["quota\nexceeded"]), CONFIG, LAST)
    assert verdict.findings == (Finding("run_error", {"error": "quota exceeded"}),)


@pytest.mark.parametrize(
    ("fields", "finding"), [({"suite_hash": "z"}, "suite_changed"), ({"model": "large-1"}, "model_changed")]
)
def test_another_suite_or_model_asks_where_the_run_would_pass(fields: dict[str, Any], finding: str) -> None:
    verdict = judge(record(**fields), CONFIG, LAST)
    assert (verdict.outcome, told(verdict)) == ("changed", [finding])
    assert (verdict.complete, verdict.comparable) == (True, False)
    narrow = {"metrics": {"pass_rate": 0.74, "cost_usd": 0, "p95_ms": 1}}
    assert judge(record(**fields, **narrow), CONFIG, LAST).outcome == "none"
    wide = {"metrics": {"pass_rate": 0.1, "cost_usd": 0, "p95_ms": 1}}
    assert judge(record(**fields, **wide), CONFIG, LAST).outcome == "failed"


def test_without_limits_nothing_can_be_judged_and_nobody_is_asked() -> None:
    verdict = judge(record(), Evaluation(run=("evaluate",), cases=4), None)
    assert (verdict.outcome, told(verdict)) == ("failed", ["no_limits"])


def test_an_unreadable_report_is_no_verdict() -> None:
    verdict = judge(UnreadableError("report_missing"), CONFIG, LAST)
    assert (verdict.outcome, told(verdict), verdict.report) == ("none", ["report_missing"], None)


def test_many_findings_are_counted_not_listed() -> None:
    cases = [case(f"c{n:03}", passed=False, critical=True) for n in range(500)]
    findings = judge(record(cases=cases), CONFIG, None).findings
    assert len(findings) == 11
    assert findings[-1] == Finding("and_more", {"count": 490})


def test_hostile_names_stay_one_line() -> None:
    cases = [case("a\n\u202e<!channel>\x00", passed=False, critical=True), *map(case, "bcd")]
    finding = judge(record(cases=cases), CONFIG, None).findings[0]
    assert finding.facts["case"] == "a <!channel>"


def test_what_is_kept_is_enough_to_compare_with_and_small() -> None:
    cases = [case(f"case {n}", passed=n % 7 > 0, tags=("money",)) for n in range(10_000)]
    kept = record(cases=cases).kept()
    assert len(kept) < 600_000
    again = Record.model_validate_json(kept)
    assert judge(record(cases=cases), CONFIG, again).lost == ()
    assert [c.passed for c in again.cases] == [c["passed"] for c in cases]


def test_the_statistics_agree_with_the_textbook() -> None:
    assert [round(bound, 3) for bound in wilson(18, 20)] == [0.699, 0.972]
    assert wilson(0, 0) == (0.0, 1.0)
    assert round(mcnemar(5, 0), 4) == 0.0625
    assert mcnemar(1, 1) == mcnemar(0, 0) == 1.0


numbers = st.floats() | st.none()
cases: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        id=st.text(min_size=1, max_size=5),
        passed=st.booleans(),
        score=numbers,
        latency_ms=numbers,
        cost_usd=numbers,
        critical=st.booleans(),
        error=st.none() | st.text(max_size=5),
    ),
    max_size=6,
)


@given(cases, st.dictionaries(st.sampled_from(["pass_rate", "cost_usd", "p95_ms"]), st.floats()), cases)
def test_only_what_was_measured_whole_and_within_every_limit_passes(
    ran: list[dict[str, Any]], metrics: dict[str, float], before: list[dict[str, Any]]
) -> None:
    run = record(cases=ran, metrics=metrics).measured()
    verdict = judge(run, CONFIG, record(cases=before))
    good = (
        len({c["id"] for c in ran}) == len(ran) >= 4
        and not any(c["error"] for c in ran)
        and all(c["passed"] for c in ran if c["critical"])
        and metrics.get("pass_rate", 0) >= 0.75
        and metrics.get("cost_usd", 1) <= 0.5
        and metrics.get("p95_ms", 1000) <= 900
    )
    assert good or verdict.outcome != "passed"
    assert bool(verdict.findings) == (verdict.outcome != "passed")


@pytest.mark.parametrize(
    "times", [(0.0, 3e184), (5e-324, 1e-323), (float("inf"), 1.0), (-1.0, -2.0), (7.0, 7.0)]
)
def test_times_that_are_none_are_not_drawn(times: tuple[float, float]) -> None:
    ran = [case(name, latency_ms=time) for name, time in zip("ab", times, strict=True)]
    verdict = judge(record(cases=ran), CONFIG, None)
    assert verdict.report
    assert verdict.report["times"] is None
