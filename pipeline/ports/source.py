"""The product's repository, and what its history says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Commit:
    """A commit as git knows it; `at` is the committer's date, aware."""

    sha: str
    subject: str
    body: str
    author: str
    email: str
    at: datetime


@dataclass(frozen=True)
class Extent:
    """How much differs between two commits: the paths, and lines of text added and removed."""

    paths: tuple[str, ...]
    added: int
    removed: int


@dataclass(frozen=True)
class Published:
    """What a published release left in the repository."""

    tag: str
    tag_sha: str
    changelog_commit: str | None


class Repository(Protocol):
    """One product's git repository. All methods raise RepositoryError when git fails."""

    async def fetch(self) -> None:
        """Bring the mirror up to date with the origin."""

    async def tags(self) -> Mapping[str, str]:
        """Every tag's name and the commit it points at (annotated tags peeled)."""

    async def resolve(self, ref: str) -> str | None:
        """The full commit SHA of a branch, tag or (abbreviated) commit; None when there is none."""

    async def is_on_main(self, sha: str) -> bool:
        """Whether the commit is an ancestor of (or is) the main branch's tip."""

    async def read(self, sha: str, path: str) -> str | None:
        """A text file at a commit; None when it is not there."""

    async def log(self, base: str | None, head: str) -> tuple[Commit, ...]:
        """The commits in base..head, newest first; all of head's history without a base."""

    async def checkout(self, sha: str, folder: Path) -> None:
        """Write the tree of a commit into `folder`; a complete earlier checkout is kept as it is."""

    async def patch(self, base: str | None, head: str) -> bytes:
        """Every change of every commit in base..head (all of head's history without a base), without context."""

    async def changed_files(self, base: str | None, head: str) -> tuple[str, ...]:
        """The paths that differ between two commits; every path of head without a base."""

    async def extent(self, base: str | None, head: str) -> Extent:
        """How much differs between two commits; everything of head without a base, its lines not counted."""

    async def published(self, tag: str) -> Published | None:
        """What stands at the origin for this tag, if anything."""

    async def publish(self, *, sha: str, tag: str, message: str, changelog: str, at: datetime) -> Published:
        """Tag `sha` (annotated) and put `changelog` as CHANGELOG.md on main, in one atomic push.

        The same call again gives the same objects, and is a success when they are there.
        A tag that exists at another commit raises RepositoryError; nothing is ever moved.
        """


class ChangelogWriter(Protocol):
    """Turns history into changes and into a changelog entry (git-cliff)."""

    async def context(self, sha: str, base: str | None, version: str) -> list[dict[str, object]]:
        """The commits of base..sha as git-cliff's context JSON, one dictionary per commit."""

    async def entry(self, sha: str, base: str | None, version: str, at: datetime) -> str:
        """The Markdown section of this version for CHANGELOG.md (Keep a Changelog)."""
