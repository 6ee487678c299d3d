"""What the release needs from the world outside, as small protocols.

Adapters implement them (pipeline/adapters); only bot/wiring.py knows which.
Every call that changes the world is idempotent by the names in its arguments,
so that a release that was interrupted may simply ask again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

Slot = Literal["blue", "green"]
SLOTS: tuple[Slot, Slot] = ("blue", "green")


# ---------------------------------------------------------------- commands


@dataclass(frozen=True)
class Command:
    """One command of the playbook, ready to run. `timeout` is in seconds; `env` replaces the environment."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout: float
    log: Path


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. `tail` holds its last lines, redacted; the whole output is in the log file."""

    name: str
    code: int
    seconds: float
    tail: tuple[str, ...]
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        return self.code == 0 and not self.timed_out


class Runner(Protocol):
    """Runs commands; a cancelled run takes everything it started with it."""

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to the time limit. Raises CommandError when it cannot be started."""


# -------------------------------------------------------------- repository


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

    async def changed_files(self, base: str | None, head: str) -> tuple[str, ...]:
        """The paths that differ between two commits; every path of head without a base."""

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


# ------------------------------------------------------------------ images


@dataclass(frozen=True)
class Image:
    """An immutable artifact of one component. `digest` is `sha256:` and 64 hex digits of its content."""

    component: str
    version: str
    digest: str
    reference: str


@dataclass(frozen=True)
class BuildOrder:
    """What to build: the component's files of a checkout, and the commands that prepare them."""

    product: str
    component: str
    version: str
    commit: str
    release_id: str
    checkout: Path
    sources: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    timeout: float
    log: Path


class Builder(Protocol):
    """Makes images. Built once: the same content is found again by its digest, not built twice."""

    async def build(self, order: BuildOrder) -> Image:
        """Build and store the image. Raises BuildError with the lines that matter."""

    async def exists(self, image: Image) -> bool:
        """Whether the image is (still) in the store, with its content intact by digest."""


# ------------------------------------------------------------- environment


@dataclass(frozen=True)
class ServiceSpec:
    """How one component runs in one environment. Without a `route` it has no port (a worker)."""

    component: str
    image: Image
    run: tuple[str, ...]
    route: str | None
    health: str
    version_path: str
    grace: float
    ready_timeout: float
    env: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Bundle:
    """All services of one release for one environment: promoted, verified and rolled back together."""

    release_id: str
    version: str
    services: tuple[ServiceSpec, ...]


@dataclass(frozen=True)
class SlotStatus:
    """What is in a slot. `warm` means that every service with a port runs and is healthy."""

    slot: Slot
    release_id: str
    version: str
    warm: bool
    digests: Mapping[str, str]


@dataclass(frozen=True)
class TargetStatus:
    """Where traffic goes. `share` is the candidate's part of the requests in percent (0 to 100)."""

    live: SlotStatus | None
    other: SlotStatus | None
    share: int
    generation: int


class DeployTarget(Protocol):
    """One environment of one product: two fixed slots per service and one routing state.

    All methods raise TargetError, whose message says what, why and what next. A failed
    `prepare` leaves traffic and the live slot as they were.
    """

    async def prepare(self, bundle: Bundle) -> SlotStatus:
        """Run the bundle's services with a port in the slot that is not live, until each is healthy
        and answers with the bundle's version. Traffic is left alone. Done already: returns at once.
        With nothing live yet the bundle still gets no traffic until `promote`."""

    async def shift(self, release_id: str, share: int) -> None:
        """Give the prepared release `share` percent of the requests (0 takes it out again)."""

    async def promote(self, release_id: str) -> None:
        """All traffic to this release; its workers start, then the other slot's stop. The release
        that was live stays warm in the other slot. Also the way back: promote the previous one."""

    async def retire(self, release_id: str) -> None:
        """Drain and stop the release's processes. Refuses when it is live. Gone already: success."""

    async def status(self) -> TargetStatus:
        """What is really there, asked of the processes and of the router, not of memory."""

    async def reconcile(self) -> TargetStatus:
        """After a crash: bring router and processes to what the stored state says, then `status`."""

    async def heal(self) -> bool:
        """Look after the router between releases: start it again when it died. True when that was needed."""

    def address(self, slot: Slot | None = None) -> str:
        """Base URL through the router: of exactly one slot, or the public one."""

    async def logs(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """Log lines of the release's processes since a time, oldest first, each with its component."""

    async def stop(self) -> None:
        """Stop everything of this environment, the router included (the demo's end)."""


# ---------------------------------------------------------------- database


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


# ------------------------------------------------------------------ people


class Directory(Protocol):
    """Who people are and which groups they are in. A failing look-up raises PipelineError: deny."""

    async def person(self, user_id: str) -> "Person":
        """Look a person up."""

    async def members(self, group_id: str) -> frozenset[str]:
        """The user ids of a group."""


@dataclass(frozen=True)
class Person:
    """A person as the chat platform knows them. `trusted` is False for guests, bots, strangers, the gone."""

    user_id: str
    name: str
    trusted: bool
    why_not: str = ""


Clock = Callable[[], datetime]
