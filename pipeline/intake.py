"""The intake: requests that arrive together are stored together, each before its own acknowledgement.

One commit costs as much for two hundred requests as for one; a burst is therefore recorded in a few of them.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.inbox import LEASE
from pipeline.models import Inbox
from pipeline.outage import unanswered
from pipeline.ports import Clock
from pipeline.store import PATIENCE, Database

MOST = 200
"""Requests stored in one transaction."""


@dataclass
class _Arrival:
    """A request on its way into the database. `late`: its sender was told that it was not recorded."""

    values: dict[str, Any]
    stored: asyncio.Future[int | None]
    late: bool = False

    def fail(self, error: Exception) -> None:
        if not self.stored.done():
            self.stored.set_exception(error)
            self.stored.exception()  # its sender may have gone away: then nobody else looks


class Intake:
    """Stores requests for `owner`, who then holds them by a lease (pipeline.inbox)."""

    def __init__(self, db: Database, owner: str, clock: Clock) -> None:
        self.db, self.owner, self.clock = db, owner, clock
        self._arrived: list[_Arrival] = []
        self._storing: asyncio.Task[None] | None = None

    async def receive(self, kind: str, dedup: str, payload: dict[str, Any]) -> int | None:
        """Store a request; its row's id, or None when it was stored before (a doubled delivery).

        Raises StoreError when the database does not answer in time for an acknowledgement. What was not
        recorded in the sender's eyes is never done.
        """
        values = {"kind": kind, "dedup": dedup, "payload": payload, "received_at": self.clock()}
        arrival = _Arrival(values | {"owner": self.owner}, asyncio.get_running_loop().create_future())
        self._arrived.append(arrival)
        if self._storing is None or self._storing.done():
            self._storing = self.db.minded(self._store())
        await asyncio.wait({arrival.stored}, timeout=PATIENCE)
        if arrival.stored.done():
            return arrival.stored.result()
        arrival.late = True
        self.db.outage.failed(f"no answer within {PATIENCE:g} seconds", writing=True)
        raise unanswered(self.db.outage.why)

    async def _store(self) -> None:
        while self._arrived:
            taken: list[_Arrival] = []
            try:
                rows = await self._insert(taken)
                await self._forget(
                    [rows[a.values["dedup"]] for a in taken if a.late and a.values["dedup"] in rows]
                )
            except Exception as error:
                for arrival in taken or self._take():
                    arrival.fail(error)
                continue
            for arrival in taken:
                if not arrival.stored.done():
                    arrival.stored.set_result(rows.pop(arrival.values["dedup"], None))

    def _take(self) -> list[_Arrival]:
        """The next ones, without those that nobody waits for any more."""
        waiting = [arrival for arrival in self._arrived if not arrival.late]
        self._arrived = waiting[MOST:]
        return waiting[:MOST]

    async def _insert(self, taken: list[_Arrival]) -> dict[str, int]:
        """Insert what has arrived by the time that the database is ours; the new rows' ids."""
        into = sqlite.insert(Inbox) if self.db.sqlite else postgresql.insert(Inbox)
        new = into.values(lease_until=self.db.now + LEASE).on_conflict_do_nothing(index_elements=["dedup"])
        async with self.db.transaction(urgent=True) as session:
            await session.connection()  # here a writer waits for its turn, and others come along
            taken += self._take()
            if not taken:
                return {}
            values = [arrival.values for arrival in taken]
            inserted = await session.execute(new.returning(Inbox.dedup, Inbox.id), values)
            return dict(iter(inserted))  # a result has keys() of its own: dict() would take it for a mapping

    async def _forget(self, rows: list[int]) -> None:
        """The commit itself was slow: these were refused meanwhile."""
        if rows:
            async with self.db.transaction() as session:
                await session.execute(delete(Inbox).where(Inbox.id.in_(rows)))
