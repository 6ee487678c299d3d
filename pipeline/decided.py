"""What a boundary between two stages decided (progress.py), to be written (crossing.py) and carried out (engine.py)."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.events import Fact
from pipeline.models import StageRun


@dataclass
class Step:
    """What a boundary decided: runs to execute now, or that the worker must first stop its tasks.

    The rest is what is to be written: runs that are new or changed, the facts, where the release must still turn,
    and what becomes of the lock of one that ended: opened, or left behind with a reason.
    """

    begin: list[StageRun] = field(default_factory=list)
    must_stop: bool = False
    parked: bool = False
    added: list[StageRun] = field(default_factory=list)
    changed: list[StageRun] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    unlocked: bool = False
    left_locked: str = ""
    turn_to: dict[str, Any] | None = None
