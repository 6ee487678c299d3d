"""The product's database through its own Alembic files (ports.ProductDatabase)."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pipeline.adapters import postgres_backup, sqlite_backup
from pipeline.errors import CommandError, DatabaseError
from pipeline.plain import plain
from pipeline.ports import Command, CommandResult, MigrationJob, Revision, Runner
from pipeline.reversible import judge_downgrade

_DRIVER = Path(__file__).with_name("alembic_driver.py")


class AlembicDatabase:
    """Migrates by commands of `runner` in the checkout. `python` is the interpreter that has the product's
    dependencies and Alembic; the bot's own without another. Raises DatabaseError.
    """

    def __init__(self, runner: Runner, *, python: str = sys.executable) -> None:
        self._runner = runner
        self._python = python

    async def heads(self, job: MigrationJob) -> tuple[str, ...]:
        """The heads of the checkout's files, sorted; asks no database."""
        return tuple(await self._ask(job, "heads"))

    async def current(self, job: MigrationJob) -> tuple[str, ...]:
        """Where the database stands, sorted; empty for one without migrations."""
        return tuple(await self._ask(job, "current"))

    async def upgrade(self, job: MigrationJob) -> None:
        """Migrate to all heads. Already there: nothing happens."""
        await self._ask(job, "upgrade")

    async def downgrade(self, job: MigrationJob, revision: str) -> None:
        """Migrate down to a revision, or to `base`."""
        await self._ask(job, "downgrade", revision)

    async def pending(self, job: MigrationJob) -> tuple[Revision, ...]:
        """What an upgrade would run, in its order. Raises when the database is ahead of these files."""
        found = await self._ask(job, "pending")
        return tuple([await asyncio.to_thread(_revision, entry) for entry in found])

    async def backup(self, url: str, destination: Path) -> Path:
        """Back the database at `url` (SQLAlchemy's form) up, and read the backup back.

        SQLite: a consistent copy, checked, with as many rows in each table. PostgreSQL: pg_dump's custom
        format, read to its end by pg_restore. A complete backup of this name is kept. A database that
        does not exist raises: whoever asks for a backup means one, so the address is wrong.
        """
        parsed = _parse(url)
        if parsed.get_backend_name() == "sqlite":
            return await asyncio.to_thread(sqlite_backup.back_up, parsed, destination)
        if parsed.get_backend_name() == "postgresql":
            return await postgres_backup.back_up(parsed, destination)
        raise DatabaseError(
            f"There is no backup for databases of the kind {parsed.get_backend_name()}."
            " Next: use SQLite or PostgreSQL, or back it up yourself."
        )

    async def _ask(self, job: MigrationJob, action: str, revision: str = "") -> list[Any]:
        answer = job.log.with_name(f"{job.log.stem}-{action}.json")
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.unlink(missing_ok=True)
        command = Command(
            name=f"migrations {action}",
            argv=(
                self._python,
                str(_DRIVER),
                action,
                job.config,
                str(answer),
                *([revision] if revision else []),
            ),
            cwd=job.checkout,
            env=job.env,
            timeout=job.timeout,
            log=job.log,
        )
        try:
            result = await self._runner.run(command)
        except CommandError as error:
            raise DatabaseError(f"The database was not asked for {action}: {error}") from error
        return _answer(action, job, result, answer)


def _answer(action: str, job: MigrationJob, result: CommandResult, answer: Path) -> list[Any]:
    if result.timed_out:
        raise DatabaseError(
            f"Alembic's {action} took longer than {job.timeout:g} seconds and was stopped."
            " Next: look for a lock on the database, or raise `migrations.timeout` in playbook.toml."
        )
    if not result.ok:
        raise DatabaseError(f"Alembic's {action} failed: {_said(result)}. Next: {_following(result)}.")
    try:
        found: list[Any] = json.loads(answer.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatabaseError(
            f"Alembic's {action} gave no answer: {plain(str(error))}."
            " Next: look whether the product's env.py ends the process."
        ) from error
    return found


def _said(result: CommandResult) -> str:
    lines = [line for line in result.tail if line.strip()]
    return plain(lines[-1] if lines else f"it ended with code {result.code}", 300).rstrip(".")


def _following(result: CommandResult) -> str:
    text = "\n".join(result.tail)
    if "No module named" in text:
        return "install what the migrations import where the bot runs"
    if "Can't locate revision" in text:
        return "the database stands at a revision that this commit does not have; release a newer commit"
    return "read the migration's log, correct it, and try again"


def _revision(entry: dict[str, str]) -> Revision:
    try:
        source = Path(entry["path"]).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return Revision(entry["revision"], plain(entry["title"]), False, "its file cannot be read")
    reversible, why = judge_downgrade(source)
    return Revision(entry["revision"], plain(entry["title"]), reversible, why)


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(
            "The database's address is no URL such as sqlite:////data/hub.db or postgresql://user@host/name."
            " Next: correct it where the bot gets its secrets."
        ) from error
