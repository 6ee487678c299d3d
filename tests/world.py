"""A product's whole world in memory: a real second implementation of every port, with a journal.

The journal is the outside's own record of what was done to it; checkers read it, never the bot's tables.
"""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.adapters.flags.file import FileFlags
from pipeline.config import Product
from pipeline.context import Ports
from pipeline.errors import PipelineError, RepositoryError, ScanError
from pipeline.ports import (
    BuildOrder,
    Command,
    CommandResult,
    Commit,
    Deaths,
    Extent,
    Image,
    Leak,
    Person,
    Published,
    Values,
)
from pipeline.verdicts import Reason
from tests.fuse import Fuse
from tests.places import MemoryDatabase, MemoryJudge, MemoryMetrics, MemoryProof, MemoryTarget

PLAYBOOK = """
product = "shop"
[components.web]
sources = ["web"]
run = "python web.py"
route = "/"
[components.worker]
sources = ["web"]
run = "python worker.py"
[tests.unit]
run = "unit"
[evaluation]
run = "evaluate {output}"
cases = 2
minimum = { accuracy = 0.5 }
[migrations]
[smoke]
run = "smoke {output}"
required = ["login"]
[requires.production]
env = ["DATABASE_URL"]
secrets = ["SIGNING_KEY"]
[checklist]
before = [
  { key = "tests", title = "Tests are green", proof = "tests" },
  { key = "support", title = "Support knows what changes" },
]
after = [{ key = "told", title = "The team looked at it" }]
[canary]
hold = "5m"
[watch]
duration = "30m"
every = "10m"
"""

COMMITS = {"a" * 40: "v0.1.0", "b" * 40: "v0.2.0-rc.1", "c" * 40: "v0.3.0-rc.1"}


@dataclass
class World:
    """Everything outside the bot. `failing` names commands that fail; `journal` is what happened.

    `reasons` are what is found of its migration. `commands` are the last of each name, as they were ordered; `files`
    are in every commit, beside the sources. `reports` are written by commands of that name instead of the usual ones,
    `endings` are their exit codes (None: the time limit). `measured`: by version and expression.
    """

    now: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    tags: dict[str, str] = field(default_factory=lambda: {tag: sha for sha, tag in COMMITS.items()})
    side: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    page: str = "metrics"
    log_lines: list[str] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    commits: list[dict[str, object]] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    journal: list[tuple[str, ...]] = field(default_factory=list)
    commands: dict[str, Command] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    endings: dict[str, int | None] = field(default_factory=dict)
    measured: dict[str, dict[str, Values]] = field(default_factory=dict)
    deaths: Deaths = field(default_factory=Deaths)
    revision: str = "1"
    reasons: tuple[Reason, ...] = ()
    playbook: str = PLAYBOOK
    files: dict[str, str] = field(default_factory=dict)
    suite: str = "suite 1"
    secret: str | None = "s3cret-value"
    release_slow: asyncio.Event = field(default_factory=asyncio.Event)
    fuse: Fuse = field(default_factory=Fuse)

    def clock(self) -> datetime:
        return self.now

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def did(self, *what: str) -> None:
        """Something was done here: written down, unless whoever did it was killed before."""
        self.fuse.check()
        self.journal.append(what)
        self.fuse.burn()

    def done(self, kind: str) -> list[tuple[str, ...]]:
        return [entry for entry in self.journal if entry[0] == kind]


@dataclass
class MemoryRepository:
    world: World

    async def fetch(self) -> None:
        if "fetch" in self.world.failing:
            raise RepositoryError("origin is not there. Look at the path in bot.toml.")

    async def tags(self) -> Mapping[str, str]:
        return dict(self.world.tags)

    async def resolve(self, ref: str) -> str | None:
        if ref == "main":
            return "c" * 40
        known = {**self.world.tags, **{sha: sha for sha in COMMITS}, **{sha: sha for sha in self.world.side}}
        return known.get(ref)

    async def is_on_main(self, sha: str) -> bool:
        return sha not in self.world.side

    async def read(self, sha: str, path: str) -> str | None:
        return self.world.playbook

    async def log(self, base: str | None, head: str) -> tuple[Commit, ...]:
        return (Commit(head, "feat: something", "", "Sam", "sam@example.com", self.world.now),)

    async def checkout(self, sha: str, folder: Path) -> None:
        (folder / "web").mkdir(parents=True, exist_ok=True)
        for name, text in self.world.files.items():
            (folder / name).write_text(text)

    async def patch(self, base: str | None, head: str) -> bytes:
        return b"+"

    async def changed_files(self, base: str | None, head: str) -> tuple[str, ...]:
        return ("web",)

    async def extent(self, base: str | None, head: str) -> Extent:
        return Extent(("web/page.py",), 10, 2)

    async def published(self, tag: str) -> Published | None:
        sha = self.world.tags.get(tag)
        return Published(tag, sha, None) if sha else None

    async def publish(self, *, sha: str, tag: str, message: str, changelog: str, at: datetime) -> Published:
        if "publish" in self.world.failing:
            raise RepositoryError("the origin refused the push. Look at the bot's rights.")
        if self.world.tags.get(tag) != sha:
            self.world.did("tag", tag, sha)
            self.world.tags[tag] = sha
        return Published(tag, sha, "changelog")


@dataclass
class MemoryChangelog:
    world: World

    async def context(self, sha: str, base: str | None, version: str) -> list[dict[str, object]]:
        return self.world.commits

    async def entry(self, sha: str, base: str | None, version: str, at: datetime) -> str:
        return f"## [{version}]\n\n- something\n"


@dataclass
class MemoryScanner:
    world: World

    async def scan(self, patch: bytes) -> tuple[Leak, ...]:
        if "scan" in self.world.failing:
            raise ScanError("The commits could not be looked through.")
        return tuple(self.world.leaks)


@dataclass
class MemoryRunner:
    """Runs no process: the command's name decides how it ends, and reports are written as a real one would."""

    world: World

    async def run(self, command: Command) -> CommandResult:
        self.world.did("command", command.name)
        self.world.commands[command.name] = command
        if command.name in self.world.slow:
            await self.world.release_slow.wait()
        failed = command.name in self.world.failing
        output = next((word for word in command.argv if word.endswith(".out")), None)
        if output:
            usual = _report(command.argv[0], failed, self.world.suite)
            Path(output).write_text(self.world.reports.get(command.name, usual))
        code = self.world.endings.get(command.name, int(failed and command.argv[0] != "evaluate"))
        said = ("boom",) if failed else ("ok",)
        command.log.parent.mkdir(parents=True, exist_ok=True)
        command.log.write_text("".join(f"{line}\n" for line in said))
        return CommandResult(command.name, -1 if code is None else code, 0.1, said, timed_out=code is None)


def _report(kind: str, failed: bool, suite: str) -> str:
    if kind == "evaluate":
        cases = [{"id": str(n), "passed": not failed, "score": 1.0, "critical": True} for n in range(2)]
        record = {
            "tool": "t",
            "tool_version": "1",
            "subject": "s",
            "suite_hash": suite,
            "model": "m",
            "prompt_hash": "p",
        }
        return json.dumps(
            record | {"errors": [], "metrics": {"accuracy": 0.0 if failed else 1.0}, "cases": cases}
        )
    inner = "<failure message='no'/>" if failed else ""
    return f"<testsuite name='s' tests='1'><testcase name='test_login' classname='s'>{inner}</testcase></testsuite>"


@dataclass
class MemoryBuilder:
    world: World
    store: dict[str, Image] = field(default_factory=dict)

    async def build(self, order: BuildOrder) -> Image:
        digest = f"sha256:{order.commit[:8]}{order.component}"
        self.world.did("build", order.component, digest)
        image = Image(order.component, order.version, digest, digest)
        self.store[digest] = image
        return image

    async def exists(self, image: Image) -> bool:
        return image.digest in self.store

    async def prune(self, keep: Collection[str], used_before: datetime) -> tuple[str, ...]:
        gone = tuple(sorted(set(self.store) - set(keep)))
        for digest in gone:
            del self.store[digest]
        return gone


@dataclass
class MemoryDirectory:
    world: World

    async def person(self, user_id: str) -> Person:
        if "directory" in self.world.failing:
            raise PipelineError("Slack does not answer. Try again.")
        return self.world.people.get(user_id) or Person(user_id, user_id, True)

    async def members(self, group_id: str, oldest: float = 0.0) -> frozenset[str]:
        return self.world.groups.get(group_id, frozenset())

    async def is_shared(self, channel_id: str) -> bool:
        return channel_id in self.world.shared


def ports(world: World, product: Product, folder: Path) -> Ports:
    """The world as the stages see it."""

    async def open_page(url: str) -> str:
        if "dashboard" in world.failing:
            raise PipelineError(f"{url} answered 500, not 200.")
        return world.page

    return Ports(
        product=product,
        repository=MemoryRepository(world),
        changelog=MemoryChangelog(world),
        scanner=MemoryScanner(world),
        runner=MemoryRunner(world),
        builder=MemoryBuilder(world),
        database=MemoryDatabase(world),
        metrics=MemoryMetrics(world),
        judge=MemoryJudge(world),
        proof=MemoryProof(world),
        targets={name: MemoryTarget(world, name) for name in ("staging", "production")},
        directory=MemoryDirectory(world),
        redact=lambda text: text,
        secrets=lambda environment, name: world.secret,
        secret_names=lambda where: (),
        open_page=open_page,
        folder=folder,
        flags={
            name: FileFlags(folder / "flags" / name, f"shop {name}") for name in ("staging", "production")
        },
    )
