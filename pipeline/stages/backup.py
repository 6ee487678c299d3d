"""Backups of the production database that are fresh when they are needed."""

from datetime import datetime, timedelta
from pathlib import Path

from pipeline import judged
from pipeline.context import Context
from pipeline.stages.common import database_url

FRESH = timedelta(minutes=10)
"""How old a backup may be when the database is changed: what users did since would be lost by going back to it."""


async def fresh_backup(ctx: Context, name: str) -> Path:
    """Back the production database up, once while that is fresh; the finished file.

    A stage that is carried out again after a kill finds its own backup by name and does not make it twice. After
    a long pause (the bot was down), or in another try of the stage, it makes a new one: its name and moment are
    written down before it is made. Raises PipelineError.
    """
    number, _ = ctx.run.data.get("backup", (0, ""))
    if not is_fresh(ctx, ctx.run.data):
        number += 1
        await ctx.remember(backup=[number, ctx.clock().isoformat()])
    attempt = f"{ctx.run.generation}-{number}"
    file = f"{name}.backup" if attempt == "1-1" else f"{name}-{attempt}.backup"
    return await ctx.ports.database.backup(database_url(ctx, "production"), ctx.folder / "backup" / file)


async def proven(ctx: Context, backup: Path) -> dict[str, int]:
    """What came back of a backup when it was restored, where a migration is to lose data; nothing where none is.

    Raises PipelineError when it does not bring the data back: then nothing is migrated.
    """
    if not judged.holds(judged.verdicts(ctx.runs), "destructive"):
        return {}
    proof = await ctx.ports.proof.prove(database_url(ctx, "production"), backup)
    return {"tables": proof.tables, "rows": proof.rows}


def is_fresh(ctx: Context, data: dict[str, object]) -> bool:
    """Whether a stage run's `data` knows of a backup that was begun not long ago."""
    match data.get("backup"):
        case [_, str(begun)]:
            return ctx.clock() - datetime.fromisoformat(begun) <= FRESH
    return False
