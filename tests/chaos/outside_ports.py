"""The outside's other adapters: repository, changelog, commands, images, migrations, backups."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.adapters.scrape import ScrapedMetrics
from pipeline.config import Product
from pipeline.context import Ports
from pipeline.errors import RepositoryError
from pipeline.ports import (
    BuildOrder,
    Command,
    CommandResult,
    Commit,
    Directory,
    Extent,
    Image,
    Leak,
    MigrationJob,
    Published,
    Revision,
)
from tests.chaos.outside import Book, Outside
from tests.chaos.outside_target import OutsideTarget
from tests.places import MemoryJudge, MemoryProof
from tests.world import World

VERSIONS = 60
"""v0.1.0, v0.2.0 and so on; the first is in production before the chaos begins."""
LONGEST_COMMAND = 0.4

PLAYBOOK = """
product = "{product}"
[components.web]
sources = ["web"]
run = "python web.py"
route = "/"
[components.worker]
sources = ["web"]
run = "python worker.py"
[tests.unit]
run = "unit {{output}}"
[evaluation]
run = "evaluate {{output}}"
cases = 2
minimum = {{ accuracy = 0.5 }}
[migrations]
[smoke]
run = "smoke {{output}}"
required = ["login"]
[checklist]
before = [
  {{ key = "tests", title = "Tests are green", proof = "tests" }},
  {{ key = "support", title = "Support knows what changes" }},
]
after = [{{ key = "told", title = "The team looked at it" }}]
"""


def tag_of(number: int) -> str:
    return f"v0.{number}.0"


def sha_of(number: int) -> str:
    return hashlib.sha1(tag_of(number).encode()).hexdigest()


NUMBERS: Mapping[str, int] = {sha_of(number): number for number in range(1, VERSIONS + 1)}


def _number_at(checkout: Path) -> int:
    return int((checkout / "web" / "VERSION").read_text())


@dataclass(frozen=True)
class OutsideRepository:
    outside: Outside
    product: str

    async def fetch(self) -> None:
        """Everything is here."""

    async def tags(self) -> Mapping[str, str]:
        candidates = {f"{tag_of(number)}-rc.1": sha for sha, number in NUMBERS.items()}
        released: dict[str, str] = await self.outside.look(self.product, "tags", {})
        return candidates | {"v0.1.0": sha_of(1)} | released

    async def resolve(self, ref: str) -> str | None:
        return ref if ref in NUMBERS else (await self.tags()).get(ref)

    async def is_on_main(self, sha: str) -> bool:
        return True

    async def read(self, sha: str, path: str) -> str | None:
        return PLAYBOOK.format(product=self.product)

    async def log(self, base: str | None, head: str) -> tuple[Commit, ...]:
        at = datetime(2026, 11, 23, tzinfo=UTC)
        return (Commit(head, "feat: something", "", "Sam", "sam@example.com", at),)

    async def checkout(self, sha: str, folder: Path) -> None:
        (folder / "web").mkdir(parents=True, exist_ok=True)
        (folder / "web" / "VERSION").write_text(str(NUMBERS[sha]))

    async def patch(self, base: str | None, head: str) -> bytes:
        return b""

    async def changed_files(self, base: str | None, head: str) -> tuple[str, ...]:
        return ("web",)

    async def extent(self, base: str | None, head: str) -> Extent:
        return Extent(("web",), 1, 0)

    async def published(self, tag: str) -> Published | None:
        sha = (await self.tags()).get(tag)
        return Published(tag, sha, None) if sha else None

    async def publish(self, *, sha: str, tag: str, message: str, changelog: str, at: datetime) -> Published:
        def deed(book: Book) -> None:
            tags = book.get("tags", {})
            if tags.get(tag, sha) != sha:
                raise RepositoryError(f"{tag} stands at another commit. Release the next version.")
            if tag not in tags:
                book.did("tag", "origin", tag)
                book.put("tags", tags | {tag: sha})

        await self.outside.act(self.product, deed)
        return Published(tag, sha, "changelog")


@dataclass(frozen=True)
class OutsideChangelog:
    async def context(self, sha: str, base: str | None, version: str) -> list[dict[str, object]]:
        return []

    async def entry(self, sha: str, base: str | None, version: str, at: datetime) -> str:
        return f"## [{version}]\n\n- something\n"


@dataclass(frozen=True)
class OutsideRunner:
    """The checked-out version and the command's name decide how it ends."""

    outside: Outside
    product: str

    async def run(self, command: Command) -> CommandResult:
        version = tag_of(_number_at(command.cwd))
        await self.outside.act(
            self.product, lambda book: book.did("command", command.name, version), LONGEST_COMMAND
        )
        failing: dict[str, str] = await self.outside.look(self.product, "failing", {})
        failed = failing.get(version) == command.name
        Path(command.argv[-1]).write_text(_report(command.argv[0]))
        said = "boom" if failed else "ok"
        command.log.parent.mkdir(parents=True, exist_ok=True)
        command.log.write_text(f"{said}\n")
        return CommandResult(command.name, int(failed), 0.1, (said,))


def _report(kind: str) -> str:
    if kind != "evaluate":
        return "<testsuite name='s' tests='1'><testcase name='test_login' classname='s'/></testsuite>"
    said = {
        "tool": "t",
        "tool_version": "1",
        "subject": "s",
        "suite_hash": "1",
        "model": "m",
        "prompt_hash": "p",
    }
    cases = [{"id": str(n), "passed": True, "score": 1.0, "critical": True} for n in range(2)]
    return json.dumps({**said, "errors": [], "metrics": {"accuracy": 1.0}, "cases": cases})


@dataclass(frozen=True)
class OutsideBuilder:
    """Content-addressed, as the real store: the same content is not built twice."""

    outside: Outside
    product: str

    async def build(self, order: BuildOrder) -> Image:
        digest = f"sha256:{hashlib.sha256(f'{order.commit} {order.component}'.encode()).hexdigest()}"

        def deed(book: Book) -> None:
            images = book.get("images", [])
            if digest not in images:
                book.did("build", order.component, order.version)
                book.put("images", [*images, digest])

        await self.outside.act(self.product, deed, LONGEST_COMMAND)
        return Image(order.component, order.version, digest, digest)

    async def exists(self, image: Image) -> bool:
        return image.digest in await self.outside.look(self.product, "images", [])

    async def prune(self, keep: Collection[str], used_before: datetime) -> tuple[str, ...]:
        """The chaos is too short for anything to grow old."""
        return ()


@dataclass(frozen=True)
class OutsideDatabase:
    """One revision number per environment; each version brings one migration, which can be undone."""

    outside: Outside
    product: str

    def _name(self, job: MigrationJob) -> str:
        return f"revision {job.env['DATABASE_URL']}"

    async def heads(self, job: MigrationJob) -> tuple[str, ...]:
        return (str(_number_at(job.checkout)),)

    async def current(self, job: MigrationJob) -> tuple[str, ...]:
        found = await self.outside.look(self.product, self._name(job))
        return (found,) if found else ()

    async def upgrade(self, job: MigrationJob) -> None:
        await self._move(job, "migrate", str(_number_at(job.checkout)))

    async def downgrade(self, job: MigrationJob, revision: str) -> None:
        await self._move(job, "undo", revision)

    async def _move(self, job: MigrationJob, kind: str, to: str) -> None:
        def deed(book: Book) -> None:
            if book.get(self._name(job)) != to:
                book.did(kind, job.env["DATABASE_URL"], to)
                book.put(self._name(job), to)

        await self.outside.act(self.product, deed)

    async def pending(self, job: MigrationJob) -> tuple[Revision, ...]:
        head = str(_number_at(job.checkout))
        return () if await self.current(job) == (head,) else (Revision(head, "add a column", True, ""),)

    async def backup(self, url: str, destination: Path) -> Path:
        def deed(book: Book) -> None:
            known = book.get("backups", [])
            if str(destination) not in known:
                book.did("backup", url, destination.name)
                book.put("backups", [*known, str(destination)])

        await self.outside.act(self.product, deed)
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text("rows")
        return destination


async def _page(url: str) -> str:
    return "metrics"


class OutsideScanner:
    async def scan(self, patch: bytes) -> tuple[Leak, ...]:
        return ()


def ports(
    outside: Outside,
    name: str,
    product: Product,
    state: Path,
    directory: Directory,
    redact: Callable[[str], str],
) -> Ports:
    """One product's world, on the shared file."""
    return Ports(
        scanner=OutsideScanner(),
        product=product,
        repository=OutsideRepository(outside, name),
        changelog=OutsideChangelog(),
        runner=OutsideRunner(outside, name),
        builder=OutsideBuilder(outside, name),
        database=OutsideDatabase(outside, name),
        metrics=ScrapedMetrics(),
        judge=MemoryJudge(World()),
        proof=MemoryProof(World()),
        targets={where: OutsideTarget(outside, name, where) for where in ("staging", "production")},
        directory=directory,
        redact=redact,
        secrets=lambda _environment, _name: None,
        secret_names=lambda where: (),
        open_page=_page,
        folder=state / "products" / name,
    )
