"""The metronome: APScheduler looks at what is due; durable time itself is a column in the database."""

from collections.abc import Awaitable, Callable

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from pipeline.errors import StoreError

log = structlog.get_logger()

Job = Callable[[], Awaitable[None]]


class Metronome:
    """Calls jobs again and again, each never twice at once. Nothing is lost when a beat is missed."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def every(self, seconds: float, job: Job, name: str) -> None:
        """Call `job` every so many seconds; its errors are logged and the beat goes on."""

        async def guarded() -> None:
            try:
                await job()
            except StoreError:
                return  # the database says so itself, once
            except Exception:
                log.exception("clock: a job failed", job=name)

        trigger = IntervalTrigger(seconds=seconds)
        self._scheduler.add_job(
            guarded, trigger, id=name, max_instances=1, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)
