"""What the product's numbers did, in sentences: limits that broke, limits on which nothing can be said, the table."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from handlers.text.language import mark, measurement, number, tr, trn
from handlers.text.words import person, safe, when

Facts = Mapping[str, Any]

CODES: Mapping[str, str] = {
    "ceiling": mark("`{limit}` is {value}, over its ceiling of {most}"),
    "worse": mark("`{limit}` is {value}, {ratio} times as much as before ({before})"),
    "worse_than_none": mark("`{limit}` is {value}; before there was none"),
    "no_data": mark("`{limit}` was not measured: the source has no such series"),
    "too_few": mark("`{limit}` saw {count} requests, and at least {needed} are needed"),
    "no_baseline": mark("`{limit}` has nothing to be compared with, and no ceiling"),
    "unread": mark("`{limit}` could not be read: {why}"),
}
"""By the codes of pipeline/comparing.py and stages/limits.py."""

NO_WAY_BACK: Mapping[str, str] = {
    "no_version": mark("I do not go back by myself: there is no version before it."),
    "went_back": mark("I do not go back by myself: the version before it was rolled back itself."),
    "gone": mark(
        "I do not go back by myself: the version before it does not run, and an image of it is gone."
    ),
    "unsure": mark(
        "I do not go back by myself: whether the version before it is still there cannot be found out."
    ),
}


def finding(found: Facts) -> str:
    """What is said of one limit."""
    code = str(found.get("code"))
    known = CODES.get("worse_than_none" if code == "worse" and found.get("ratio") is None else code)
    if known is None:
        return f"`{safe(found.get('limit'), 40)}`: {safe(code)}"
    numbers = {name: amount(found, found.get(name)) for name in ("value", "before", "most")}
    return tr(
        known,
        **numbers,
        limit=safe(found["limit"], 40),
        ratio=measurement(found.get("ratio") or 0),
        count=number(found.get("count", 0)),
        needed=number(found.get("needed", 0)),
        why=safe(found.get("why", ""), 300).rstrip("."),
    )


def amount(found: Facts, value: float | None) -> str:
    """A limit's number in its unit: percent, seconds, an hour's or a call's cost."""
    if value is None or not math.isfinite(value):
        return "—"
    match found.get("kind"):
        case "error-rate":
            return tr("{share} %", share=measurement(_short(100 * value)))
        case "latency":
            return (
                tr("{time} ms", time=measurement(_short(1000 * value)))
                if value < 1
                else tr("{time} s", time=measurement(_short(value)))
            )
        case "cost":
            said = measurement(_short(value))
            return (
                tr("{cost} an hour", cost=said)
                if found.get("per") == "hour"
                else tr("{cost} each", cost=said)
            )
    return measurement(_short(value))


def _short(value: float) -> float:
    """Three digits that count."""
    if value == 0:
        return 0
    digits = 2 - math.floor(math.log10(abs(value)))
    return round(value, digits) if digits > 0 else round(value)


def panel(limit: Facts) -> str:
    """The title of a limit's panel: its name, and what its numbers are."""
    name = str(limit.get("name"))[:30]
    match limit.get("kind"):
        case "error-rate":
            return f"{name} (%)"
        case "latency":
            return f"{name} (s)"
        case "cost":
            return tr("{name} (each)", name=name) if limit.get("per") else tr("{name} (an hour)", name=name)
    return name


def findings(facts: Facts) -> str:
    """What is said of all limits that are told, as a list in words."""
    said = "; ".join(finding(each) for each in facts["limits"][:6])
    why = NO_WAY_BACK.get(facts.get("why_not", ""))
    return f"{said}. {tr(why)}" if why else said


def before_and_after(facts: Facts) -> list[str]:
    """One line for each limit: what it was before the release, and since."""
    return [_line(each) for each in facts.get("measured") or () if each.get("value") is not None]


def _line(found: Facts) -> str:
    name, now = safe(found["limit"], 40), amount(found, found["value"])
    if found.get("before") is None:
        return tr("{name}: {now}", name=name, now=now)
    return tr(
        "{name}: {before} before, {now} since", name=name, now=now, before=amount(found, found["before"])
    )


def died(facts: Facts) -> str:
    """How often services ended by themselves, and which for want of memory."""
    said = trn(
        "a service ended by itself {count} time and was started again",
        "services ended by themselves {count} times and were started again",
        facts["count"],
    )
    names = ", ".join(safe(name, 40) for name in facts["memory"])
    return f"{said}; " + tr("out of memory: {names}", names=names) if names else said


def lapsed(facts: Facts) -> str:
    """When the dashboard did not show its metrics, and why; of several times the last one."""
    since, until = when(facts["since"], "{time_secs}"), facts["until"]
    problem = safe(facts["problem"], 300).rstrip(".")
    said = (
        tr("the dashboard has not shown its metrics since {since}: {problem}", since=since, problem=problem)
        if until is None
        else tr(
            "the dashboard did not show its metrics from {since} to {until}: {problem}",
            since=since,
            until=when(until, "{time_secs}"),
            problem=problem,
        )
    )
    count = facts.get("count", 1)
    if count < 2:
        return said
    often = trn("{count} time in all", "{count} times in all", count)
    return f"{said} ({often})"


def _overruled(facts: Facts) -> str:
    return tr("{who} decided that everybody gets it", who=person(facts["by"]))


OUTCOMES: Mapping[str, Callable[[Facts], str]] = {
    "no_limits": lambda f: tr("the playbook names no limits"),
    "measuring": lambda f: "",
    "measured": lambda f: tr("{count} windows to compare with", count=f["windows"]),
    "limit_broken": findings,
    "limit_proposed": findings,
    "services_died": died,
    "dashboard_lapsed": lapsed,
    "watch_unclear": lambda f: tr("nothing can be said: {why}", why=findings(f)),
    "canary_unclear": lambda f: tr("nothing can be said: {why}", why=findings(f)),
    "canary_overruled": _overruled,
    "limits_held": lambda f: "; ".join(before_and_after(f)) or tr("every limit was kept"),
}
