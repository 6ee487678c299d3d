"""Judges migrations by trying them on scratch databases (ports.MigrationJudge)."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from pipeline.adapters.shadow.court import Court
from pipeline.adapters.shadow.databases import scratch
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.errors import CommandError, DatabaseError
from pipeline.ports import Judgement, JudgeOrder

log = structlog.get_logger()

DEAD = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
"""What a connection raises whose server is gone."""


class ShadowJudge:
    """`keeper` has the server to try them on. `python` has the product's dependencies and Alembic."""

    def __init__(self, keeper: Keeper, *, python: str = sys.executable) -> None:
        self._keeper, self._python = keeper, python

    async def judge(self, order: JudgeOrder) -> Judgement:
        """Verdicts on what lies between `lower` and `upper`. A server that dies meanwhile is started anew, once."""
        try:
            return await self._judge(order)
        except (*DEAD, DatabaseError) as error:
            if not await self._keeper.died():
                raise
            if not await self._keeper.renewed():
                if isinstance(error, DatabaseError):
                    raise
                raise DatabaseError(
                    f"The PostgreSQL server to try migrations on is gone: {error or 'the connection was lost'}."
                    " Next: look at that server, and try again."
                ) from error
            log.warning("migrations: the server to try them on was gone; once more", error=str(error))
        return await self._judge(order)

    async def _judge(self, order: JudgeOrder) -> Judgement:
        async with self.opened(order) as court:
            return await court.judge(order.lower, order.upper)

    @asynccontextmanager
    async def opened(self, order: JudgeOrder) -> AsyncIterator[Court]:
        """A court for one product, which can judge several ranges of its revisions. Raises DatabaseError."""
        url = await self._keeper.url() if order.backend == "postgresql" else None
        court = Court(order, self._python, url, self._keeper)
        try:
            await court.session.start()
        except CommandError as error:
            raise DatabaseError(
                f"Alembic could not read the migrations: {error}."
                " Next: look whether its configuration is right, and Alembic installed for this Python."
            ) from error
        try:
            if url is None:
                yield court
            else:
                async with scratch(url) as databases:
                    court.databases = databases
                    yield court
        finally:
            await court.session.stop()
