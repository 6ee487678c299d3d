"""Refusals in the audit log: each as it was, and never more of one person than a log should hold."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import audit
from pipeline.audit import NO_PRODUCT, Draft
from pipeline.errors import Refused
from pipeline.models import Release
from pipeline.policy import Actor
from pipeline.ports import Clock
from pipeline.store import Database

MOST = 10
"""Refusals of one person within a minute that have an entry each; the rest are counted in one."""
MINUTE = 60.0
FACT, TYPED = 300, 200
"""Characters kept of a refusal's fact, and of what was typed."""
UNWRITTEN = frozenset({"database_gone", "not_recorded"})
"""Refusals that say that the database does not answer: there is nowhere to write them."""


@dataclass(frozen=True)
class Asked:
    """What was refused: the command, control or form by name, what was typed, and what it was about."""

    name: str
    typed: str = ""
    product: str = NO_PRODUCT
    release: str = ""


@dataclass
class _Minute:
    """What one person was refused since `began` (a monotonic clock), and `at`, by everybody's clock."""

    actor: Actor
    began: float
    at: datetime
    written: int = 0
    counted: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self.began >= MINUTE


class Refusals:
    """Writes this process's refusals. What is only counted is written by `tick`, and at the end by `close`."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db, self.clock = db, clock
        self._minutes: dict[tuple[str, str], _Minute] = {}
        self._due: list[Draft] = []

    async def record(self, actor: Actor, refusal: Refused, asked: Asked) -> None:
        """Keep that a person was refused, or count it when there were many. Raises StoreError."""
        if refusal.code in UNWRITTEN:
            return
        minute = self._minute(actor)
        if minute.written >= MOST:
            minute.counted.setdefault(asked.product, Counter())[refusal.code] += 1
            return
        minute.written += 1
        async with self.db.transaction() as session:
            await audit.append(session, [await _entry(session, actor, refusal, asked, self.clock())])

    async def tick(self) -> None:
        """Write what was counted in minutes that are over. Raises StoreError."""
        for minute in list(self._minutes.values()):
            if minute.is_over:
                self._end(minute)
        await self._write()

    async def close(self) -> None:
        """Write everything that was counted. Raises StoreError."""
        for minute in list(self._minutes.values()):
            self._end(minute)
        await self._write()

    def _minute(self, actor: Actor) -> _Minute:
        minute = self._minutes.get((actor.team, actor.user))
        if minute is not None and minute.is_over:
            self._end(minute)
            minute = None
        if minute is None:
            minute = _Minute(actor, time.monotonic(), self.clock())
            self._minutes[actor.team, actor.user] = minute
        return minute

    def _end(self, minute: _Minute) -> None:
        del self._minutes[minute.actor.team, minute.actor.user]
        self._due += [self._count(minute, product, codes) for product, codes in minute.counted.items()]

    def _count(self, minute: _Minute, product: str, codes: Counter[str]) -> Draft:
        said = {"times": codes.total(), "codes": dict(codes), "since": audit.moment(minute.at)}
        return _draft(minute.actor, "requests_refused", product, self.clock(), said)

    async def _write(self) -> None:
        """One at a time, so that nobody waits for a product while holding another's chain."""
        while self._due:
            draft = self._due.pop()
            try:
                async with self.db.transaction() as session:
                    await audit.append(session, [draft])
            except Exception:
                self._due.append(draft)
                raise


async def _entry(session: AsyncSession, actor: Actor, refusal: Refused, asked: Asked, at: datetime) -> Draft:
    """A refusal names the release that was meant, where there is such a one; its product goes before the channel's."""
    about = await session.get(Release, asked.release) if asked.release else None
    payload = {
        "code": refusal.code,
        "facts": {name: str(fact)[:FACT] for name, fact in refusal.facts.items()},
        "asked": asked.name[:FACT],
        "typed": asked.typed[:TYPED],
    }
    return _draft(actor, "request_refused", about.product if about else asked.product, at, payload, about)


def _draft(
    actor: Actor,
    kind: str,
    product: str,
    at: datetime,
    payload: Mapping[str, object],
    release: Release | None = None,
) -> Draft:
    return Draft(product, kind, at, actor.user, payload, actor.team, actor.source, actor.origin, release)
