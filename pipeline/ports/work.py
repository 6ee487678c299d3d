"""Running commands and making images."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

Network = Literal["none", "own", "host"]
"""What a command's container reaches: nothing, the world through a network of its own, or what the machine does."""


@dataclass(frozen=True)
class Limits:
    """What a container may use at most: `memory` in bytes (swap included), processors, processes with threads."""

    memory: int | None = None
    cpus: float | None = None
    pids: int | None = None


@dataclass(frozen=True)
class Container:
    """The container that a command runs in. `output` is the one folder of the machine that it may write."""

    image: str
    product: str
    output: Path
    network: Network = "none"
    limits: Limits = Limits()


@dataclass(frozen=True)
class Command:
    """One command of the playbook, ready to run. `timeout` is in seconds; `env` replaces the environment.

    Without a `container` it runs as a process of this machine.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout: float
    log: Path
    container: Container | None = None


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
class Recipe:
    """A Dockerfile of the checkout, the stage in it that is the image (the last one if none), its arguments."""

    dockerfile: str
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildOrder:
    """What to build: the component's files of a checkout, and how: by commands, or by a recipe."""

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
    recipe: Recipe | None = None


class Builder(Protocol):
    """Makes images. Built once: the same content is found again by its digest, not built twice."""

    async def build(self, order: BuildOrder) -> Image:
        """Build and store the image. Raises BuildError with the lines that matter."""

    async def exists(self, image: Image) -> bool:
        """Whether the image is (still) in the store, with its content intact by digest."""

    async def prune(self, keep: Collection[str], used_before: datetime) -> tuple[str, ...]:
        """Remove images whose digest is not in `keep` and that no build gave since `used_before`; their digests."""
