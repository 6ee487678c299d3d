"""What a target writes down about one environment: the state file and the operation log.

The state is the authority: it is written before an effect (the intent) and after it. No value of a
service's environment is ever in it, because those are secrets.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.adapters.slots.caddy_config import other, traffic
from pipeline.errors import TargetError
from pipeline.files import write_atomic
from pipeline.ports import SLOTS, Bundle, Limits, ServiceSpec, Slot

Operation = Literal["prepare", "shift", "promote", "retire", "stop"]
_LOG_LIMIT = 4_000_000  # bytes of the operation log before it is put aside as `.1`


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class ServiceState(_Model):
    """A service as it was ordered, without its environment. Times are in seconds."""

    component: str
    digest: str
    run: tuple[str, ...]
    route: str | None
    health: str
    version_path: str
    grace: float
    ready_timeout: float
    limits: Limits = Limits()
    volumes: tuple[tuple[str, str], ...] = ()
    shared: tuple[tuple[str, str], ...] = ()
    overlap: bool = False

    @classmethod
    def of(cls, spec: ServiceSpec) -> "ServiceState":
        """The lasting part of a service's order."""
        return cls(
            component=spec.component,
            digest=spec.image.digest,
            run=spec.run,
            route=spec.route,
            health=spec.health,
            version_path=spec.version_path,
            grace=spec.grace,
            ready_timeout=spec.ready_timeout,
            limits=spec.limits,
            volumes=tuple(sorted(spec.volumes.items())),
            shared=tuple(sorted(spec.shared.items())),
            overlap=spec.overlap,
        )


class SlotState(_Model):
    """A release in a slot. `prepared`: all its services have been healthy once."""

    release_id: str
    version: str
    services: tuple[ServiceState, ...]
    prepared: bool = False

    @classmethod
    def of(cls, bundle: Bundle) -> "SlotState":
        """A bundle that is about to be prepared."""
        services = tuple(ServiceState.of(spec) for spec in bundle.services)
        return cls(release_id=bundle.release_id, version=bundle.version, services=services)

    @property
    def digests(self) -> dict[str, str]:
        """Component -> digest."""
        return {service.component: service.digest for service in self.services}

    @property
    def served(self) -> tuple[ServiceState, ...]:
        """The services with a port."""
        return tuple(service for service in self.services if service.route is not None)

    @property
    def workers(self) -> tuple[ServiceState, ...]:
        """The services without a port: they run only in the live slot."""
        return tuple(service for service in self.services if service.route is None)


class Pending(_Model):
    """An operation that has begun and is not known to have ended."""

    operation: Operation
    release_id: str
    slot: Slot


class State(_Model):
    """Where everything is.

    `routes` is what the router knows of a slot (component -> path prefix); it stays when the slot is
    emptied, so that the router is not reloaded for it. `drained` is when a slot last lost its traffic,
    in seconds since 1970.
    """

    generation: int = 0
    live: Slot | None = None
    share: int = 0
    previous: str | None = None
    blue: SlotState | None = None
    green: SlotState | None = None
    ports: dict[str, tuple[int, int]] = {}
    routes: dict[Slot, dict[str, str]] = {}
    pending: Pending | None = None
    drained: dict[Slot, float] = {}

    def slot(self, slot: Slot) -> SlotState | None:
        """What is in a slot."""
        return self.blue if slot == "blue" else self.green

    def release(self, slot: Slot | None) -> str | None:
        """The release in a slot."""
        content = self.slot(slot) if slot else None
        return content.release_id if content else None

    def find(self, release_id: str) -> Slot | None:
        """The slot of a release."""
        return next((slot for slot in SLOTS if self.release(slot) == release_id), None)

    def put(self, slot: Slot, content: SlotState | None) -> "State":
        """With a slot's content replaced."""
        return self.model_copy(update={slot: content})

    def learn_routes(self, slot: Slot) -> "State":
        """With the router's routes of a slot taken from its content; an empty other slot gets the same."""
        content = self.slot(slot)
        known = {service.component: service.route or "/" for service in content.served} if content else {}
        routes = {**self.routes, slot: known}
        if self.slot(other(slot)) is None:
            routes[other(slot)] = known
        return self.model_copy(update={"routes": routes})

    def begin(self, operation: Operation, release_id: str, slot: Slot) -> "State":
        """With the intent of an operation."""
        return self.model_copy(
            update={"pending": Pending(operation=operation, release_id=release_id, slot=slot)}
        )

    def end(self) -> "State":
        """With no operation under way."""
        return self.model_copy(update={"pending": None})

    def route(self, live: Slot | None, share: int, now: float) -> "State":
        """With traffic going elsewhere. A slot that loses its last request is marked as drained now."""
        had, has = self._with_traffic(self.live, self.share), self._with_traffic(live, share)
        drained = {**self.drained, **dict.fromkeys(had - has, now)}
        previous = self.release(self.live) if live != self.live else self.previous
        return self.model_copy(
            update={
                "live": live,
                "share": share,
                "previous": previous or self.previous,
                "drained": drained,
                "generation": self.generation + 1,
            }
        )

    def _with_traffic(self, live: Slot | None, share: int) -> set[Slot]:
        if live is None:
            return set()
        return {live, other(live)} if share else {live}

    @property
    def traffic(self) -> str:
        """The route file's content for this state."""
        return traffic(self.live, self.share)


class StateFile:
    """`state.json` and `operations.jsonl` of one environment. Its methods block: call them in a thread."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self._path = folder / "state.json"
        self._log = folder / "operations.jsonl"
        self._clock = clock

    def load(self) -> State:
        """The stored state, or a new one. Raises TargetError when the file is damaged: never guess."""
        try:
            return State.model_validate_json(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return State()
        except ValidationError as error:
            raise TargetError(self._damaged(error.errors()[0]["msg"])) from error
        except (OSError, UnicodeDecodeError) as error:
            raise TargetError(self._damaged(str(error))) from error

    def _damaged(self, why: str) -> str:
        return (
            f"The environment's state {self._path} cannot be read: {why}. Next: restore it from a backup; or "
            f"remove it and reconcile, which stops what runs, and deploy anew."
        )

    def save(self, state: State) -> None:
        """Write the state; when this returns it is on the disk."""
        write_atomic(self._path, state.model_dump_json(indent=1))

    def note(self, step: str, **facts: object) -> None:
        """Add a line to the operation log (what was about to be done, what was done)."""
        line = json.dumps({"at": self._clock().isoformat(), "step": step, **facts}) + "\n"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".jsonl.1"))
        with self._log.open("a", encoding="utf-8") as file:
            file.write(line)


def allocate(state: State, components: list[str], first: int, reserved: set[int]) -> State:
    """With a pair of ports (blue, green) for each component, from `first` upwards, the known ones kept."""
    ports = dict(state.ports)
    used = reserved | {port for pair in ports.values() for port in pair}
    free = (port for port in range(first, 65536) if port not in used)
    for component in components:
        if component not in ports:
            pair = (next(free, 0), next(free, 0))
            if 0 in pair:
                raise TargetError("There are no ports left. Next: choose a lower first_port in bot.toml.")
            ports[component] = pair
    return state.model_copy(update={"ports": ports})
