"""What an evaluation found, in sentences: the judge's codes and facts, the stage's outcomes, the table, the picture."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers.text.language import mark, tr, trn
from handlers.text.language import number as grouped
from handlers.text.words import person, safe

Facts = Mapping[str, Any]

FINDINGS: Mapping[str, str] = {
    "report_missing": mark("the evaluation wrote no report"),
    "report_too_large": mark("its report is larger than {megabytes} MB and was not read"),
    "report_several": mark("it wrote several files and one is expected: {names}"),
    "report_unreadable": mark("its report is not one of {format} as I know it: {place}: {why}"),
    "report_of_another": mark("its report looks like one of {looks}, and evaluation.format says {format}"),
    "report_version": mark("its report is of version {found} of {format}; I know {known}"),
    "no_limits": mark(
        "the playbook names no limit (evaluation.minimum or evaluation.maximum): nothing can be judged"
    ),
    "critical_failed": mark("the critical case `{case}` failed"),
    "critical_missing": mark("no case is or has the tag `{case}`, which the playbook calls critical"),
    "run_error": mark("the run had an error: {error}"),
    "cases_missing": mark("only {found} of {wanted} cases ran"),
    "case_twice": mark("the case `{case}` is there {count} times"),
    "case_error": mark("the case `{case}` had an error: {error}"),
    "case_no_number": mark("{metric} of the case `{case}` is {value}: no measurement"),
    "metric_missing": mark("{metric} has a limit and was not measured"),
    "metric_no_number": mark("{metric} is {value}, which is no measurement"),
    "under_minimum": mark("{metric} is {value}, under its minimum of {limit}"),
    "over_maximum": mark("{metric} is {value}, over its maximum of {limit}"),
    "too_many_lost": mark("{lost} cases are lost; the playbook allows {most}"),
    "suite_changed": mark("the suite is another than last time (`{found}`, it was `{before}`)"),
    "model_changed": mark("the model is another than last time ({found}, it was {before})"),
    "and_more": mark("and {count} more"),
}
"""By the judge's codes; each is said with the facts of `_facts`."""


def _facts(found: Facts) -> dict[str, str]:
    """A finding's facts as they are shown: short numbers, safe text."""
    shown = {name: _fact(value) for name, value in found.items()}
    if "most" in found and found.get("code") == "report_too_large":
        shown["megabytes"] = str(int(found["most"]) // 1_000_000)
    return shown


def _fact(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return safe(value, 200) or tr("not named")


def findings(facts: Facts, most: int) -> list[str]:
    """The first findings in words. What an earlier version of the bot found is words already."""
    found = facts.get("findings") or facts.get("reasons") or ()
    return [_finding(each) for each in found[:most]]


def _finding(found: Any) -> str:
    if isinstance(found, str):
        return safe(found, 160).rstrip(".")
    known = FINDINGS.get(found.get("code", ""))
    return tr(known, **_facts(found)) if known else safe(found, 160)


def _reasons(facts: Facts, most: int) -> str:
    return "; ".join(findings(facts, most))


def _passed(facts: Facts) -> str:
    report = facts.get("report")
    if reasons := _reasons(facts, 10):
        return reasons
    if isinstance(report, dict):
        return tr(
            "{passed} of {total} cases passed; all limits are met",
            passed=report["passed"],
            total=report["total"],
        )
    return tr("all limits are met")


def overruled(user: str, reason: str) -> str:
    """An approver's decision that a release goes on without a passing verdict."""
    return tr("evaluation overruled by {who}: {reason}", who=person(user), reason=safe(reason, 500))


_NOT_EVALUATED = {
    "no_verdict": mark("there is no passing verdict of its evaluation"),
    "other_commit": mark("what was evaluated is another commit or another playbook"),
    "other_suite": mark("the verdict is not of the suite that was kept with it"),
    "other_images": mark("what was evaluated and tried in staging is not what would go to production"),
    "not_overruled": mark("the decision to overrule its evaluation is not on record"),
}

OUTCOMES: Mapping[str, Callable[[Facts], str]] = {
    "no_evaluation": lambda f: tr("the playbook has none"),
    "evaluation_passed": _passed,
    "evaluation_overruled": lambda f: overruled(f["by"], f["reason"]),
    "evaluation_suite_accepted": lambda f: tr("{who} accepted it as the new suite", who=person(f["by"])),
    "evaluation_baseline": lambda f: tr("kept, to compare the next release with"),
    "no_baseline": lambda f: tr("there is no verdict to compare with"),
    "evaluation_failed": lambda f: _reasons(f, 5),
    "evaluation_no_verdict": lambda f: tr(
        "no verdict, which is not a pass: {reasons}", reasons=_reasons(f, 3)
    ),
    "evaluation_narrow": lambda f: tr("a limit was missed by little: {reasons}", reasons=_reasons(f, 3)),
    "evaluation_not_run": lambda f: _ended(f),
    "evaluation_dropped": lambda f: tr(
        "the playbook has no evaluation, and that of {version} had one: no verdict",
        version=safe(f["version"]),
    ),
    "evaluation_suite_changed": lambda f: tr(
        "it meets its limits but cannot be compared: {reasons}", reasons=_reasons(f, 3)
    ),
    "not_evaluated": lambda f: tr("it may not go on: {why}", why=_not_evaluated(f["why"])),
}
"""The outcomes of the stage, and of the look at it before staging and production, by their codes."""


def _not_evaluated(why: str) -> str:
    known = _NOT_EVALUATED.get(why)
    return tr(known) if known else safe(why)


def _ended(facts: Facts) -> str:
    if facts.get("timed_out"):
        return tr(
            "the evaluation ran into its time limit after {seconds} s: no verdict, which is not a pass",
            seconds=f"{facts['seconds']:g}",
        )
    return tr("the evaluation ended with code {code}: no verdict, which is not a pass", code=facts["code"])


# --------------------------------------------------------------- the evidence


def headline(report: Facts) -> str:
    """How many cases passed, how sure that is, and what was measured with what."""
    facts = {
        "passed": report["passed"],
        "total": report["total"],
        "low": f"{report['low']:.0%}",
        "high": f"{report['high']:.0%}",
        "tool": safe(report["tool"], 80),
    }
    if not report["model"]:
        return tr("*{passed} of {total} cases passed* (95 % interval {low} to {high}), by {tool}.", **facts)
    return tr(
        "*{passed} of {total} cases passed* (95 % interval {low} to {high}), with {model} by {tool}.",
        model=safe(report["model"], 80),
        **facts,
    )


def comparison(report: Facts, version: str) -> list[str]:
    """Lost and won cases against the last release, and what came back when it was run again."""
    compared = report["compared"]
    if compared is None:
        return []
    said = tr(
        "Against {version}: {lost} lost, {won} won; as likely by chance as p = {chance}.",
        version=safe(version),
        lost=compared["lost"],
        won=compared["won"],
        chance=f"{compared['chance']:.2f}",
    )
    if not compared["prompt"]:
        return [said]
    before, now = (safe(each) for each in compared["prompt"])
    return [said, tr("The prompt is another: `{now}`, it was `{before}`.", now=now, before=before)]


def flaky(report: Facts) -> str:
    """Cases that failed, and passed at least two of three re-runs."""
    return tr(
        "Flaky, not lost (they passed when they were run again): {cases}", cases=_cases(report["flaky"])
    )


def lost(report: Facts) -> str:
    total = report["compared"]["lost"] if report["compared"] else len(report["lost"])
    return tr("*Lost cases*: {cases}", cases=_cases(report["lost"], total))


def failed(report: Facts) -> str:
    return tr("*Failed cases*: {cases}", cases=_cases(report["failed"], report["total"] - report["passed"]))


def _cases(names: list[str], total: int = 0) -> str:
    listed, more = ", ".join(f"`{safe(name, 80)}`" for name in names), total - len(names)
    return f"{listed} " + trn("and {count} more", "and {count} more", more) if more > 0 else listed


def heading(version: str) -> list[str]:
    return [tr("Metric"), tr("This release"), tr("Limit"), version or tr("Last release"), tr("Limit is")]


def row(metric: Facts) -> list[str]:
    """One metric beside its limit and what it was: plain text, no markup."""
    met = "" if not limit(metric) else tr("met") if is_met(metric) else tr("missed")
    return [metric["name"], number(metric["value"]), limit(metric), number(metric["before"]), met]


def limit(metric: Facts) -> str:
    """A metric's limit or limits in words; empty when it has none."""
    least, most = (None if metric[name] is None else f"{metric[name]:g}" for name in ("least", "most"))
    if least is not None and most is not None:
        return tr("at least {least} and at most {most}", least=least, most=most)
    if least is not None:
        return tr("at least {least}", least=least)
    return tr("at most {most}", most=most) if most is not None else ""


def is_met(metric: Facts) -> bool:
    """Whether a metric keeps its limits. One that was not measured does not."""
    value, least, most = metric["value"], metric["least"], metric["most"]
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def number(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}" if abs(value) < 1000 else grouped(round(value))


def picture(title: str, version: str) -> dict[str, str]:
    """The words of the picture."""
    axis = (
        tr("share of the limit, which is the line; grey: {version}", version=version)
        if version
        else tr("share of the limit, which is the line")
    )
    return {
        "title": tr("{title}: metrics beside their limits", title=title),
        "axis": axis,
        "times": tr("How long the cases took"),
        "milliseconds": tr("milliseconds"),
    }


def alt(title: str, report: Facts) -> str:
    """What the picture shows, for those who do not see it."""
    rows = [row(metric) for metric in report["metrics"] if limit(metric)]
    said = "; ".join(f"{name} {value}, {wanted}, {met}" for name, value, wanted, _, met in rows)
    return tr("Metrics of {title} beside their limits: {metrics}.", title=title, metrics=said)


# ---------------------------------------------------------------- the question

OVERRULE = mark("Overrule…")
AGAIN = mark("Run it again")
BUSY = mark("_This is being dealt with…_")
WARNING = mark("This release has no passing evaluation. That it goes on without one is then your decision.")
FORM = (mark("Overrule the evaluation"), mark("Overrule"), mark("Cancel"))
"""The form's title and its two buttons."""
LABEL = mark("Why it may go on")
HINT = mark("Kept for ever, with your name; shown in the request for approval and in the announcement.")
UNTOUCHED = mark(
    "Nothing is deployed of it. An approver may overrule this with a reason; `/release abort` stops it."
)
