"""Running commands and making images."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


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

    async def prune(self, keep: Collection[str], used_before: datetime) -> tuple[str, ...]:
        """Remove images whose digest is not in `keep` and that no build gave since `used_before`; their digests."""
