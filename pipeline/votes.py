"""Counting approvals: how many people have approved exactly what would run now. Pure."""

from collections.abc import Collection, Iterable
from typing import Any

from pipeline.models import Approval


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
