"""One revision after another on scratch databases: up, down and up again, with rows and without."""

import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg

from pipeline.adapters.shadow.catalog import snapshot
from pipeline.adapters.shadow.databases import Databases
from pipeline.adapters.shadow.rows import fill, quoted, read, refused
from pipeline.adapters.shadow.session import Answer, Session
from pipeline.verdicts.findings import Failure, Measured
from pipeline.verdicts.losses import State
from pipeline.verdicts.schema import Snapshot
from pipeline.verdicts.windows import Record, record

ENDED = ("Timeout", "Ended")
"""Failures of the process, not of the database: they are not tried again."""

_ROLES = (
    (re.compile(r'role "([^"]+)" does not exist'), 'CREATE ROLE "{role}"'),
    (re.compile(r'role "([^"]+)" already exists'), 'ALTER ROLE "{role}" RENAME TO "releasebot_{other}"'),
)
_VERSIONS = """SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND c.relkind IN ('r', 'p')"""


@dataclass(frozen=True)
class Plan:
    """What is to be known of a revision before it runs: whether its downgrade is worth running."""

    revision: str
    downgrade: bool


@dataclass(frozen=True)
class Tools:
    """What every database of a court is worked on with. `plain`: Alembic runs without env.py."""

    databases: Databases
    session: Session
    driver: str
    plain: bool


class Copy:
    """A scratch database on which one revision is tried; `versions` is the name of Alembic's table in it."""

    def __init__(self, tools: Tools, name: str, versions: str, connection: asyncpg.Connection) -> None:
        self._tools, self._name, self._versions, self._connection = tools, name, versions, connection

    async def state(self, *, rows: bool = True) -> State:
        schema = await snapshot(self._connection, self._versions)
        return State(schema, await read(self._connection, schema) if rows else None)

    async def fill(self, only: Snapshot | None, later: Snapshot | None, *, plain: bool) -> list[str]:
        """Make rows for the tables; the names of those that took none."""
        schema = (await self.state(rows=False)).schema
        tables = [table for table in schema.all("table") if only is None or only.knows(table)]
        return await fill(self._connection, schema, tables, later or schema, plain=plain)

    async def refused(self, schema: Snapshot, now: Snapshot, only: Snapshot | None) -> dict[str, str]:
        """The tables that take no row any more as `schema` has them."""
        felt = [table for table in schema.all("table") if only is None or only.knows(table)]
        there = {table.name for table in now.all("table") if not table.facts["bound"]}
        whole = [table for table in felt if table.name in there and not table.facts["bound"]]
        return await refused(self._connection, schema, whole)

    async def act(self, action: str, revision: str) -> Answer:
        """One upgrade or downgrade. Roles are the whole server's: one that production has is made, and one that a
        trial before has left is put out of the way."""
        await self._tools.session.place(
            self._tools.databases.url(self._name, self._tools.driver), plain=self._tools.plain
        )
        answer = await self._tools.session.ask(action, revision)
        while await self.helped(answer):
            answer = await self._tools.session.ask(action, revision)
        if answer.error is None and action == "upgrade" and not await self._is_kept(revision):
            return replace(answer, error={"kind": "NotKept", "said": "its transaction was not committed"})
        return answer

    async def _is_kept(self, revision: str) -> bool:
        """Whether Alembic's table has the revision, in whichever schema env.py keeps it."""
        for row in await self._connection.fetch(_VERSIONS, self._versions):
            text = f"SELECT version_num::text FROM {quoted(row[0])}"
            if revision in {row[0] for row in await self._connection.fetch(text)}:
                return True
        return False

    async def helped(self, answer: Answer) -> bool:
        """Whether a role was what an action failed for, and it would not fail for it again."""
        said = answer.error["said"] if answer.error else ""
        for pattern, text in _ROLES:
            if found := pattern.search(said):
                role = found[1].replace('"', '""')
                try:
                    await self._connection.execute(text.format(role=role, other=secrets.token_hex(8)))
                except asyncpg.PostgresError:
                    return False
                return True
        return False


class Bench:
    """The database without made rows, which goes along with the revisions, and copies of it with rows."""

    def __init__(
        self, tools: Tools, name: str = "", versions: str = "", stands: Snapshot | None = None
    ) -> None:
        self._tools, self._name, self._versions = tools, name, versions
        self._is_ours = False
        self._behind: list[str] = []
        self.stands = stands or Snapshot(())

    async def begin(self, lower: Iterable[str]) -> Answer:
        """An empty database, brought to the revisions below."""
        self._name, self._is_ours = await self._tools.databases.create(), True
        session = self._tools.session
        await session.place(
            self._tools.databases.url(self._name, self._tools.driver), plain=self._tools.plain
        )
        answer = await session.ask("stands")
        if answer.error is not None:
            return answer
        self._versions = answer.result["table"]
        answer = await self._reached(list(lower))
        if answer.error is None:
            async with self._opened(self._name) as base:
                self.stands = (await base.state(rows=False)).schema
        return answer

    def again(self) -> "Bench":
        """Another bench that starts where this one does; this one's database stays as it is."""
        return Bench(self._tools, self._name, self._versions, self.stands)

    async def run(self, plan: Plan, only: Snapshot | None) -> Measured:
        """Run one revision: with rows; without where it fails on them. `only`: rows are made for these tables alone.

        The next revision goes on from here.
        """
        began = time.monotonic()
        found = await self._caught_up() or await self._tried(plan, only)
        return replace(found, seconds=time.monotonic() - began)

    async def _tried(self, plan: Plan, only: Snapshot | None) -> Measured:
        rich = await self._with_rows(self._name, plan, only, None, plain=False)
        if rich.with_rows is None:
            self._behind.append(plan.revision)
            return rich
        if rich.with_rows.kind in ENDED:
            return replace(rich, failure=rich.with_rows)
        return await self._without_rows(plan, only, rich)

    async def _without_rows(self, plan: Plan, only: Snapshot | None, rich: Measured) -> Measured:
        """It fails on some rows: perhaps not on plainer ones; if on any, what is seen without has to do."""
        spare = await self._tools.databases.create(self._name)
        bare = await self._stepped(plan.revision)
        if bare.after is None:
            self._name = spare  # what is left of it in the other one is no state to go on from
            return bare
        found = await self._with_rows(spare, plan, only, bare.after.schema, plain=True)
        if found.with_rows is None:
            return replace(found, with_rows=rich.with_rows)
        async with self._opened(spare) as copy:
            await copy.act("upgrade", plan.revision)
            return await _there_and_back(copy, replace(bare, with_rows=found.with_rows), plan)

    async def _stepped(self, revision: str) -> Measured:
        """The upgrade of the database without made rows."""
        if not self._is_ours:
            self._name, self._is_ours = await self._tools.databases.create(self._name), True
        async with self._opened(self._name) as base:
            before = await base.state()
            up = await base.act("upgrade", revision)
            failed = _failure(up)
            after = None if failed else await base.state()
        return Measured(before, after, _records(up), failed)

    async def _caught_up(self) -> Measured | None:
        """The upgrades that worked with rows, also without; the failure of one that does not."""
        while self._behind:
            bare = await self._stepped(self._behind.pop(0))
            if bare.failure is not None:
                return bare
        return None

    async def _with_rows(
        self, source: str, plan: Plan, only: Snapshot | None, later: Snapshot | None, *, plain: bool
    ) -> Measured:
        """Up, down and up again on a copy with rows; with `with_rows` when the first upgrade fails there."""
        name = await self._tools.databases.create(source)
        async with self._opened(name) as copy:
            found = await _through(copy, plan, only, later, plain=plain)
        await self._tools.databases.drop(name)
        return found

    async def _reached(self, lower: list[str]) -> Answer:
        answer = await self._tools.session.ask("reach", lower)
        async with self._opened(self._name) as base:
            while await base.helped(answer):
                answer = await self._tools.session.ask("reach", lower)
        return answer

    @asynccontextmanager
    async def _opened(self, name: str) -> AsyncIterator[Copy]:
        async with self._tools.databases.connected(name) as connection:
            yield Copy(self._tools, name, self._versions, connection)


async def _through(
    copy: Copy, plan: Plan, only: Snapshot | None, later: Snapshot | None, *, plain: bool
) -> Measured:
    empty = await copy.fill(only, later, plain=plain)
    before = await copy.state()
    taken = await copy.refused(before.schema, before.schema, only)
    up = await copy.act("upgrade", plan.revision)
    if up.error is not None:
        return Measured(before, None, with_rows=_failure(up))
    after = await copy.state()
    refused_now = await copy.refused(before.schema, after.schema, only)
    new = tuple((table, said) for table, said in refused_now.items() if table not in taken)
    found = Measured(before, after, _records(up), filled=True, empty=tuple(empty), refused=new)
    return await _there_and_back(copy, found, plan)


async def _there_and_back(copy: Copy, measured: Measured, plan: Plan) -> Measured:
    if not plan.downgrade:
        return measured
    down = await copy.act("downgrade", plan.revision)
    if down.error is not None:
        return replace(measured, down_failure=_failure(down))
    measured = replace(measured, back=await copy.state())
    again = await copy.act("upgrade", plan.revision)
    failed = _failure(again)
    return replace(measured, again=None if failed else await copy.state(rows=False), again_failure=failed)


def _records(answer: Answer) -> tuple[Record, ...]:
    return tuple(record(found) for found in answer.statements)


def _failure(answer: Answer) -> Failure | None:
    if answer.error is None:
        return None
    error = answer.error
    return Failure(error["said"], error["kind"], error.get("sqlstate"), error.get("statement") or "")
