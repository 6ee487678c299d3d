"""The outbox: every message that people should see, until it was seen to be sent. The release never waits for it.

A message is a topic of a release, or of a product. What is sent is the state at the time of sending, so that
many changes are one edit. Its intent is committed before a post; a sender that died in between is
noticed (`in_doubt`), and the next one looks for the message before it posts again.
"""

import asyncio
import contextlib
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import enclosed, pacing
from pipeline.due import by_mail, contents, next_due, silent
from pipeline.errors import StoreError
from pipeline.events import CARD, EVIDENCE
from pipeline.lease import MARGIN, suspended_clock
from pipeline.models import Delivery, Release
from pipeline.pacing import Pace, Rate
from pipeline.parcel import NeverSent, NotNow, Parcel, Sender, Sent
from pipeline.ports import Clock
from pipeline.snapshot import Snapshot
from pipeline.store import Database

log = structlog.get_logger()

SENDING = 10.0
"""Seconds a message is held without a sign of life from its sender; then another looks after it."""
LONGEST = 24.0
"""Seconds that one attempt may take: more than a call to the platform may (bot/app.py)."""
AT_ONCE = 4
"""Messages being sent at the same time; of one release (or product) only one, so that they arrive in order."""
POLL = 0.5
LONGEST_PAUSE = timedelta(minutes=5)
"""The most that a failing message waits for its next attempt."""
BETWEEN_EDITS = {True: timedelta(seconds=1), False: timedelta(seconds=5)}
"""Between two edits of one message: urgent ones (asked of people), and the rest."""


class Outbox:
    """Sends what is wanted and not yet sent, at the `pace` of the platform (without one: as fast as it goes).

    With `mails` it sends what goes by e-mail, and only that: a slow mail server holds up no message.
    """

    def __init__(
        self,
        db: Database,
        sender: Sender,
        clock: Clock,
        owner: str,
        pace: Pace | None = None,
        *,
        mails: bool = False,
    ) -> None:
        self.db, self.sender, self.clock, self.pace, self.mails = db, sender, clock, pace, mails
        self.owner = f"{owner}:mail" if mails else owner
        self._due = next_due(db.now, mails=mails)
        self._due_unlocked = self._due.with_for_update(skip_locked=True)
        self._nudged = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sending: set[int] = set()
        self._kept_at = 0.0
        self._stopping = False

    def nudge(self) -> None:
        self._nudged.set()

    async def run(self) -> None:
        """Send until `stop`."""
        with contextlib.suppress(StoreError):
            await self._try_again()
        while not self._stopping:
            self._nudged.clear()
            started = False
            try:
                await self._keep()
                started = len(self._tasks) < AT_ONCE and await self._start_one()
            except StoreError:
                started = False  # the database says so itself, once
            except Exception:
                log.exception("outbox: could not look; looking again")
            if not started:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._nudged.wait(), POLL)

    async def _keep(self) -> None:
        """A sign of life for the messages that are being sent."""
        if not self._sending or time.monotonic() - self._kept_at < SENDING / 5:
            return
        mine = select(Delivery.id).where(Delivery.id.in_(self._sending), Delivery.owner == self.owner)
        held = update(Delivery).where(Delivery.id.in_(mine.with_for_update(skip_locked=True)))
        async with self.db.transaction(urgent=True) as session:
            longer = held.values(lease_until=self.db.now + SENDING)
            await session.execute(longer.execution_options(synchronize_session=False))
        self._kept_at = time.monotonic()

    async def _try_again(self) -> None:
        """At a start the token or the channel may be mended: what is still worth telling gets another try."""
        async with self.db.transaction() as session:
            now = self.clock()
            again = (
                update(Delivery).where(silent(now), by_mail(self.mails)).values(given_up=None, next_at=now)
            )
            await session.execute(again.execution_options(synchronize_session=False))

    async def stop(self) -> None:
        """Let messages under way arrive (at most five seconds), then stop."""
        self._stopping = True
        self._nudged.set()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=5)
        for task in list(self._tasks.values()):
            self.db.cancel(task)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        with contextlib.suppress(StoreError):
            await self._give_back()

    async def _give_back(self) -> None:
        """What was interrupted stays in doubt, and a peer looks after it at once."""
        unsent = (Delivery.sent < Delivery.wanted, Delivery.given_up.is_(None))
        mine = update(Delivery).where(Delivery.owner == self.owner, *unsent)
        async with self.db.transaction() as session:
            freed = mine.values(owner=None, lease_until=0.0)
            await session.execute(freed.execution_options(synchronize_session=False))

    async def idle(self) -> bool:
        """Whether nothing is waiting to be sent."""
        async with self.db.reading() as session:
            unsent = (Delivery.sent < Delivery.wanted, Delivery.given_up.is_(None), by_mail(self.mails))
            next_one = select(Delivery.id).where(*unsent).order_by(Delivery.next_at).limit(1)
            return not self._tasks and await session.scalar(next_one) is None

    # -------------------------------------------------------------- one message

    async def _start_one(self) -> bool:
        now_and_busy = {"now": self.clock(), "busy": list(self._tasks)}
        async with self.db.reading() as session:
            if await session.scalar(self._due, now_and_busy) is None:
                return False
        parcel = await self._take(now_and_busy)
        if parcel is None:
            return False
        if self._stopping:
            await self._record(parcel, posting=parcel.in_doubt)
            return False
        task = asyncio.create_task(self._deliver(parcel), name=f"send {parcel.topic}")
        self._tasks[parcel.about] = task
        task.add_done_callback(lambda _: self._done(parcel.about))
        return True

    def _done(self, about: str) -> None:
        self._tasks.pop(about, None)
        self._nudged.set()

    async def _take(self, now_and_busy: dict[str, Any]) -> Parcel | None:
        deadline = suspended_clock() + SENDING * MARGIN
        row = await self._lease(now_and_busy)
        if row is None:
            return None
        # Outside of the transaction: stages wait for it to end, and what is newer is only better to show.
        async with self.db.reading() as session:
            found, card_ts = await contents(session, row)
        if found is None:
            return None
        state = (row.channel, row.ts, card_ts, row.posting, row.wanted, row.sent)
        return Parcel(row.id, row.topic, found, *state, deadline)

    async def _lease(self, now_and_busy: dict[str, Any]) -> Delivery | None:
        """Take the message that is due, or put it off until it can be paid for; its row as it was before."""
        async with self.db.transaction() as session:
            row: Delivery | None = await session.scalar(self._due_unlocked, now_and_busy)
            if row is None:
                return None
            free_at = await self._pay(session, row)
            taken = {"owner": self.owner, "posting": True, "lease_until": self.db.now + SENDING}
            await session.execute(
                update(Delivery)
                .where(Delivery.id == row.id)
                .values({"next_at": free_at} if free_at else taken)
                .execution_options(synchronize_session=False)
            )
        if free_at:
            self.nudge()  # something else may be due, and paid from another budget
            pause = (free_at - self.clock()) / timedelta(seconds=1)
            asyncio.get_running_loop().call_later(pause, self.nudge)
        return None if free_at else row

    async def _pay(self, session: AsyncSession, row: Delivery) -> datetime | None:
        if self.pace is None:
            return None
        return await pacing.reserve(session, *await self._budget(session, row, self.pace), self.clock())

    async def _budget(self, session: AsyncSession, row: Delivery, pace: Pace) -> tuple[str, Rate]:
        """What pays for the message. A first post goes to its release's channel."""
        channel = row.channel or (await session.get_one(Release, row.release_id)).channel
        return pace.of(channel, is_post=row.ts is None)

    async def _deliver(self, parcel: Parcel) -> None:
        bound = log.bind(about=parcel.about, topic=parcel.topic)
        whose = {"release": parcel.about} if isinstance(parcel.shown, Snapshot) else {}
        self._sending.add(parcel.id)
        try:
            with structlog.contextvars.bound_contextvars(**whose):
                await self._attempt(parcel, bound)
        except (StoreError, TimeoutError) as error:
            bound.warning("outbox: not sent or not recorded, the lease ends by itself", error=str(error))
        finally:
            self._sending.discard(parcel.id)

    async def _attempt(self, parcel: Parcel, bound: Any) -> None:
        """Send, and record how it went. Raises StoreError or TimeoutError, after which nobody knows."""
        try:
            async with asyncio.timeout(LONGEST):
                sent = await self.sender.send(parcel)
            await self._record_sent(parcel, sent)
        except NotNow as later:
            bound.info("outbox: later", seconds=later.seconds, why=later.why)
            await self._record_later(parcel, later.seconds)
            if later.everybody and later.seconds is not None and self.pace:
                await self._pause_all(parcel, later.seconds, self.pace)
        except NeverSent as never:
            (bound.warning if parcel.file else bound.error)("outbox: cannot be delivered", why=never.why)
            await self._record(parcel, given_up=never.why, posting=False)
            await enclosed.lost(self.db, parcel)
        except (StoreError, TimeoutError):
            raise
        except Exception:
            bound.exception("outbox: the message could not be made")
            await self._record_later(parcel, None)

    async def _record_sent(self, parcel: Parcel, sent: Sent | None) -> None:
        urgent = not parcel.topic.startswith((CARD, EVIDENCE, "note"))
        next_at = self.clock() + BETWEEN_EDITS[urgent]
        where = {"channel": sent.channel, "ts": sent.ts} if sent else {}
        sending = {"sent": parcel.wanted, "posting": False, "attempts": 0, "next_at": next_at, **where}
        if sent and sent.files:  # before the message counts as sent: a kill in between does both again
            await enclosed.want(self.db, parcel, sent.files, self.clock())
        if not await self._record(parcel, **sending):
            await self._show_again(parcel)

    async def _show_again(self, parcel: Parcel) -> None:
        """Another bot sent it while we stood still; what we showed last may be older than what it showed."""
        async with self.db.transaction() as session:
            newer = (Delivery.id == parcel.id, Delivery.sent > parcel.sent)
            await session.execute(update(Delivery).where(*newer).values(sent=parcel.sent))

    async def _record_later(self, parcel: Parcel, seconds: float | None) -> None:
        """Wait as the platform says; without its word twice as long each time."""
        async with self.db.reading() as session:
            attempts = 1 + (
                await session.scalar(select(Delivery.attempts).where(Delivery.id == parcel.id)) or 0
            )
        pause = timedelta(seconds=seconds if seconds is not None else 2 ** min(attempts, 8))
        next_at = self.clock() + min(pause, LONGEST_PAUSE)
        await self._record(parcel, attempts=attempts, next_at=next_at)

    async def _pause_all(self, parcel: Parcel, seconds: float, pace: Pace) -> None:
        """Spare the other messages, and the other bots, the same answer."""
        until = self.clock() + min(timedelta(seconds=seconds), LONGEST_PAUSE)
        async with self.db.transaction() as session:
            await pacing.pause(session, *pace.of(parcel.home, parcel.ts is None), until)

    async def _record(self, parcel: Parcel, **values: Any) -> bool:
        """Write down how it went and let go; False when it is another's by now."""
        values |= {"owner": None, "lease_until": 0.0}
        async with self.db.transaction() as session:
            mine = (Delivery.id == parcel.id, Delivery.owner == self.owner)
            done = await session.execute(update(Delivery).where(*mine).values(values).returning(Delivery.id))
            return done.one_or_none() is not None
