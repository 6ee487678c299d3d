"""The engine: claim a release, run what is ready, record what came of it. A crash is an ordinary start."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from pydantic import ValidationError

from pipeline import lease, playbook, tracing, trouble
from pipeline.config import Playbook, paced
from pipeline.context import Context, Outcome, Ports
from pipeline.crossing import Crossings
from pipeline.decided import Step
from pipeline.errors import LeaseLost, PipelineError, StoreError, Turned
from pipeline.groups import insist
from pipeline.models import StageRun
from pipeline.ports import Clock, Trace, untraced
from pipeline.stages.common import skipped
from pipeline.states import StageStatus
from pipeline.store import Database

log = structlog.get_logger()

POLL = 5.0
"""Seconds between looks for due work when nothing nudges: the net under the clock's own beat."""


class Engine:
    """Runs releases. `nudge` is called (in this process) whenever something was committed that it should see."""

    def __init__(
        self,
        db: Database,
        ports: Callable[[str], Ports],
        clock: Clock,
        owner: str,
        *,
        seconds: float = lease.LEASE,
        poll: float = POLL,
        committed: Callable[[], None] = lambda: None,
        trace: Trace = untraced,
    ) -> None:
        self.db, self.ports, self.clock, self.owner, self.seconds = db, ports, clock, owner, seconds
        self.committed, self.poll, self.crossings, self.trace = committed, poll, Crossings(db), trace
        self._nudged = asyncio.Event()
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._heart: asyncio.Task[None] | None = None
        self._stopping = False

    def look(self) -> None:
        """Look for releases that have become due. Those under way watch their own time."""
        self._nudged.set()

    def nudge(self, release_id: str = "") -> None:
        """Look now: a person may have spoken, to this release or (without an id) to any."""
        self.look()
        for known, (worker, _) in self._workers.items():
            if release_id in ("", known):
                worker.nudged.set()

    async def run(self) -> None:
        """Claim and work until `stop`. A database that went away is waited for."""
        while not self._stopping:
            self._nudged.clear()
            claimed = False
            try:
                claimed = await self._claim()
            except StoreError:
                claimed = False  # the database says so itself, once
            except Exception:
                log.exception("engine: could not claim; looking again")
            if not claimed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._nudged.wait(), self.poll)

    async def _claim(self) -> bool:
        claims = await lease.claim(self.db, self.owner, self.clock(), self.seconds)
        if self._stopping:
            await asyncio.gather(*(lease.give_back(self.db, held) for held in claims))
            return False
        for held in claims:
            self._begin(held)
        return bool(claims)

    def _begin(self, held: lease.Claim) -> None:
        previous = self._workers.pop(held.release.id, None)  # its lease ran out
        worker = Worker(self, held, previous[1] if previous else None)
        task = asyncio.create_task(worker.run(), name=f"release {held.release.id}")
        self._workers[held.release.id] = worker, task
        task.add_done_callback(lambda done: self._forget(held.release.id, done))
        if self._heart is None:
            self._heart = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        """Extend the leases of all releases at hand, five times in their length."""
        while True:
            await asyncio.sleep(self.seconds / 5)
            workers = [worker for worker, _ in self._workers.values()]
            before = [worker.heard for worker in workers]
            try:
                lost = await lease.keep(self.db, [worker.held for worker in workers]) if workers else []
            except StoreError:
                continue  # the next beat may come through; past its deadline each claim guards itself
            except Exception:
                log.exception("engine: a beat of the heart failed")
                continue
            for worker, heard in zip(workers, before, strict=True):
                worker.hear(is_lost=worker.held in lost, has_news=worker.heard != heard)

    def _forget(self, release_id: str, task: asyncio.Task[None]) -> None:
        if release_id in self._workers and self._workers[release_id][1] is task:
            del self._workers[release_id]
        self._nudged.set()

    async def stop(self) -> None:
        """Claim nothing more; stop the running stages where the next start goes on; give the leases back."""
        self._stopping = True
        self._nudged.set()
        tasks = [task for _, task in self._workers.values()]
        for task in tasks:
            self.db.cancel(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._heart:  # to put away what a stage holds may take a while: it beats until then
            self.db.cancel(self._heart)
            await asyncio.gather(self._heart, return_exceptions=True)


class Worker:
    """Works on one claimed release until it is parked, ended, or lost to another."""

    def __init__(self, engine: Engine, held: lease.Claim, previous: asyncio.Task[None] | None = None) -> None:
        self.engine, self.held, self.previous = engine, held, previous
        self.tasks: dict[str, asyncio.Task[Outcome]] = {}
        self.nudged, self.had_ended = asyncio.Event(), held.release.finished_at is not None
        self.log = log.bind(release=held.release.id, version=held.release.version, epoch=held.epoch)

    @property
    def heard(self) -> tuple[int, Any]:
        """What people have said, as far as this worker knows."""
        return self.held.signals, self.held.turn

    @cached_property
    def playbook(self) -> Playbook:
        """The release's own, read once. Raises ValidationError when this version of the bot cannot."""
        product = self.engine.ports(self.held.release.product).product
        return paced(Playbook.model_validate(self.held.release.playbook), product.pace)

    async def run(self) -> None:
        """Work until there is nothing to do. After an unexpected end the lease is kept until it runs out:
        that is the pause before the next try, here or in another bot."""
        keep = False
        try:
            await self._replace_previous()
            keep = await self._work()
        except LeaseLost as lost:
            self.log.warning("worker: lease lost, stopping", why=str(lost))
        except StoreError:
            self.log.warning("worker: stops, the release is claimed again when the database answers")
        except Exception:
            keep = True
            self.log.exception("worker: unexpected end; the release is claimed again")
        finally:
            await insist(self._wind_down(give_back=not keep))

    async def _replace_previous(self) -> None:
        """Whoever worked on it in this process must be gone before we act in its place."""
        if self.previous:
            self.engine.db.cancel(self.previous)
            await asyncio.wait([self.previous])  # unlike gather, it hands no cancellation of ours on

    async def _wind_down(self, give_back: bool) -> None:
        """Leave nothing running."""
        await self._stop_tasks()
        if give_back:
            with contextlib.suppress(StoreError):
                await lease.give_back(self.engine.db, self.held)

    def hear(self, *, is_lost: bool, has_news: bool) -> None:
        """What the heart found out: people have spoken, or the release is another's and the work stops at once."""
        if is_lost:
            for task in self.tasks.values():
                self.engine.db.cancel(task)
        if is_lost or has_news:
            self.nudged.set()

    async def _work(self) -> bool:
        """Until nothing is left to run (the release is then nobody's: True)."""
        outcomes: dict[str, Outcome] = {}
        while True:
            step = await self._cross(outcomes)
            if step.must_stop:
                outcomes = await self._stop_tasks()
                continue
            for run in step.begin:
                self.tasks[run.name] = asyncio.create_task(self._execute(run), name=run.name)
            if step.parked:
                return True
            outcomes = await self._next()

    async def _cross(self, outcomes: dict[str, Outcome]) -> Step:
        alive = frozenset(self.tasks)
        self.nudged.clear()
        step = await self.engine.crossings.cross(self.held, self.engine.clock(), alive, outcomes)
        self.engine.committed()
        for span in tracing.spans(self.held, step, self.had_ended):
            self.engine.trace(span)
        return step

    async def _next(self) -> dict[str, Outcome]:
        """Wait until a stage ends, a person speaks, or a waiting stage falls due."""
        nudge = asyncio.create_task(self.nudged.wait())
        try:
            await asyncio.wait(
                [*self.tasks.values(), nudge],
                timeout=self._seconds_to_due(),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            nudge.cancel()
        return self._collect()

    def _collect(self) -> dict[str, Outcome]:
        """What came of the stages that ended; one that was stopped has no outcome. Raises what one raised."""
        ended = {name: task for name, task in self.tasks.items() if task.done()}
        for name in ended:
            del self.tasks[name]
        return {name: task.result() for name, task in ended.items() if not _stopped(task)}

    def _seconds_to_due(self) -> float | None:
        dues = [run.due_at for run in self.held.runs if run.status is StageStatus.WAITING and run.due_at]
        return max(0.0, (min(dues) - self.engine.clock()) / timedelta(seconds=1)) if dues else None

    async def _stop_tasks(self) -> dict[str, Outcome]:
        """Cancel the running stages and wait until they have put away what they hold."""
        for task in self.tasks.values():
            self.engine.db.cancel(task)
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        tasks, self.tasks = self.tasks, {}
        return {
            name: task.result()
            for name, task in tasks.items()
            if not task.cancelled() and not task.exception()
        }

    async def _execute(self, run: StageRun) -> Outcome:
        """Whatever is logged within a stage says whose it is."""
        with structlog.contextvars.bound_contextvars(release=run.release_id, stage=run.name):
            return await self._evaluate(run)

    async def _evaluate(self, run: StageRun) -> Outcome:
        stage, clock = playbook.STAGES.get(run.name), self.engine.clock
        if stage is None:
            return trouble.unknown(run.name, clock())
        try:
            ctx = self._context(run)
        except (ValidationError, LookupError):
            self.log.exception("stage not begun")
            return trouble.unreadable(self.held.release.product, clock())
        try:
            return await skipped(ctx) or await stage.run(ctx)
        except (LeaseLost, StoreError, Turned):
            raise
        except PipelineError as error:
            facts = {"error": ctx.ports.redact(str(error))}
            return trouble.came_of(stage.on_trouble, run, "trouble", facts, clock())
        except Exception:
            reference = f"{run.release_id[-6:]}-{run.id}"
            self.log.exception("stage crashed", reference=reference)
            return trouble.came_of(stage.on_trouble, run, "crashed", {"reference": reference}, clock())

    def _context(self, run: StageRun) -> Context:
        made = self.engine.ports(self.held.release.product)
        return Context(
            db=self.engine.db,
            held=self.held,
            run=run,
            playbook=self.playbook,
            ports=made,
            clock=self.engine.clock,
            runs={earlier.name: earlier for earlier in self.held.runs},
        )


def _stopped(task: asyncio.Task[Outcome]) -> bool:
    """Whether a stage ended without an outcome because it was told to."""
    return task.cancelled() or isinstance(task.exception(), Turned)
