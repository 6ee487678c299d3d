"""What a stage is given, and what it may answer."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import lease
from pipeline.config import Playbook, Product
from pipeline.events import Fact, record
from pipeline.models import Release, StageRun
from pipeline.ports import (
    BackupProof,
    Builder,
    ChangelogWriter,
    Clock,
    DeployTarget,
    Directory,
    FlagStore,
    Metrics,
    MigrationJudge,
    ProductDatabase,
    Repository,
    Runner,
    Scanner,
)
from pipeline.store import Database


@dataclass(frozen=True)
class Passed:
    """The stage is done. `code` names the sentence people read, `facts` fill it in, `data` is kept."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """The playbook has nothing for this stage."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The stage failed. The release goes back if production was touched, else it ends and is cleaned up."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    """Call again when people have said something, or at `due_at`. `asks` is what is asked of people."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    asks: str | None = None


Outcome = Passed | Skipped | Failed | Waiting


Secrets = Callable[[str, str], str | None]
"""The value of a product's secret by environment and name; None when it is not set."""


@dataclass(frozen=True)
class Ports:
    """One product's world outside, as the wiring made it. `targets` and `flags` are by environment."""

    product: Product
    repository: Repository
    changelog: ChangelogWriter
    scanner: Scanner
    runner: Runner
    builder: Builder
    database: ProductDatabase
    metrics: Metrics
    judge: MigrationJudge
    proof: BackupProof
    targets: Mapping[str, DeployTarget]
    directory: Directory
    redact: Callable[[str], str]
    secrets: Secrets
    secret_names: Callable[[str], tuple[str, ...]]
    open_page: Callable[[str], Awaitable[str]]
    folder: Path
    flags: Mapping[str, FlagStore] = field(default_factory=dict)

    def folder_of(self, release_id: str) -> Path:
        """A release's own folder: logs, reports, checkout, backups."""
        return self.folder / "releases" / release_id


@dataclass
class Context:
    """One evaluation of one stage: what it knows (as of its start) and how it writes, fenced by the lease."""

    db: Database
    held: lease.Claim
    run: StageRun
    playbook: Playbook
    ports: Ports
    clock: Clock
    runs: Mapping[str, StageRun]

    @property
    def release(self) -> Release:
        return self.held.release

    @property
    def product(self) -> Product:
        return self.ports.product

    @property
    def folder(self) -> Path:
        """The release's own folder: logs, reports, checkout, backups."""
        return self.ports.folder_of(self.release.id)

    @property
    def checkout(self) -> Path:
        """The tree of the released commit (written by preflight)."""
        return self.folder / "checkout"

    def data(self, stage: str) -> dict[str, Any]:
        """What an earlier stage kept; empty when it has not passed."""
        return self.runs[stage].data if stage in self.runs else {}

    def guard(self) -> None:
        """Call right before an irreversible act. Raises LeaseLost when the release may be somebody else's,
        Turned when a person has stopped it."""
        self.held.guard()

    @contextlib.asynccontextmanager
    async def recording(self, *facts: Fact) -> AsyncIterator[AsyncSession]:
        """A transaction that only the lease's holder can commit, with the facts as events."""
        async with lease.fenced(self.db, self.held) as session:
            yield session
            await record(session, self.release, facts, self.clock())

    async def remember(self, *facts: Fact, **data: Any) -> None:
        """Keep `data` with this stage run: what a repeat needs in order to look before it acts."""
        self.run.data = self.run.data | data
        async with self.recording(*facts) as session:
            await session.execute(
                update(StageRun).where(StageRun.id == self.run.id).values(data=self.run.data)
            )


StageFunction = Callable[[Context], Awaitable[Outcome]]
