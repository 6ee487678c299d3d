"""Which message a topic of a release is. A topic is a word, and what it is about after a colon. Pure."""

from collections.abc import Callable, Mapping

from handlers.blocks import (
    announcements,
    approval,
    asks,
    card,
    checklist,
    customers,
    evaluations,
    hotfix,
    mails,
    notes,
    reminders,
    watching,
)
from handlers.blocks.parts import Message
from pipeline import overruling
from pipeline.config import Product
from pipeline.events import ANNOUNCEMENT, CARD, CHECKLIST, CUSTOMERS, DIRECT, EVIDENCE, HOTFIX, RESULT
from pipeline.mails import MAILED
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot

Rendering = Callable[[Snapshot, Product, str], Message | None]


def _decision(shown: Snapshot, product: Product, run: StageRun) -> Message:
    return (
        evaluations.asked(shown, product, run)
        if overruling.is_open(run)
        else asks.decision(shown, run, product)
    )


def _of_run(make: Callable[[Snapshot, Product, StageRun], Message | None]) -> Rendering:
    """A topic that names a stage run by its number."""

    def rendering(shown: Snapshot, product: Product, rest: str) -> Message | None:
        run = shown.run_by_id(int(rest.split(":")[0]))
        return make(shown, product, run) if run else None

    return rendering


def _note(shown: Snapshot, product: Product, rest: str) -> Message | None:
    run = shown.runs.get(rest.split(":")[0])
    return notes.note(shown, run) if run else None


def _announcement(shown: Snapshot, product: Product, rest: str) -> Message | None:
    return announcements.turned_back(shown) if rest else announcements.released(shown, product)


RENDERINGS: Mapping[str, Rendering] = {
    CARD: lambda shown, product, rest: card.card(shown, product),
    CHECKLIST["before"].split(":")[0]: lambda shown, product, rest: checklist.checklist(shown, rest),
    ANNOUNCEMENT: _announcement,
    RESULT: lambda shown, product, rest: announcements.ended(shown),
    DIRECT: lambda shown, product, rest: reminders.alone(shown, product, rest.rpartition(":")[0]),
    HOTFIX: lambda shown, product, rest: hotfix.begun(shown, product),
    "approval": _of_run(approval.approval),
    "alone": _of_run(hotfix.went_on),
    "decision": _of_run(_decision),
    "dashboard": _of_run(watching.dashboard),
    "reminder": _of_run(lambda shown, product, run: reminders.reminder(shown, run)),
    EVIDENCE: lambda shown, product, rest: notes.evidence(shown),
    "note": _note,
    "log": lambda shown, product, rest: notes.log(shown, rest),
    CUSTOMERS.split(":")[0]: lambda shown, product, rest: customers.message(shown, product, rest),
    MAILED: lambda shown, product, rest: mails.trouble(shown, rest),
}
"""By the first word of the topic."""


def knows(topic: str) -> bool:
    """Whether this version of the bot has such a message."""
    return topic.partition(":")[0] in RENDERINGS


def render(topic: str, shown: Snapshot, product: Product) -> Message | None:
    """The message of a topic as the release is now; None when it has nothing to show."""
    kind, _, rest = topic.partition(":")
    make = RENDERINGS.get(kind)
    return make(shown, product, rest) if make else None
