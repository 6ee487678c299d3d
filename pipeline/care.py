"""Care: what is in service stays in service between releases, also after the machine was restarted.

While a release is under way its own stages look after their environment; care keeps its hands off.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from pipeline import bundles, snapshot
from pipeline.context import Ports
from pipeline.errors import PipelineError
from pipeline.models import Release
from pipeline.ports import DeployTarget
from pipeline.store import Database

log = structlog.get_logger()

LONGEST_PAUSE = 300.0
"""Seconds between two attempts to revive what dies again and again."""


@dataclass
class Care:
    """Looks after the environments of all products; called by the clock."""

    db: Database
    ports: Callable[[str], Ports]
    _failures: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    async def look_after(self, product: str) -> None:
        """Keep the routers alive; with no release under way, start again what should run and does not."""
        async with self.db.reading() as session:
            busy = await snapshot.active_release(session, product) is not None
        for where, target in self.ports(product).targets.items():
            if self._resting(product, where):
                continue
            try:
                await target.heal()
                if not busy:
                    await self._revive(product, where, target)
            except PipelineError as error:
                self._rest(product, where)
                log.warning("care: needs help", product=product, environment=where, error=str(error))
            else:
                self._failures.pop((product, where), None)

    async def _revive(self, product: str, where: str, target: DeployTarget) -> None:
        missing = await target.missing()
        if not missing:
            return
        log.warning(
            "care: starting again what should run", product=product, environment=where, missing=missing
        )
        await target.reconcile()
        live = (await target.status()).live
        if live is None:
            return
        async with self.db.reading() as session:
            release = await session.get(Release, live.release_id)
        if release is not None:
            await target.prepare(await bundles.bundle(self.db, self.ports(product), release, where))

    def _resting(self, product: str, where: str) -> bool:
        return time.monotonic() < self._failures.get((product, where), (0, 0.0))[1]

    def _rest(self, product: str, where: str) -> None:
        """Twice as long after each failure in a row."""
        count = self._failures.get((product, where), (0, 0.0))[0] + 1
        pause = min(2.0 ** min(count, 10), LONGEST_PAUSE)
        self._failures[product, where] = count, time.monotonic() + pause
