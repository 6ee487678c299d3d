"""Checklists: the bot ticks what it can prove, with the evidence; people tick the rest."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import environment
from pipeline.config import Item
from pipeline.context import Context, Outcome, Passed, Waiting
from pipeline.events import BOT, CHECKLIST
from pipeline.flags import Problem
from pipeline.models import ChecklistItem
from pipeline.stages.dashboard import known
from pipeline.stages.flags import everywhere
from pipeline.states import PASSED_STAGE

UNSAFE, LAPSED = "flags_unsafe", "dashboard_lapsed"
"""The evidence of an item that stays open because of it."""
LOOK_AGAIN = timedelta(minutes=1)
"""Flags are switched outside of the bot too: so often an open checklist looks at them."""

Proof = Callable[[Context], dict[str, Any] | None]
"""The evidence for an item, or None when it cannot be proven."""


async def before(ctx: Context) -> Outcome:
    return await _go_through(ctx, "before", ctx.playbook.checklist.before)


async def after(ctx: Context) -> Outcome:
    return await _go_through(ctx, "after", ctx.playbook.checklist.after)


async def _go_through(ctx: Context, phase: str, items: tuple[Item, ...]) -> Outcome:
    topic = CHECKLIST[phase]
    watched = any(item.proof == "flags" for item in items)
    flags = await everywhere(ctx) if watched else []
    async with ctx.recording() as session:
        rows = await _rows(ctx, session, phase, items)
        _prove(ctx, rows, flags)
    done = sum(row.done for row in rows)
    facts = {"phase": phase, "done": done, "total": len(rows), **({"flags": flags} if flags else {})}
    optional = {item.key for item in items if not item.required}
    if all(row.done or row.key in optional for row in rows):
        return Passed("checklist_done", facts)
    look_again = ctx.clock() + LOOK_AGAIN if watched else None
    return Waiting("checklist_open", facts, due_at=look_again, asks=topic)


async def _rows(
    ctx: Context, session: AsyncSession, phase: str, items: tuple[Item, ...]
) -> list[ChecklistItem]:
    known = select(ChecklistItem).where(
        ChecklistItem.release_id == ctx.release.id, ChecklistItem.phase == phase
    )
    rows = {row.key: row for row in await session.scalars(known)}
    for item in items:
        if item.key not in rows:
            rows[item.key] = ChecklistItem(
                release_id=ctx.release.id,
                phase=phase,
                key=item.key,
                title=item.title,
                proof=item.proof,
                done=False,
                evidence={},
            )
            session.add(rows[item.key])
    await session.flush()
    return list(rows.values())


def _prove(ctx: Context, rows: list[ChecklistItem], flags: list[Problem]) -> None:
    """Tick what is proven; untick what the bot had ticked and now cannot prove any more, with the reason if known."""
    for row in rows:
        if row.proof is None or row.done_by not in (None, BOT):
            continue
        evidence = _flags(flags) if row.proof == "flags" else PROOFS[row.proof](ctx)
        row.done = evidence is not None and evidence["code"] not in (UNSAFE, LAPSED)
        row.evidence = evidence or {}
        row.done_by, row.done_at = (BOT, row.done_at or ctx.clock()) if row.done else (None, None)


def _passed(stage: str) -> Proof:
    """An earlier stage's success is the evidence."""

    def proof(ctx: Context) -> dict[str, Any] | None:
        run = ctx.runs.get(stage)
        if run is None or run.status not in PASSED_STAGE:
            return None
        return {"code": run.code, "facts": {key: run.facts[key] for key in run.facts if key != "report"}}

    return proof


def _evaluated(ctx: Context) -> dict[str, Any] | None:
    """What an approver overruled is not proven."""
    run = ctx.runs.get("evaluation")
    return None if run is not None and run.code == "evaluation_overruled" else _passed("evaluation")(ctx)


def _limits(ctx: Context) -> dict[str, Any] | None:
    """Each was judged and kept; what a person let pass is not proven."""
    run = ctx.runs.get("watch")
    told = run.facts.get("measured", ()) if run is not None and run.code == "watch_passed" else ()
    kept = bool(told) and all(each["verdict"] == "passed" for each in told)
    return {"code": "limits_held", "facts": {"measured": told}} if kept else None


def _dashboard(ctx: Context) -> dict[str, Any] | None:
    """What it did not show for a while, nobody has seen: that is for a person to look at."""
    run = ctx.runs.get("watch")
    lapses = known(run.data)["lapses"] if run is not None else ()
    return (
        {"code": LAPSED, "facts": {**lapses[-1], "count": len(lapses)}} if lapses else _passed("watch")(ctx)
    )


def _secrets(ctx: Context) -> dict[str, Any] | None:
    _, missing = environment.declared(ctx.playbook, ctx.product, "production", ctx.ports.secrets)
    return None if missing else {"code": "secrets_present", "facts": {}}


def _flags(problems: list[Problem]) -> dict[str, Any]:
    """At the commit and in production's own store; in doubt, that is the reason why the item stays open."""
    if problems:
        return {"code": UNSAFE, "facts": {"problems": problems[:10]}}
    return {"code": "flags_safe", "facts": {}}


def _migrations(ctx: Context) -> dict[str, Any] | None:
    """They ran on staging; that every one can be undone is for the proof, that they are right for the reviewer."""
    return _passed("staging")(ctx) and {"code": "migrated_on_staging", "facts": {}}


PROOFS: Mapping[str, Proof] = {
    "tests": _passed("test"),
    "evaluation": _evaluated,
    "staging": _passed("staging-checks"),
    "smoke": _passed("verify"),
    "dashboard": _dashboard,
    "logs": _passed("watch"),
    "limits": _limits,
    "secrets": _secrets,
    "migrations": _migrations,
}
