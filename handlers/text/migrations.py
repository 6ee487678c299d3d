"""The judging of migrations in a release: what its stages say, and what people read before they approve."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from handlers.text import verdicts
from handlers.text.language import listed, mark, tr
from handlers.text.words import person, safe, when
from pipeline.verdicts import Reason, Verdict

Facts = Mapping[str, Any]

KEEP = {
    "migrations": (mark("Let it go on"), mark("You have looked at these migrations yourself.")),
    "backup": (mark("Migrate now"), mark("Who uses the tables waits until it is done.")),
    "migrate": (mark("Migrate now"), mark("Who uses the tables waits until it is done.")),
}
"""The button of an approver, by stage: its words, and what is asked back."""


def labels(names: Iterable[str]) -> str:
    """Labels in words, worst first."""
    known: Mapping[str, str] = {str(name): words for name, words in verdicts.LABEL_WORDS.items()}
    return ", ".join(tr(known[name]) for name in names if name in known)


def line(verdict: Verdict) -> str:
    """One migration and what it does, for those who approve, use or take back a release."""
    said = f"`{safe(verdict.revision, 40)}` {safe(verdict.title, 80)}: {labels(verdict.labels)}"
    none = tr("no way back for the data")
    return f"{said}; {none}" if _for_the_data(verdict) else said


def _for_the_data(verdict: Verdict) -> bool:
    return any(one.code == "data_not_back" for one in verdict.reasons) or {
        "destructive",
        "irreversible",
    } <= set(verdict.labels)


def details(facts: Facts) -> list[str]:
    """Why a release stops or asks, a line each, then what to do instead."""
    reasons = [Reason(*one["reason"]) for one in facts.get("told", ())]
    said = [
        f"• `{safe(one['revision'], 40)}` {safe(verdicts.sentence(reason), 300)}"
        for one, reason in zip(facts.get("told", ()), reasons, strict=True)
    ]
    ways = dict.fromkeys(filter(None, map(verdicts.advice, reasons)))
    return [*said, *(f"→ {safe(way, 400)}" for way in ways)]


def _first(facts: Facts) -> str:
    reasons = [Reason(*one["reason"]) for one in facts["told"][:1]]
    said = " ".join(safe(verdicts.sentence(one), 300) for one in reasons)
    way = next((safe(verdicts.advice(one), 300) for one in reasons if verdicts.advice(one)), "")
    return f"{said} {way}".strip()


def _after(said: str, facts: Facts) -> str:
    return f"{said} {_first(facts)}"


def _judged(facts: Facts) -> str:
    said = "; ".join(
        f"`{safe(one['revision'], 40)}` {labels(one['labels'])}" for one in facts["revisions"][:6]
    )
    looked = tr("{who} looked at it", who=person(facts.get("by")))
    return f"{said}; {looked}" if facts.get("by") else said


def _window(facts: Facts) -> str:
    tables = listed([f"`{safe(table, 60)}`" for table in facts["tables"][:4]]) or "?"
    if facts["opens"] is None:
        return tr(
            "the migration keeps users of {tables} waiting, and bot.toml has no window for it: an approver decides",
            tables=tables,
        )
    return tr(
        "the migration keeps users of {tables} waiting: it runs from {time} on, or when an approver says so",
        tables=tables,
        time=when(facts["opens"], "{date_short_pretty} {time}"),
    )


def _old_version(facts: Facts) -> str:
    failures = [f"{safe(name, 60)}: {safe(why, 120)}" for name, why in facts["failures"].items()]
    missing = [safe(step, 60) for step in facts["missing"]]
    return tr(
        "{version}, which is in service, does not work on the new schema: {what}. Expand first, and contract in "
        "a later release.",
        version=safe(facts["version"]),
        what="; ".join([*failures, *missing][:4]) or tr("it ended with code {code}", code=facts["code"]),
    )


OUTCOMES: Mapping[str, Callable[[Facts], str]] = {
    "migrations_judged": _judged,
    "migration_fails": _first,
    "migration_breaks": _first,
    "migration_unannounced": lambda f: _after(tr("What goes has to be announced by the version before."), f),
    "migration_unknown": lambda f: _after(tr("A person has to look at the migrations."), f),
    "window_needed": _window,
    "backup_unproven": lambda f: tr(
        "the migration loses data, and no backup has been restored for a trial: nothing was migrated"
    ),
    "old_version_fails": _old_version,
}
