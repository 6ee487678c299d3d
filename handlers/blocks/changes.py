"""Changes, risks and the way back, as people see them before and after a release."""

from collections.abc import Sequence
from typing import Any

from handlers.blocks import parts
from handlers.blocks import risks as single
from handlers.text import evaluations, migrations, words
from handlers.text.language import mark, tr, trn
from handlers.text.stages import outcome
from pipeline import judged
from pipeline.changes import GROUPS, Change
from pipeline.config import Product, Risk
from pipeline.snapshot import Snapshot
from pipeline.states import PASSED_STAGE

MOST_CHANGES = 15
"""Changes listed in one message; the rest is counted, and the link shows all."""

MOST_RISKS = 20
"""Risks listed in one message, the breaking changes first; the rest is counted."""

HEADINGS = {
    "Breaking": mark("Breaking"),
    "Added": mark("Added"),
    "Changed": mark("Changed"),
    "Deprecated": mark("Deprecated"),
    "Removed": mark("Removed"),
    "Fixed": mark("Fixed"),
    "Security": mark("Security"),
}

TOLD = GROUPS[: GROUPS.index("Documentation")]
"""The groups that readers care about; documentation, maintenance and the rest are counted."""


def changes_since(shown: Snapshot) -> str:
    """How many changes there are, and since when."""
    base, count = shown.release.base_version, len(shown.changes)
    if base is None:
        return trn("{count} change since the beginning", "{count} changes since the beginning", count)
    return trn("{count} change since {version}", "{count} changes since {version}", count, version=base)


def change_rows(shown: Snapshot, product: Product | None = None) -> Any:
    """The newest changes of a release as rich text; with the product commits are links."""
    return listed_changes(shown.changes, product)


def listed_changes(changes: Sequence[Change], product: Product | None = None) -> Any:
    """The newest changes as rich text: what outsiders wrote stays plain."""
    if not changes:
        return parts.section(words.quiet(tr("No changes are listed.")))
    rows = [[_commit(change, product), (f"  {_line(change)}", None)] for change in changes[:MOST_CHANGES]]
    if len(changes) > MOST_CHANGES:
        rows.append([(parts.and_more(len(changes) - MOST_CHANGES), None)])
    return parts.outside_list(rows)


def _commit(change: Change, product: Product | None) -> tuple[str, str | None]:
    url = product.commit_url.replace("{sha}", change.sha) if product and product.commit_url else None
    return change.sha[:7], url


def _line(change: Change) -> str:
    scope = f"({change.scope})" if change.scope else ""
    kind = f"{change.type}{scope}{'!' if change.breaking else ''}: " if change.type != "other" else ""
    return f"{kind}{change.subject} ({change.author})"


def grouped(shown: Snapshot) -> list[tuple[str, list[str]]]:
    """The changes that readers care about, by group; the rest as a count."""
    told = [(name, [change.subject for change in shown.changes if change.group == name]) for name in TOLD]
    rest = [change for change in shown.changes if change.group not in TOLD]
    found = [(tr(HEADINGS[name]), _paged(subjects)) for name, subjects in told if subjects]
    kinds = ", ".join(sorted({change.type for change in rest}))
    smaller = trn("{count} smaller: {kinds}", "{count} smaller: {kinds}", len(rest), kinds=kinds)
    return found + ([(tr("Also"), [smaller])] if rest else [])


def _paged(subjects: list[str]) -> list[str]:
    more = len(subjects) - MOST_CHANGES
    return subjects[:MOST_CHANGES] + ([parts.and_more(more)] if more > 0 else [])


def risk_lines(shown: Snapshot) -> list[str]:
    """The risks of a release, what was overruled and what was skipped in it among them."""
    skipped = [
        "• ⚠️ " + tr("{step}: {how}", step=tr(step.phrase), how=outcome(step.run))
        for step in shown.release_steps
        if step.run and step.run.code == "skipped_by"
    ]
    against = shown.overruled
    overruled = ["• ⚠️ " + evaluations.overruled(against.user, against.note)] if against else []
    further = [*overruled, *skipped, *_migrations(shown)]
    measured = [*single.evaluation(shown), *single.size(shown)]
    return risks(shown.changes, single.of_release(shown), further, measured)


def _migrations(shown: Snapshot) -> list[str]:
    """What was found of the migrations, and what this version announces that a later one takes away."""
    found = [one for one in judged.verdicts(shown.runs) if not one.safe]
    goes = shown.runs["preflight"].data.get("contractions", ()) if "preflight" in shown.runs else ()
    named = ", ".join(f"`{words.safe(thing, 80)}`" for thing in goes)
    later = [tr("a later release takes away: {things}", things=named)] if named else []
    return [f"• ⚠️ {migrations.line(one)}" for one in found] + [f"• {said}" for said in later]


def risks(
    changes: Sequence[Change],
    standing: Sequence[Risk],
    further: Sequence[str] = (),
    measured: Sequence[str] = (),
) -> list[str]:
    """Breaking changes, risks named in commits, migrations, what was measured, and the product's standing risks."""
    migrated = [
        "• " + tr("migration: {what}", what=words.safe(said, 160))
        for change in changes
        for said in change.migration
    ]
    flags = dict.fromkeys(words.safe(flag, 60) for change in changes for flag in change.flags)
    behind = ["• " + tr("behind flags: {flags}", flags=", ".join(flags))] if flags else []
    told = [*single.breaking(changes), *further, *single.named(changes), *migrated, *behind]
    rows = [*told, *measured, *single.standing(standing)]
    more = [f"• {parts.and_more(len(rows) - MOST_RISKS)}"] if len(rows) > MOST_RISKS else []
    return [*rows[:MOST_RISKS], *more] or ["• " + tr("none is known")]


def way_back_line(shown: Snapshot) -> str:
    """How the way back looks, in one line."""
    base = shown.release.base_version
    if base is None:
        return tr("none: this is the first version")
    retired = shown.runs.get("retire")
    cold = retired is not None and retired.status in PASSED_STAGE
    if cold:
        return tr(
            "`/rollback` or the button: back to {version}, which is started again from its images",
            version=base,
        )
    return tr(
        "`/rollback` or the button: back to {version}, which is kept warm until the watch has ended",
        version=base,
    )


def way_back(shown: Snapshot) -> str:
    """The way back with what the authors of the changes say about it."""
    said = dict.fromkeys(words.safe(text, 160) for change in shown.changes for text in change.rollback)
    stuck = [
        f"`{words.safe(one.revision, 40)}`"
        for one in judged.verdicts(shown.runs)
        if "irreversible" in one.labels
    ]
    none = [tr("no way back for the data: {revisions}", revisions=", ".join(stuck))] if stuck else []
    rows = [*none, *list(said)[:MOST_CHANGES]]
    return "\n".join([way_back_line(shown), *(f"• {text}" for text in rows)])
