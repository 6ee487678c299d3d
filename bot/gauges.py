"""What the bot tells Prometheus about itself; read from its database by the clock, not by a scrape."""

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import func, select

from pipeline.models import Delivery, Inbox, Release
from pipeline.parcel import FILE
from pipeline.states import ReleaseStatus
from pipeline.store import Database


class Gauges:
    """Releases by status, messages and requests waiting, connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.releases = Gauge("releasebot_releases", "Releases by status", ["status"], registry=registry)
        self.unsent = Gauge(
            "releasebot_messages_unsent", "Messages wanted and not yet sent", registry=registry
        )
        self.given_up = Gauge(
            "releasebot_messages_given_up", "Messages that cannot be sent", registry=registry
        )
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
            self.unsent.set(await session.scalar(unsent.where(Delivery.given_up.is_(None))) or 0)
            given_up = unsent.where(Delivery.given_up.is_not(None), Delivery.topic.not_like(f"%{FILE}%"))
            self.given_up.set(await session.scalar(given_up) or 0)
            waiting = select(func.count()).select_from(Inbox).where(Inbox.handled_at.is_(None))
            self.unanswered.set(await session.scalar(waiting) or 0)
        for status in ReleaseStatus:
            self.releases.labels(status.value).set(by_status.get(status, 0))
