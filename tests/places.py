"""Where a release goes, in memory: the deploy target with two slots and a share, and the product's databases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import DatabaseError, MetricsError, TargetError
from pipeline.ports import (
    Bundle,
    Deaths,
    Judgement,
    JudgeOrder,
    MigrationJob,
    Proof,
    Revision,
    Series,
    Side,
    Slot,
    SlotStatus,
    TargetStatus,
    Values,
)
from pipeline.verdicts import verdict_of

if TYPE_CHECKING:
    from tests.world import World


@dataclass
class MemoryTarget:
    """Two slots and a share, as the real targets have them."""

    world: "World"
    environment: str
    slots: dict[Slot, Bundle | None] = field(default_factory=lambda: {"blue": None, "green": None})
    live: Slot | None = None
    share: int = 0

    def _slot_of(self, release_id: str) -> Slot | None:
        return next(
            (slot for slot, bundle in self.slots.items() if bundle and bundle.release_id == release_id), None
        )

    async def prepare(self, bundle: Bundle) -> SlotStatus:
        if f"prepare-{self.environment}" in self.world.failing:
            raise TargetError("web did not get healthy in 30 s. Look at its log.")
        slot = self._slot_of(bundle.release_id)
        if slot is None:
            slot = "green" if self.live == "blue" else "blue"
            self.world.did("start", self.environment, bundle.version)
            self.slots[slot] = bundle
        return self._status(slot)

    def _status(self, slot: Slot) -> SlotStatus:
        bundle = self.slots[slot]
        assert bundle is not None
        digests = {service.component: service.image.digest for service in bundle.services}
        return SlotStatus(slot, bundle.release_id, bundle.version, True, digests)

    def _held(self, release_id: str) -> Slot:
        slot = self._slot_of(release_id)
        if slot is None:
            raise TargetError(f"{release_id} is not prepared. Prepare it first.")
        return slot

    async def shift(self, release_id: str, share: int) -> None:
        self._held(release_id)
        if self.share != share:
            self.world.did("shift", self.environment, str(share))
        self.share = share

    async def promote(self, release_id: str) -> None:
        slot = self._held(release_id)
        if self.live != slot or self.share:
            self.world.did("promote", self.environment, self._status(slot).version)
        self.live, self.share = slot, 0

    async def retire(self, release_id: str) -> None:
        slot = self._slot_of(release_id)
        if slot is None:
            return
        if slot == self.live:
            raise TargetError("it is live")
        if f"retire-{self.environment}" in self.world.failing:
            raise TargetError("web did not stop. Look at its log.")
        self.world.did("retire", self.environment, self._status(slot).version)
        self.slots[slot], self.share = None, 0

    async def status(self) -> TargetStatus:
        if f"router-{self.environment}" in self.world.failing:
            raise TargetError("the router does not answer. Reconcile it.")
        return self._seen()

    def _seen(self) -> TargetStatus:
        other: Slot = "green" if self.live == "blue" else "blue"
        live = self._status(self.live) if self.live else None
        return TargetStatus(live, self._status(other) if self.slots[other] else None, self.share, 1)

    async def reconcile(self) -> TargetStatus:
        self.world.failing.discard(f"router-{self.environment}")
        return self._seen()

    async def missing(self) -> tuple[str, ...]:
        return ()

    async def deaths(self, release_id: str) -> Deaths:
        return self.world.deaths if self.environment == "production" else Deaths()

    async def heal(self) -> bool:
        return False

    def address(self, slot: Slot | None = None) -> str:
        return f"http://127.0.0.1/{self.environment}/{slot or ''}"

    async def logs(self, release_id: str, since: datetime) -> tuple[str, ...]:
        if "logs" in self.world.failing:
            raise TargetError("the logs cannot be read. Look at the disk.")
        return tuple(self.world.log_lines) if self.environment == "production" else ()

    async def stop(self) -> None:
        self.live = None


@dataclass
class MemoryDatabase:
    """One revision number per environment's URL."""

    world: "World"
    at: dict[str, str] = field(default_factory=dict)

    def _url(self, job: MigrationJob) -> str:
        return job.env["DATABASE_URL"]

    async def heads(self, job: MigrationJob) -> tuple[str, ...]:
        return (self.world.revision,)

    async def current(self, job: MigrationJob) -> tuple[str, ...]:
        return (self.at[self._url(job)],) if self._url(job) in self.at else ()

    async def upgrade(self, job: MigrationJob) -> None:
        if "upgrade" in self.world.failing:
            raise TargetError("the migration failed: column exists. Look at the log.")
        if self.at.get(self._url(job)) != self.world.revision:
            self.world.did("migrate", self._url(job), self.world.revision)
        self.at[self._url(job)] = self.world.revision

    async def downgrade(self, job: MigrationJob, revision: str) -> None:
        self.world.did("undo", self._url(job), revision)
        self.at[self._url(job)] = revision

    async def pending(self, job: MigrationJob) -> tuple[Revision, ...]:
        if self.at.get(self._url(job)) == self.world.revision:
            return ()
        return (Revision(self.world.revision, "add a column", True, ""),)

    async def backup(self, url: str, destination: Path) -> Path:
        if destination.exists():
            return destination
        self.world.did("backup", url)
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text("rows")
        return destination


@dataclass
class MemoryMetrics:
    """What each version has counted, by expression."""

    world: "World"

    async def read(self, wanted: Mapping[str, Series], side: Side) -> Mapping[str, Values]:
        if "metrics" in self.world.failing:
            raise MetricsError("Prometheus does not answer. Start it.")
        known = self.world.measured.get(side.version, {})
        return {name: known[one.expression] for name, one in wanted.items() if one.expression in known}


@dataclass
class MemoryJudge:
    """Finds of the one migration there is what the world says."""

    world: "World"

    async def judge(self, order: JudgeOrder) -> Judgement:
        if "judge" in self.world.failing:
            raise DatabaseError("Alembic cannot read the migrations. Next: correct their files.")
        found = verdict_of(self.world.revision, "add a column", self.world.reasons)
        return Judgement((found,), (self.world.revision,))


@dataclass
class MemoryProof:
    world: "World"

    async def prove(self, url: str, backup: Path) -> Proof:
        if "proof" in self.world.failing:
            raise DatabaseError("The backup does not prove itself: it lacks users. Nothing was migrated.")
        self.world.did("proof", url)
        return Proof(2, 40)
