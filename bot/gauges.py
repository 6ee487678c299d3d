"""What the bot tells Prometheus about itself; read from its database by the clock, not by a scrape."""

from prometheus_client import CollectorRegistry, Gauge, Histogram
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.due import by_mail
from pipeline.models import Delivery, Event, Inbox, Release, StageRun
from pipeline.parcel import FILE
from pipeline.states import ReleaseStatus
from pipeline.store import Database

STAGE_ENDS = ("stage_succeeded", "stage_failed", "stage_skipped")
BUCKETS = (0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 86400)
"""Seconds: from a stage that only looks to one that waits for people a day."""
MOST_STAGES = 1000
"""Stages' ends that are counted at one look; the rest at the next."""


class Gauges:
    """Releases by status, how long stages took, messages, e-mails and requests waiting, connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.releases = Gauge("releasebot_releases", "Releases by status", ["status"], registry=registry)
        self.unsent = Gauge(
            "releasebot_messages_unsent", "Messages wanted and not yet sent", registry=registry
        )
        self.given_up = Gauge(
            "releasebot_messages_given_up", "Messages that cannot be sent", registry=registry
        )
        self.mails = Gauge("releasebot_mails_unsent", "E-mails wanted and not yet sent", registry=registry)
        self.stages = Histogram(
            "releasebot_stage_seconds",
            "How long stages took, from their beginning to their end, waiting included",
            ["stage", "outcome"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._counted: int | None = None
        self.unanswered = Gauge(
            "releasebot_requests_unanswered", "Requests not yet answered", registry=registry
        )
        self.sockets = Gauge("releasebot_socket_connections", "Socket Mode connections up", registry=registry)

    async def read(self, db: Database, sockets: int) -> None:
        """Take the figures of now."""
        self.sockets.set(sockets)
        async with db.reading() as session:
            counted = await session.execute(select(Release.status, func.count()).group_by(Release.status))
            by_status = dict(iter(counted))
            unsent = select(func.count()).where(Delivery.sent < Delivery.wanted)
            open_ = unsent.where(Delivery.given_up.is_(None))
            self.unsent.set(await session.scalar(open_.where(by_mail(False))) or 0)
            self.mails.set(await session.scalar(open_.where(by_mail(True))) or 0)
            given_up = unsent.where(Delivery.given_up.is_not(None), Delivery.topic.not_like(f"%{FILE}%"))
            self.given_up.set(await session.scalar(given_up) or 0)
            waiting = select(func.count()).select_from(Inbox).where(Inbox.handled_at.is_(None))
            self.unanswered.set(await session.scalar(waiting) or 0)
            await self._count_stages(session)
        for status in ReleaseStatus:
            self.releases.labels(status.value).set(by_status.get(status, 0))

    async def _count_stages(self, session: AsyncSession) -> None:
        """The stages that ended since the last look, as their events tell; at the first look none."""
        newest = await session.scalar(select(func.max(Event.id))) or 0
        since, self._counted = self._counted, newest
        if since is None or since == newest:
            return
        ended = select(Event.id, Event.release_id, Event.kind, Event.payload)
        ended = ended.where(Event.id > since, Event.id <= newest, Event.kind.in_(STAGE_ENDS))
        rows = list(await session.execute(ended.order_by(Event.id).limit(MOST_STAGES)))
        if len(rows) == MOST_STAGES:
            self._counted = rows[-1].id
        for row in rows:
            said = row.payload
            run = await session.scalar(_run(row.release_id, said["stage"], said["generation"]))
            if run is not None and run.finished_at is not None:
                seconds = (run.finished_at - run.started_at).total_seconds()
                self.stages.labels(run.name, row.kind.removeprefix("stage_")).observe(seconds)


def _run(release_id: str, stage: str, generation: int) -> Select[StageRun]:
    """One attempt of a stage, by its unique name."""
    mine = (StageRun.release_id == release_id, StageRun.name == stage, StageRun.generation == generation)
    return select(StageRun).where(*mine)
