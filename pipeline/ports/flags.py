"""Feature flags: what everybody gets in one environment, and switching it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

FLAGS_FILE = "flags.json"
"""The name of the file in the folder that applications are served."""

Doubt = Literal["", "rules", "disabled", "value"]
"""Why a flag is neither on nor off for everybody: rules decide for each request; it is disabled, so that each
application's own default holds; its value is not true or false."""


@dataclass(frozen=True)
class Flag:
    """One flag. `on` is what every request gets; None: that is not one of the two, and `doubt` says why.

    `variant` is what is served where no rule says otherwise. Who changed it last and when: as far as the store knows.
    """

    key: str
    on: bool | None
    variant: str
    doubt: Doubt = ""
    description: str = ""
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Switched:
    """A switch that was read back as an application sees it. `set_aside` are rules that are out of force by it."""

    was: Flag
    now: Flag
    set_aside: Mapping[str, Any] = field(default_factory=dict)


class FlagStore(Protocol):
    """The flags of one environment of one product. Every method raises FlagError: what, why, what next."""

    @property
    def adds_missing(self) -> bool:
        """Whether a flag that is missing here is added by the next deployment (`add`); else people add it there."""

    async def flags(self) -> tuple[Flag, ...]:
        """Every flag as it stands now; empty when the environment has none yet."""

    async def switch(self, key: str, on: bool, actor: str, reason: str) -> Switched:
        """Have everybody get `on`, whatever rules there are, and read it back through an application's client.

        Raises ReadBackError when an application does not get it: then it is not known what users get.
        """

    async def add(self, text: str) -> tuple[str, ...]:
        """Add the flags of a release's file (flagd's JSON) that are not there; their keys. None is ever changed."""

    def served(self) -> Path | None:
        """The folder of this machine in which applications read FLAGS_FILE; None where they ask a server, and while
        there is no file. Looks at the disk."""
