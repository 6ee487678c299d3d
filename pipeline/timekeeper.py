"""What the clock does: it ends locks and freezes whose time is over, and makes releases of wishes whose time has come.

Every bot looks; what is found is claimed by a row like everything else. A wish becomes a release in the transaction in
which the release begins: whoever dies in between, it has begun once or not at all.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from pipeline import locking, openness, wishes
from pipeline.errors import PipelineError, Refused, StoreError
from pipeline.events import CLOCK
from pipeline.models import Lock, Release
from pipeline.models_time import Wish
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.states import ReleaseStatus, WishStatus, move_wish

log = structlog.get_logger()

HOLD = 60.0
"""Seconds that a wish is held by whoever is about to start it. Two at once would only do the work twice."""
PAUSE = timedelta(minutes=1)
"""Before a wish is tried again that could not be looked into: the repository or the chat platform did not answer."""
ANOTHER = frozenset({"already_running", "behind"})
"""Codes that say: another release of the product comes first."""
WENT_WRONG = (ReleaseStatus.FAILED, ReleaseStatus.ROLLED_BACK)


class Timekeeper:
    """Looks when the clock calls. Products do not wait for each other."""

    def __init__(self, service: Service, owner: str) -> None:
        self.service, self.db, self.owner = service, service.db, owner
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def look(self) -> None:
        """See what is due; what takes long goes on in the background. Raises StoreError."""
        now, products = self.service.clock(), list(self.service.config.products)
        async with self.db.reading() as session:
            over = await locking.over(session, products, now)
            due = list(await session.scalars(_due(now).where(Wish.product.in_(products))))
        for product in over:
            await locking.end_what_is_over(self.service, product)
        for product in due:
            if product not in self._busy:
                self._begin(product)

    def _begin(self, product: str) -> None:
        task = asyncio.create_task(self._guarded(product), name=f"wishes of {product}")
        self._busy[product] = task
        task.add_done_callback(lambda _: self._busy.pop(product, None))

    async def _guarded(self, product: str) -> None:
        try:
            await self.see_to(product)
        except StoreError:
            return  # the database says so itself, once
        except Exception:
            log.exception("timekeeper: could not see to a product's wishes", product=product)

    async def settle(self) -> None:
        """Wait until what is under way has ended."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Leave what is under way to the next start, or to another bot."""
        for task in list(self._busy.values()):
            self.db.cancel(task)
        await self.settle()

    # -------------------------------------------------------------- one product

    async def see_to(self, product: str) -> None:
        """Halt what may not go on, say what waits, start what can start: one release at most."""
        async with self.db.reading() as session:
            waiting = await _waiting(session, product)
            failed = await _failed(session, product, waiting)
        if failed is not None:
            await self._halt_all(product, failed)
            return
        now = self.service.clock()
        late = [wish for wish in waiting if self._is_late(wish, now)]
        for wish in late:
            await self._halt_late(wish)
        due = [wish for wish in waiting if wish not in late and wish.ready_at <= now]
        if due:
            await self._serve(due)

    def _is_late(self, wish: Wish, now: datetime) -> bool:
        """Its time came while no bot was there to see it: by now it may not be what people want."""
        if wish.due_at is None or wish.code:
            return False
        return now - max(wish.due_at, wish.since) > self.service.product(wish.product).schedule_grace

    async def _serve(self, due: Sequence[Wish]) -> None:
        """Start the first, if nothing that the bot knows keeps it out; the others wait behind it."""
        first, product, now = due[0], self.service.product(due[0].product), self.service.clock()
        for wish in due[1:]:
            if wish.due_at is not None and not wish.code:
                await self._wait(wish, Refused("behind", version=first.version))
        async with self.db.reading() as session:
            closed = await openness.taken(session, first.product, product, first.version, now)
            closed = closed or await openness.frozen(session, first.product, product, first.version, now)
        if closed is None and first.look_at <= now:
            await self._start(first)
        elif closed is not None and (first.code, first.facts) != (closed.code, closed.facts):
            await self._wait(first, closed)

    async def _start(self, wish: Wish) -> None:
        if not await self._claim(wish):
            return
        actor = Actor(
            wish.actor, wish.team, wish.channel, "schedule" if wish.due_at else "queue", wish.origin
        )
        channel = self.service.product(wish.product).channel

        async def fulfil(session: AsyncSession, release: Release) -> None:
            row = await _still_waiting(session, wish.id)
            if row is None or await _failed(session, wish.product, [row]):
                raise Refused("wish_over", version=wish.version, state="")
            move_wish(row, WishStatus.STARTED)
            row.release_id, row.ended_at = release.id, self.service.clock()
            topics = await wishes.messages(session, row)
            await wishes.tell(self.service, session, "wish_started", CLOCK, [row], topics)

        try:
            await self.service.start(
                actor, wish.product, wish.version, wish.ref, channel, wish.id, within=fulfil
            )
        except Refused as refusal:
            await self._refused(wish, refusal)
        except StoreError:
            raise
        except PipelineError as error:
            await self._wait(wish, Refused("trouble", error=str(error)), PAUSE)
        except Exception:
            log.exception("timekeeper: a wish could not be started", wish=wish.id)
            await self._wait(wish, Refused("broken", reference=wish.id[-8:]), PAUSE)

    async def _claim(self, wish: Wish) -> bool:
        """Hold the wish, unless another bot does."""
        free = or_(Wish.owner.is_(None), Wish.owner == self.owner, Wish.lease_until < self.db.now)
        mine = (
            update(Wish)
            .where(Wish.id == wish.id, Wish.status == WishStatus.WAITING, free)
            .values(owner=self.owner, lease_until=self.db.now + HOLD)
            .returning(Wish.id)
            .execution_options(synchronize_session=False)
        )
        async with self.db.transaction() as session:
            return await session.scalar(mine) is not None

    async def _refused(self, wish: Wish, refusal: Refused) -> None:
        """What passes is waited for; the rest ends the wish, and who wanted it is told."""
        if refusal.code == "wish_over":
            return  # in the same moment somebody took it back, or a release failed
        if refusal.code in openness.TEMPORARY:
            await self._wait(wish, refusal, PAUSE)
            return
        async with self.db.transaction() as session:
            row = await _still_waiting(session, wish.id)
            if row is None:
                return
            move_wish(row, WishStatus.REFUSED)
            row.code, row.facts, row.ended_at = refusal.code, refusal.facts, self.service.clock()
            topics = (*await wishes.messages(session, row), wishes.asks_of(row))
            await wishes.tell(self.service, session, "wish_refused", CLOCK, [row], topics)
        self.service.nudge(wish.product)

    async def _wait(self, wish: Wish, refusal: Refused, pause: timedelta = timedelta()) -> None:
        """Write down what it waits for; say so once, and not where being queued says it already.

        What the bot itself knows of is looked at with every beat; the world outside after a pause.
        """
        async with self.db.transaction() as session:
            row = await _still_waiting(session, wish.id)
            if row is None:
                return
            said = _said(row, refusal, is_tried_again=bool(pause))
            row.code, row.facts, row.owner = refusal.code, refusal.facts, None
            row.look_at = self.service.clock() + pause
            if not said:
                await wishes.tell(self.service, session, "wish_waits", CLOCK, [row], (wishes.waits(row),))
        self.service.nudge(wish.product)

    # ------------------------------------------------------------------ halting

    async def _halt_all(self, product: str, failed: Release) -> None:
        async with self.db.transaction() as session:
            waiting = await _waiting(session, product, lock=True)
            if await _failed(session, product, waiting) is None:
                return  # another bot was faster, or a person has let them go on
            facts = {"release": failed.id, "version": failed.version, "status": failed.status.value}
            asks = f"halt:{product}:{ULID()}"
            wishes.halt(waiting, wishes.FAILED, facts, asks)
            await wishes.tell(self.service, session, "wishes_halted", CLOCK, waiting, (asks,))
        self.service.nudge(product)

    async def _halt_late(self, wish: Wish) -> None:
        async with self.db.transaction() as session:
            row = await _still_waiting(session, wish.id)
            if row is None or not self._is_late(row, self.service.clock()):
                return
            wishes.halt([row], "too_late", {}, wishes.asks_of(row))
            await wishes.tell(self.service, session, "wish_late", CLOCK, [row], (wishes.asks_of(row),))
        self.service.nudge(wish.product)


# --------------------------------------------------------------------- looking


def _due(now: datetime) -> Select[str]:
    """The products whose wishes want to be seen to: something may start, or has to be said, or a release failed.

    While a release is under way nothing can start; a queue that only waits for it costs nothing.
    """
    busy = exists().where(
        Lock.product == Wish.product, Lock.environment == "production", Lock.release_id.is_not(None)
    )
    ready = or_(Wish.due_at.is_(None), Wish.due_at <= now)
    unsaid = and_(Wish.due_at.is_not(None), Wish.code == "")
    failed = exists().where(
        Release.product == Wish.product, Release.finished_at > Wish.since, Release.status.in_(WENT_WRONG)
    )
    wanted = or_(and_(ready, or_(~busy, unsaid)), failed)
    return select(Wish.product).where(Wish.status == WishStatus.WAITING, wanted).distinct()


def _said(wish: Wish, refusal: Refused, *, is_tried_again: bool) -> bool:
    """Whether people know already that it waits for this: they were told, or being queued says it."""
    if refusal.code in ANOTHER:
        return wish.code in ANOTHER or (wish.due_at is None and refusal.code == "already_running")
    return wish.code == refusal.code and (is_tried_again or wish.facts == refusal.facts)


async def _waiting(session: AsyncSession, product: str, *, lock: bool = False) -> list[Wish]:
    wanted = select(Wish).where(Wish.product == product, Wish.status == WishStatus.WAITING).order_by(Wish.id)
    found = await session.scalars(wanted.with_for_update() if lock else wanted)
    return sorted(found, key=lambda wish: (wish.ready_at, wish.id))


async def _still_waiting(session: AsyncSession, wish_id: str) -> Wish | None:
    """The wish with its row locked, unless a person or another bot was faster."""
    row = await session.get(Wish, wish_id, with_for_update=True)
    return row if row is not None and row.status is WishStatus.WAITING else None


async def _failed(session: AsyncSession, product: str, waiting: Sequence[Wish]) -> Release | None:
    """The release that went wrong last, after any of these was wished."""
    if not waiting:
        return None
    found: Release | None = await session.scalar(
        select(Release)
        .where(
            Release.product == product,
            Release.finished_at > min(wish.since for wish in waiting),
            Release.status.in_(WENT_WRONG),
        )
        .order_by(Release.finished_at.desc())
        .limit(1)
    )
    return found
