"""Counting approvals: how many people have approved exactly what would run now. Pure."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from pipeline.config import Approval as Rules
from pipeline.models import Approval, Release

ALONE = "alone"
"""The decision of who asked for a hotfix to go on, because nobody could be reached."""


def standing(
    decisions: Iterable[Approval], binding: dict[str, Any], voided: Collection[int]
) -> list[Approval]:
    """The approvals that count, one a person, in the order in which they were given."""
    counted: dict[str, Approval] = {}
    for decision in decisions:
        if decision.decision == "approve" and decision.bound == binding and decision.id not in voided:
            counted.setdefault(decision.user, decision)
    return list(counted.values())


def rejection(decisions: Iterable[Approval]) -> Approval | None:
    """The first rejection: one is enough, whatever it was bound to."""
    return next((decision for decision in decisions if decision.decision == "reject"), None)


def alone(decisions: Iterable[Approval], binding: dict[str, Any], voided: Collection[int]) -> Approval | None:
    """The word of who asked that nobody could be reached, if it is for exactly what would run now."""
    words = (one for one in decisions if one.decision == ALONE and one.id not in voided)
    return next((one for one in words if one.bound == binding), None)


def alone_from(rules: Rules, release: Release, asked: datetime) -> datetime | None:
    """When who asked for a hotfix may go on alone, its approval being asked for at `asked`; None: never."""
    return asked + rules.alone_after if release.hotfix and rules.alone_after is not None else None
