"""A container as it is ordered, and as the engine lists it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.ports import Limits

LABEL = "releasebot."
IDENTITY, PLACE, SPEC = f"{LABEL}identity", f"{LABEL}place", f"{LABEL}spec"

ENDING = ".ending-"
"""In the name of a container whose end has begun."""


@dataclass(frozen=True)
class Found:
    """A container as the engine lists it."""

    id: str
    name: str
    state: str
    labels: Mapping[str, str]

    @property
    def is_ending(self) -> bool:
        """Whether its end has begun."""
        return ENDING in self.name

    @property
    def place(self) -> str:
        """Where in the environment it belongs; empty when it does not say."""
        return self.labels.get(PLACE, "")

    @property
    def spec(self) -> str:
        """What it is a copy of."""
        return self.labels.get(SPEC, "")

    @property
    def runs(self) -> bool:
        """Whether it runs, and goes on running."""
        return self.state == "running" and not self.is_ending

    @property
    def is_dead(self) -> bool:
        """Whether nobody but us brings it back: not the engine, and no person who has paused it."""
        return self.state in ("created", "exited") and not self.is_ending


@dataclass(frozen=True)
class Order:
    """A container to be made. `ports`: port inside -> port on 127.0.0.1. `mounts`: path or volume -> path inside;
    `volumes` are those of them that the environment owns. `shared` are mounts that may only be read.

    `lasting`: the engine brings it back when it dies and when the machine comes up again. `options` are
    further ones of the SDK's create_host_config.
    """

    place: str
    name: str
    image: str
    argv: tuple[str, ...]
    labels: Mapping[str, str]
    ports: Mapping[int, int]
    alias: str
    mounts: Mapping[str, str] = field(default_factory=dict)
    volumes: Collection[str] = ()
    shared: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str | None = None
    folder: str | None = None
    limits: Limits = field(default_factory=Limits)
    lasting: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
