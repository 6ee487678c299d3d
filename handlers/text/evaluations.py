"""What an evaluation found, in sentences: the judge's codes and facts, the stage's outcomes, the table, the picture."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers.text.words import person, safe

Facts = Mapping[str, Any]


def _named(facts: Facts) -> str:
    return f"`{safe(facts['case'], 80)}`"


def _value(facts: Facts) -> str:
    value = facts["value"]
    return value if isinstance(value, str) else f"{value:g}"


FINDINGS: Mapping[str, Callable[[Facts], str]] = {
    "report_missing": lambda f: "the evaluation wrote no report to {output}",
    "report_too_large": lambda f: (
        f"its report is larger than {int(f['most']) // 1_000_000} MB and was not read"
    ),
    "report_several": lambda f: f"it wrote several files and one is expected: {safe(f['names'], 200)}",
    "report_unreadable": lambda f: (
        f"its report is not one of {safe(f['format'])} as I know it: {safe(f['place'])}: {safe(f['why'])}"
    ),
    "report_of_another": lambda f: (
        f"its report looks like one of {safe(f['looks'])}, and evaluation.format says {safe(f['format'])}"
    ),
    "report_version": lambda f: (
        f"its report is of version {safe(f['found'])} of {safe(f['format'])}; I know {safe(f['known'])}"
    ),
    "no_limits": lambda f: (
        "the playbook names no limit (evaluation.minimum or evaluation.maximum): nothing can be judged"
    ),
    "critical_failed": lambda f: f"the critical case {_named(f)} failed",
    "critical_missing": lambda f: f"no case is or has the tag {_named(f)}, which the playbook calls critical",
    "run_error": lambda f: f"the run had an error: {safe(f['error'])}",
    "cases_missing": lambda f: f"only {f['found']} of {f['wanted']} cases ran",
    "case_twice": lambda f: f"the case {_named(f)} is there {f['count']} times",
    "case_error": lambda f: f"the case {_named(f)} had an error: {safe(f['error'])}",
    "case_no_number": lambda f: (
        f"{safe(f['metric'])} of the case {_named(f)} is {f['value']}: no measurement"
    ),
    "metric_missing": lambda f: f"{safe(f['metric'])} has a limit and was not measured",
    "metric_no_number": lambda f: f"{safe(f['metric'])} is {f['value']}, which is no measurement",
    "under_minimum": lambda f: f"{safe(f['metric'])} is {_value(f)}, under its minimum of {f['limit']:g}",
    "over_maximum": lambda f: f"{safe(f['metric'])} is {_value(f)}, over its maximum of {f['limit']:g}",
    "too_many_lost": lambda f: f"{f['lost']} cases are lost; the playbook allows {f['most']}",
    "suite_changed": lambda f: (
        f"the suite is another than last time (`{safe(f['found'])}`, it was `{safe(f['before'])}`)"
    ),
    "model_changed": lambda f: (
        f"the model is another than last time ({_model(f['found'])}, it was {_model(f['before'])})"
    ),
    "and_more": lambda f: f"and {f['count']} more",
}


def _model(name: str) -> str:
    return safe(name) or "not named"


def findings(facts: Facts, most: int) -> list[str]:
    """The first findings in words. What an earlier version of the bot found is words already."""
    found = facts.get("findings") or facts.get("reasons") or ()
    return [_finding(each) for each in found[:most]]


def _finding(found: Any) -> str:
    if isinstance(found, str):
        return safe(found, 160).rstrip(".")
    known = FINDINGS.get(found.get("code", ""))
    return known(found) if known else safe(found, 160)


def _reasons(facts: Facts, most: int) -> str:
    return "; ".join(findings(facts, most))


def _passed(facts: Facts) -> str:
    report = facts.get("report")
    count = f"{report['passed']} of {report['total']} cases passed; " if isinstance(report, dict) else ""
    return _reasons(facts, 10) or f"{count}all limits are met"


def overruled(user: str, reason: str) -> str:
    """An approver's decision that a release goes on without a passing verdict."""
    return f"evaluation overruled by {person(user)}: {safe(reason, 500)}"


_NOT_EVALUATED = {
    "no_verdict": "there is no passing verdict of its evaluation",
    "other_commit": "what was evaluated is another commit or another playbook",
    "other_suite": "the verdict is not of the suite that was kept with it",
    "other_images": "what was evaluated and tried in staging is not what would go to production",
    "not_overruled": "the decision to overrule its evaluation is not on record",
}

OUTCOMES: Mapping[str, Callable[[Facts], str]] = {
    "no_evaluation": lambda f: "the playbook has none",
    "evaluation_passed": _passed,
    "evaluation_overruled": lambda f: overruled(f["by"], f["reason"]),
    "evaluation_suite_accepted": lambda f: f"{person(f['by'])} accepted it as the new suite",
    "evaluation_baseline": lambda f: "kept, to compare the next release with",
    "no_baseline": lambda f: "there is no verdict to compare with",
    "evaluation_failed": lambda f: _reasons(f, 5),
    "evaluation_no_verdict": lambda f: "no verdict, which is not a pass: " + _reasons(f, 3),
    "evaluation_narrow": lambda f: "a limit was missed by little: " + _reasons(f, 3),
    "evaluation_not_run": lambda f: f"{_ended(f)}: no verdict, which is not a pass",
    "evaluation_dropped": lambda f: (
        f"the playbook has no evaluation, and that of {safe(f['version'])} had one: no verdict"
    ),
    "evaluation_suite_changed": lambda f: "it meets its limits but cannot be compared: " + _reasons(f, 3),
    "not_evaluated": lambda f: f"it may not go on: {_NOT_EVALUATED.get(f['why'], safe(f['why']))}",
}
"""The outcomes of the stage, and of the look at it before staging and production, by their codes."""


def _ended(facts: Facts) -> str:
    if facts.get("timed_out"):
        return f"the evaluation ran into its time limit after {facts['seconds']:g} s"
    return f"the evaluation ended with code {facts['code']}"


# --------------------------------------------------------------- the evidence


def headline(report: Facts) -> str:
    """How many cases passed, how sure that is, and what was measured with what."""
    model = f"with {safe(report['model'], 80)} " if report["model"] else ""
    share = f"95 % interval {report['low']:.0%} to {report['high']:.0%}"
    count = f"*{report['passed']} of {report['total']} cases passed*"
    return f"{count} ({share}), {model}by {safe(report['tool'], 80)}."


def comparison(report: Facts, version: str) -> list[str]:
    """Lost and won cases against the last release, and what came back when it was run again."""
    compared = report["compared"]
    if compared is None:
        return []
    said = (
        f"Against {safe(version)}: {compared['lost']} lost, {compared['won']} won; "
        f"as likely by chance as p = {compared['chance']:.2f}."
    )
    prompt = compared["prompt"]
    changed = [f"The prompt is another: `{safe(prompt[1])}`, it was `{safe(prompt[0])}`."] if prompt else []
    return [said, *changed]


def flaky(report: Facts) -> str:
    """Cases that failed, and passed at least two of three re-runs."""
    return f"Flaky, not lost (they passed when they were run again): {_cases(report['flaky'])}"


def lost(report: Facts) -> str:
    total = report["compared"]["lost"] if report["compared"] else len(report["lost"])
    return f"*Lost cases*: {_cases(report['lost'], total)}"


def failed(report: Facts) -> str:
    return f"*Failed cases*: {_cases(report['failed'], report['total'] - report['passed'])}"


def _cases(names: list[str], total: int = 0) -> str:
    more = total - len(names)
    return ", ".join(f"`{safe(name, 80)}`" for name in names) + (f" and {more} more" if more > 0 else "")


def heading(version: str) -> list[str]:
    return ["Metric", "This release", "Limit", version or "Last release", "Limit is"]


def row(metric: Facts) -> list[str]:
    """One metric beside its limit and what it was: plain text, no markup."""
    met = "" if not limit(metric) else "met" if is_met(metric) else "missed"
    return [metric["name"], number(metric["value"]), limit(metric), number(metric["before"]), met]


def limit(metric: Facts) -> str:
    """A metric's limit or limits in words; empty when it has none."""
    least = f"at least {metric['least']:g}" if metric["least"] is not None else ""
    most = f"at most {metric['most']:g}" if metric["most"] is not None else ""
    return " and ".join(part for part in (least, most) if part)


def is_met(metric: Facts) -> bool:
    """Whether a metric keeps its limits. One that was not measured does not."""
    value, least, most = metric["value"], metric["least"], metric["most"]
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def picture(title: str, version: str) -> dict[str, str]:
    """The words of the picture."""
    before = f"; grey: {version}" if version else ""
    return {
        "title": f"{title}: metrics beside their limits",
        "axis": f"share of the limit, which is the line{before}",
        "times": "How long the cases took",
        "milliseconds": "milliseconds",
    }


def alt(title: str, report: Facts) -> str:
    """What the picture shows, for those who do not see it."""
    rows = [row(metric) for metric in report["metrics"] if limit(metric)]
    said = "; ".join(f"{name} {value}, {wanted}, {met}" for name, value, wanted, _, met in rows)
    return f"Metrics of {title} beside their limits: {said}."


# ---------------------------------------------------------------- the question

OVERRULE = "Overrule…"
AGAIN = "Run it again"
BUSY = "⏳ _This is being dealt with…_"
WARNING = "This release has no passing evaluation. That it goes on without one is then your decision."
FORM = ("Overrule the evaluation", "Overrule", "Cancel")
"""The form's title and its two buttons."""
LABEL = "Why it may go on"
HINT = "Kept for ever, with your name; shown in the request for approval and in the announcement."
UNTOUCHED = (
    "Nothing is deployed of it. An approver may overrule this with a reason; `/release abort` stops it."
)
