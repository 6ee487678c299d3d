"""Which messages the end of a stage changes. Pure."""

from pipeline.events import ANNOUNCEMENT, CARD, EVIDENCE, note, reminder
from pipeline.models import StageRun
from pipeline.states import StageStatus

NOTED = frozenset({"migrate", "watch"})
"""Stages whose success is told in the thread by itself; every failure is."""

ASKING = frozenset({"checklist", "approval"})
"""Stages before which people should have seen the evidence."""


def topics_of(run: StageRun) -> tuple[str, ...]:
    """The messages that a stage's end changes: the card, what it asked of people, and its note if it has one."""
    topics: tuple[str, ...] = (CARD,)
    if "asks" in run.data:
        topics += (run.data["asks"],)
    if run.reminder and run.status is not StageStatus.WAITING:
        topics += (reminder(run.id, run.reminder["at"]),)
    if run.name == "watch" and run.facts.get("measured") and run.status is StageStatus.SUCCEEDED:
        topics += (ANNOUNCEMENT,)
    if run.name in ASKING:
        topics += (EVIDENCE,)
    if run.status is StageStatus.FAILED or (run.name in NOTED and run.status is StageStatus.SUCCEEDED):
        topics += (note(run.name, run.generation),)
    return topics
