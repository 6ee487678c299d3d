"""The product's database, through its own migrations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


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
