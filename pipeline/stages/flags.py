"""Flags in a release: those it brings are added before its services start, and production's own are looked at.

Two questions, two answers. What the repository's file says at the commit is the release's own: an unsafe default there
stops it (preflight). How the flags stand in production is people's doing: preflight tells it, and the checklist's
item stays open until they are switched, or until a person ticks it and thereby answers for it.
"""

import asyncio
from collections.abc import Sequence

from pipeline import flags
from pipeline.context import Context
from pipeline.errors import FlagError
from pipeline.flags import Problem
from pipeline.ports import FlagStore


def at_commit(ctx: Context) -> tuple[str, ...]:
    """Sentences on what is wrong with the playbook's flags at this commit. Reads the disk."""
    return flags.problems(_text(ctx), ctx.playbook.flags.safe) if ctx.playbook.flags else ()


def _text(ctx: Context) -> str:
    assert ctx.playbook.flags
    path = ctx.checkout / ctx.playbook.flags.file
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


async def everywhere(ctx: Context) -> list[Problem]:
    """What is wrong at the commit, and in production now."""
    here = [{"code": "flag_unsafe", "problem": said} for said in await asyncio.to_thread(at_commit, ctx)]
    return [*here, *await in_force(ctx)]


async def in_force(ctx: Context, where: str = "production") -> list[Problem]:
    """Which flags of the playbook users of an environment do not get safely now."""
    store = ctx.ports.flags.get(where)
    if ctx.playbook.flags is None or store is None:
        return []
    try:
        found = await store.flags()
    except FlagError as error:
        said = ctx.ports.redact(str(error))
        return [{"code": "flags_unreadable", "environment": where, "error": said}]
    return list(flags.unsafe_now(where, found, ctx.playbook.flags.safe, store.adds_missing))


async def add_new(ctx: Context, where: str) -> Sequence[str]:
    """Add the flags that this release brings, at the default of its file; what is there stays as people left it."""
    store: FlagStore | None = ctx.ports.flags.get(where)
    if ctx.playbook.flags is None or store is None or not store.adds_missing:
        return ()
    return await store.add(await asyncio.to_thread(_text, ctx))
