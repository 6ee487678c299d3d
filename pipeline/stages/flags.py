"""Flags in a release: those it brings are added before its services start, and production's own are looked at.

Two questions, two answers. What the repository's file says at the commit is the release's own: an unsafe default there
stops it (preflight). How the flags stand in production is people's doing: preflight tells it, and the checklist's
item stays open until they are switched, or until a person ticks it and thereby answers for it.
"""

import asyncio
from collections.abc import Sequence

from pipeline import flagd, flags
from pipeline.context import Context
from pipeline.errors import FlagError
from pipeline.ports import FlagStore


def at_commit(ctx: Context) -> tuple[str, ...]:
    """Sentences naming each flag of the playbook that is not at its safe default at this commit. Reads the disk."""
    if ctx.playbook.flags is None:
        return ()
    text = _text(ctx)
    return flags.unsafe(text, ctx.playbook.flags.safe) or _damage(text)


def _damage(text: str) -> tuple[str, ...]:
    """What would keep applications from reading the file, also in a flag that has no safe state."""
    try:
        flagd.read(text, "The flags file")
    except FlagError as error:
        return (str(error),)
    return ()


def _text(ctx: Context) -> str:
    assert ctx.playbook.flags
    path = ctx.checkout / ctx.playbook.flags.file
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


async def in_force(ctx: Context, where: str = "production") -> tuple[str, ...]:
    """Sentences naming each flag of the playbook that users of an environment do not get safely now."""
    store = ctx.ports.flags.get(where)
    if ctx.playbook.flags is None or store is None:
        return ()
    try:
        return flags.unsafe_now(where, await store.flags(), ctx.playbook.flags.safe, store.adds_missing)
    except FlagError as error:
        return (ctx.ports.redact(str(error)),)


async def add_new(ctx: Context, where: str) -> Sequence[str]:
    """Add the flags that this release brings, at the default of its file; what is there stays as people left it."""
    store: FlagStore | None = ctx.ports.flags.get(where)
    if ctx.playbook.flags is None or store is None or not store.adds_missing:
        return ()
    return await store.add(await asyncio.to_thread(_text, ctx))
