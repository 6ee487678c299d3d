"""The product's database, through its own migrations."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.verdicts import Reason, Verdict


@dataclass(frozen=True)
class MigrationJob:
    """A product's Alembic directory and the environment in which its commands run."""

    checkout: Path
    config: str
    env: Mapping[str, str] = field(repr=False)
    log: Path
    timeout: float


class ProductDatabase(Protocol):
    """The product's database, through its own Alembic files. Raises DatabaseError."""

    async def heads(self, job: MigrationJob) -> tuple[str, ...]:
        """The heads that the files of the checkout lead to."""

    async def current(self, job: MigrationJob) -> tuple[str, ...]:
        """Where the database stands; empty for a new one."""

    async def upgrade(self, job: MigrationJob) -> None:
        """Migrate to the heads. Already there: nothing happens."""

    async def downgrade(self, job: MigrationJob, revision: str) -> None:
        """Migrate down to a revision (`base` for before the first)."""

    async def pending(self, job: MigrationJob) -> tuple["Revision", ...]:
        """The revisions between the database and the heads, in the order of their upgrade."""

    async def backup(self, url: str, destination: Path) -> Path:
        """Write a backup and read it back; an existing complete one of this name is kept."""


@dataclass(frozen=True)
class Revision:
    """One migration: whether its downgrade does something, as far as its source tells."""

    revision: str
    title: str
    reversible: bool
    why: str


@dataclass(frozen=True)
class JudgeOrder:
    """Which migrations are to be judged, and what their env.py gets to run with.

    `config` is an ini or toml file, or the folder of the scripts; Alembic runs in `folder`. `lower` are the revisions
    that are deployed (none: judge each as if those before it were), `upper` those to reach (none: the heads).
    `backend` is the kind of the product's database, `driver` SQLAlchemy's driver where one is wished for.
    `released` gives the text of a file as it was released, by its path.
    """

    folder: Path
    config: Path
    env: Mapping[str, str] = field(repr=False)
    lower: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()
    backend: str = "postgresql"
    driver: str = ""
    timeout: float = 60.0
    released: Callable[[Path], Awaitable[str | None]] | None = None


@dataclass(frozen=True)
class Judgement:
    """Verdicts in the order of the upgrade, and what is to be said of all of them together."""

    verdicts: tuple[Verdict, ...]
    heads: tuple[str, ...]
    remarks: tuple[Reason, ...] = ()


class MigrationJudge(Protocol):
    """Tells of each migration what it does to those who use the database. Raises DatabaseError."""

    async def judge(self, order: JudgeOrder) -> Judgement:
        """Read, render and try every revision between `lower` and `upper`; the product's databases are left alone."""


@dataclass(frozen=True)
class Proof:
    """What came back of a backup when it was restored: so many tables, with so many rows together."""

    tables: int
    rows: int


class BackupProof(Protocol):
    """Whether a backup can be relied on. Raises DatabaseError."""

    async def prove(self, url: str, backup: Path) -> Proof:
        """Restore a backup of the database at `url` to a place of its own, and look what came back."""
