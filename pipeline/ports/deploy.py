"""Where a release runs: services, slots, traffic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pipeline.ports.work import Image, Limits

Slot = Literal["blue", "green"]
SLOTS: tuple[Slot, Slot] = ("blue", "green")


@dataclass(frozen=True)
class ServiceSpec:
    """How one component runs in one environment. Without a `route` it has no port (a worker).

    `limits`, `volumes` (name -> path inside) and `shared` (folder of this machine -> path inside, to read only) count
    in containers. `overlap`: two generations of a worker may run beside each other while one hands over to the next.
    """

    component: str
    image: Image
    run: tuple[str, ...]
    route: str | None
    health: str
    version_path: str
    grace: float
    ready_timeout: float
    env: Mapping[str, str] = field(repr=False, default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    volumes: Mapping[str, str] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    overlap: bool = False


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


@dataclass(frozen=True)
class Deaths:
    """How often services were brought back by what runs them, and the components that last ran out of memory."""

    restarts: int = 0
    out_of_memory: tuple[str, ...] = ()


class DeployTarget(Protocol):
    """One environment of one product: two fixed slots per service and one routing state.

    All methods raise TargetError, whose message says what, why and what next. A failed
    `prepare` leaves traffic and the live slot as they were.
    """

    async def prepare(self, bundle: Bundle) -> SlotStatus:
        """Run the bundle's services with a port in the slot that is not live, until each is healthy
        and answers with the bundle's version. Traffic is left alone. Done already: returns at once.
        With nothing live yet the bundle still gets no traffic until `promote`. A release that is in
        a slot already is completed there; after a restart this is also how the target learns the
        services' environment, which is never stored: call it before `promote`, also on the way back."""

    async def shift(self, release_id: str, share: int) -> None:
        """Give the prepared release `share` percent of the requests (0 takes it out again)."""

    async def promote(self, release_id: str) -> None:
        """All traffic to this release, then the work: the other slot's workers end before its own start, or
        after it where both generations allow an `overlap`. The release that was live stays warm in the
        other slot. Also the way back: promote the previous one."""

    async def retire(self, release_id: str) -> None:
        """Drain and stop the release's processes. Refuses when it is live. Gone already: success."""

    async def status(self) -> TargetStatus:
        """What is really there, asked of the processes and of the router, not of memory."""

    async def reconcile(self) -> TargetStatus:
        """After a crash: bring router and processes to what the stored state says, then `status`."""

    async def missing(self) -> tuple[str, ...]:
        """What should run and does not, in words; workers included."""

    async def deaths(self, release_id: str) -> Deaths:
        """How often the release's services ended by themselves, as far as what runs them counts it."""

    async def heal(self) -> bool:
        """Look after the router between releases: start it again when it died. True when that was needed."""

    def address(self, slot: Slot | None = None) -> str:
        """Base URL through the router: of exactly one slot, or the public one."""

    async def logs(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """Log lines of the release's processes since a time, oldest first, each with its component."""

    async def stop(self) -> None:
        """Stop everything of this environment, the router included (the demo's end)."""
