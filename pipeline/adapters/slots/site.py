"""One environment's place in the world: its ports, its folder, and what runs it there."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pipeline.adapters.slots.checks import check_ports
from pipeline.adapters.slots.routing import Router
from pipeline.adapters.slots.services import Runtime
from pipeline.config import Environment
from pipeline.ports import SLOTS, Slot


class Logs(Protocol):
    """What services wrote, kept longer than they are."""

    async def mark(self) -> None:
        """Whatever has to be done now and then for `read` to know when a line was written."""

    async def read(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """`component: line` of every service since a time, oldest first within each; cuts are said."""

    async def forget_old(self) -> None:
        """Remove what all but the newest releases left."""


@dataclass(frozen=True)
class Address:
    """Who an environment is and where it is reached. `folder` is its own; ports are on 127.0.0.1."""

    product: str
    environment: str
    url: str
    public: int
    first: int
    folder: Path
    sticky: bool = False

    @classmethod
    def of(cls, product: str, environment: str, config: Environment, folder: Path) -> "Address":
        """As bot.toml has it. Raises TargetError when ports are in each other's way."""
        public = urlsplit(config.url).port or 80
        found = cls(
            product,
            environment,
            config.url.rstrip("/"),
            public,
            config.first_port,
            folder.absolute(),
            config.sticky,
        )
        check_ports(found.title, public, config.first_port)
        return found

    @property
    def title(self) -> str:
        """As people say it."""
        return f"{self.product} {self.environment}"

    @property
    def identity(self) -> str:
        """Tells this environment from every other one, also from another bot's of the same name."""
        return hashlib.sha256(f"{self.title} {self.folder}".encode()).hexdigest()[:16]

    def entries(self, host: str = "127.0.0.1") -> dict[Slot, str]:
        """The base URLs of the two slots' own entries through the router."""
        return {slot: f"http://{host}:{self.first + number}" for number, slot in enumerate(SLOTS)}


@dataclass(frozen=True)
class Site:
    """What a kind of target brings to the slots.

    `inside` is the port on which every service listens behind its own name, in a network that the router
    shares with it; None: each has a port of its own on this machine.
    """

    address: Address
    runtime: Runtime
    router: Router
    logs: Logs
    inside: int | None = None


def utc_now() -> datetime:
    """The time, when nobody brings a clock."""
    return datetime.now(UTC)


def unchanged(text: str) -> str:
    """No redaction."""
    return text
