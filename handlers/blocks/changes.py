"""Changes, risks and the way back, as people see them before and after a release."""

from typing import Any

from handlers.blocks import parts
from handlers.text import evaluations, words
from pipeline.changes import GROUPS, Change
from pipeline.config import Playbook, Product
from pipeline.snapshot import Snapshot
from pipeline.states import PASSED_STAGE

MOST_CHANGES = 15
"""Changes listed in one message; the rest is counted, and the link shows all."""

MOST_RISKS = 20
"""Risks listed in one message, the breaking changes first; the rest is counted."""

TOLD = GROUPS[: GROUPS.index("Documentation")]
"""The groups that readers care about; documentation, maintenance and the rest are counted."""


def change_rows(shown: Snapshot, product: Product | None = None) -> Any:
    """The newest changes as rich text: what outsiders wrote stays plain. With the product commits are links."""
    changes = shown.changes
    if not changes:
        return parts.section("_No changes are listed._")
    rows = [[_commit(change, product), (f"  {_line(change)}", None)] for change in changes[:MOST_CHANGES]]
    if len(changes) > MOST_CHANGES:
        rows.append([(f"and {len(changes) - MOST_CHANGES} more", None)])
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
    found = [(name, _paged(subjects)) for name, subjects in told if subjects]
    kinds = ", ".join(sorted({change.type for change in rest}))
    return found + ([("Also", [f"{len(rest)} smaller: {kinds}"])] if rest else [])


def _paged(subjects: list[str]) -> list[str]:
    more = len(subjects) - MOST_CHANGES
    return subjects[:MOST_CHANGES] + ([f"and {more} more"] if more > 0 else [])


def risk_lines(shown: Snapshot) -> list[str]:
    """An overruled evaluation, breaking changes, risks named in commits, migrations, and the standing risks."""
    changes, playbook = shown.changes, Playbook.model_validate(shown.release.playbook)
    breaking = [f"• ⚠️ breaking: {words.safe(change.subject, 160)}" for change in changes if change.breaking]
    named = [f"• {words.safe(risk, 200)}" for change in changes for risk in change.risks]
    migrated = [f"• migration: {words.safe(said, 160)}" for change in changes for said in change.migration]
    flags = dict.fromkeys(words.safe(flag, 60) for change in changes for flag in change.flags)
    behind = [f"• behind flags: {', '.join(flags)}"] if flags else []
    standing = [
        f"• *{words.safe(r.id, 40)}* {words.safe(r.title, 120)} — {words.safe(r.mitigation, 200)}"
        for r in playbook.risks
    ]
    against = shown.overruled
    overruled = [f"• ⚠️ {evaluations.overruled(against.user, against.note)}"] if against else []
    rows = [*overruled, *breaking, *named, *migrated, *behind, *standing]
    more = [f"• and {len(rows) - MOST_RISKS} more"] if len(rows) > MOST_RISKS else []
    return [*rows[:MOST_RISKS], *more] or ["• none is known"]


def way_back_line(shown: Snapshot) -> str:
    """How the way back looks, in one line."""
    base = shown.release.base_version
    if base is None:
        return "none: this is the first version"
    retired = shown.runs.get("retire")
    cold = retired is not None and retired.status in PASSED_STAGE
    how = "is started again from its images" if cold else "is kept warm until the watch has ended"
    return f"`/rollback` or the button: back to {base}, which {how}"


def way_back(shown: Snapshot) -> str:
    """The way back with what the authors of the changes say about it."""
    said = dict.fromkeys(words.safe(text, 160) for change in shown.changes for text in change.rollback)
    return "\n".join([way_back_line(shown), *(f"• {text}" for text in list(said)[:MOST_CHANGES])])
