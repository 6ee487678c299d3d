"""The stories that are played, each with how it must end; a crew plays one release after another."""

import time
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.modals import Values
from bot.sandbox.workspace import Message
from handlers.text import ids
from tests.chaos.board import values
from tests.chaos.crew import Crew, LostError

APPROVAL: Values = {ids.SEEN: {ids.INPUT: ["changes", "back"]}, ids.NOTE: {ids.INPUT: "Looks good."}}
REASON: Values = {ids.REASON: {ids.INPUT: "Because of the story."}}


NOTHING_LOCKED = "Nothing is locked"
OPENED = "is unlocked"


class Story(StrEnum):
    SUCCEEDS = "succeeds"
    TESTS_FAIL = "tests fail"
    REJECTED = "rejected"
    ABORTED = "aborted"
    BACK_IN_CANARY = "rolled back in the canary"
    BACK_IN_WATCH = "rolled back in the watch"
    BACK_AFTER_SUCCESS = "rolled back after success"
    CRITICAL_CANARY = "critical lines in the canary"
    CRITICAL_KEPT = "critical lines in the watch, kept"
    CRITICAL_BACK = "critical lines in the watch, rolled back"
    BACK_TRIED_AGAIN = "the way back fails and is tried again"


BACK = frozenset(
    {
        Story.BACK_IN_CANARY,
        Story.BACK_IN_WATCH,
        Story.BACK_AFTER_SUCCESS,
        Story.CRITICAL_CANARY,
        Story.CRITICAL_BACK,
        Story.BACK_TRIED_AGAIN,
    }
)
FORWARD = frozenset({Story.SUCCEEDS, Story.CRITICAL_KEPT})
ENDS = {
    **dict.fromkeys(BACK, "rolled back"),
    **dict.fromkeys(FORWARD, "live in production"),
    Story.TESTS_FAIL: "failed",
    Story.REJECTED: "failed",
    Story.ABORTED: "cancelled",
}
"""What the card says at the end."""


@dataclass
class Told:
    """One release as it was played: what the journal has after `first` is its own, until the next one's.

    `late` counts the starts that Slack called failed: they may have arrived, and start it again when it has failed.
    """

    product: str
    version: str
    before: str
    story: Story
    first: int = 0
    last: int = 0
    approved_at: float = 0.0
    ended: bool = False
    late: int = 0


async def play(crew: Crew, told: Told) -> None:
    """Play a story, and note when it began and ended. Raises LostError when it does not go as it must."""
    version, before, story = told.version, told.before, told.story
    told.first = crew.outside.newest()
    _prepare(crew, version, before, story)
    try:
        unacked = crew.unacked
        await _start(crew, version)
        told.late = crew.unacked - unacked
        await _act(crew, version, before, told)
        await crew.until(lambda: _card_says(crew, version, ENDS[story]), f"{version}: {ENDS[story]}")
        told.ended = True
    finally:
        told.last = crew.outside.newest()
    if story in BACK:
        await _unlock(crew, version)


def _prepare(crew: Crew, version: str, before: str, story: Story) -> None:
    """Tell the world outside how this version behaves, and the one before it on the way back."""
    critical = {Story.CRITICAL_CANARY: "canary", Story.CRITICAL_KEPT: "live", Story.CRITICAL_BACK: "live"}
    with crew.outside.open(crew.product) as book:
        if story is Story.TESTS_FAIL:
            book.put("failing", book.get("failing", {}) | {version: "test-unit"})
        if story is Story.BACK_TRIED_AGAIN:
            book.put("failing", book.get("failing", {}) | {before: "rollback-smoke"})
        if story in critical:
            book.put("critical", book.get("critical", {}) | {version: critical[story]})


def _card_says(crew: Crew, version: str, state: str) -> bool:
    card = crew.card(version)
    return card is not None and f"{version} — {state}." in card.text


async def _start(crew: Crew, version: str) -> None:
    """At once, or by way of the queue."""
    typed = version if crew.dice.random() < 0.6 else f"queue {version}"
    await crew.insist(
        crew.starter,
        lambda: crew.command(crew.starter, "/release", typed),
        lambda: crew.card(version),
        f"the card of {version}",
    )


async def _act(crew: Crew, version: str, before: str, told: Told) -> None:
    story = told.story
    if story is Story.TESTS_FAIL:
        return
    if story is Story.ABORTED:
        await _abort(crew, version)
        return
    await crew.tick(version, "before")
    if story is Story.REJECTED:
        await _decide(crew, version, ids.REJECT, REASON)
        return
    told.approved_at = time.time()
    await _decide(crew, version, ids.APPROVE, APPROVAL)
    await _in_production(crew, version, before, story)


async def _abort(crew: Crew, version: str) -> None:
    """At any moment before production; by the command or by the card's button."""
    if crew.dice.random() < 0.5:
        await crew.until(lambda: crew.topic(version, "checklist:before"), f"{version}'s checklist")

    def stopped() -> bool:
        return _card_says(crew, version, "cancelled") or bool(crew.topic(version, "result"))

    if crew.dice.random() < 0.5 and (card := crew.card(version)) and values(card, ids.ABORT):
        value = values(card, ids.ABORT)[0]
        await crew.insist(
            crew.starter,
            lambda: crew.click(crew.starter, card, ids.ABORT, value),
            stopped,
            f"the stop of {version}",
        )
    else:
        await crew.insist(
            crew.starter,
            lambda: crew.command(crew.starter, "/release", "abort not today"),
            stopped,
            f"the stop of {version}",
        )


async def _decide(crew: Crew, version: str, button: str, given: Values) -> None:
    message = await crew.until(lambda: crew.topic(version, "approval"), f"the request to approve {version}")
    assert message is not None
    value = (values(message, button) or [""])[0]

    def decided() -> bool:
        shown = crew.topic(version, "approval")
        return shown is not None and not values(shown, ids.APPROVE)

    await crew.submit(
        crew.approver,
        lambda: crew.click(crew.approver, message, button, value),
        given,
        decided,
        f"the decision on {version}",
    )


async def _in_production(crew: Crew, version: str, before: str, story: Story) -> None:
    if story is Story.CRITICAL_CANARY:
        return
    if story is Story.BACK_IN_CANARY:
        await crew.until(lambda: crew.did("shift", "production", f"{version} 10"), f"{version}'s canary")
        await _roll_back(crew, version, before)
        return
    await crew.until(lambda: crew.did("promote", "production", version), f"{version}'s promotion")
    if story in (Story.BACK_IN_WATCH, Story.BACK_TRIED_AGAIN):
        await _roll_back(crew, version, before)
        if story is Story.BACK_TRIED_AGAIN:
            await _try_again(crew, version, before)
        return
    if story in (Story.CRITICAL_KEPT, Story.CRITICAL_BACK):
        asked = await crew.until(lambda: _asked(crew, version), f"the question about {version}")
        assert asked is not None
        if story is Story.CRITICAL_BACK:
            await _roll_back(crew, version, before)
            return
        await _keep(crew, version, asked)
    await crew.tick(version, "after")
    if story is Story.BACK_AFTER_SUCCESS:
        await crew.until(lambda: _card_says(crew, version, "live in production"), f"{version}: live")
        await _roll_back(crew, version, before)


def _asked(crew: Crew, version: str) -> Message | None:
    """The message that asks what to do, as long as it does."""
    found = crew.topic(version, "decision")
    return found if found is not None and values(found, ids.KEEP) else None


async def _keep(crew: Crew, version: str, asked: Message) -> None:
    value = values(asked, ids.KEEP)[0]
    await crew.insist(
        crew.approver,
        lambda: crew.click(crew.approver, asked, ids.KEEP, value),
        lambda: _asked(crew, version) is None,
        f"the decision to keep {version}",
    )


async def _roll_back(crew: Crew, version: str, before: str) -> None:
    """By the command. A way back that ended before anybody looked has begun too."""
    begun = ("rolling", "rolled", "failed")

    def going() -> bool:
        card = crew.card(version)
        return card is not None and any(f"{version} — {said}" in card.text for said in begun)

    await crew.submit(
        crew.roller,
        lambda: crew.command(crew.roller, "/rollback", ""),
        REASON,
        going,
        f"the way back of {version}",
    )


async def _try_again(crew: Crew, version: str, before: str) -> None:
    """Mend what failed, then press the button of the message that says so."""
    told = await crew.until(lambda: _stuck(crew, version), f"the failure of {version}'s way back")
    assert told is not None
    with crew.outside.open(crew.product) as book:
        book.put("failing", {key: name for key, name in book.get("failing", {}).items() if key != before})
    value = values(told, ids.ROLLBACK)[0]
    await crew.submit(
        crew.roller,
        lambda: crew.click(crew.roller, told, ids.ROLLBACK, value),
        REASON,
        lambda: _stuck(crew, version) is None,
        f"the second try of {version}'s way back",
    )


def _stuck(crew: Crew, version: str) -> Message | None:
    """The message of a way back that did not finish, as long as it offers another try."""
    found = crew.topic(version, "announcement:rollback")
    return found if found is not None and values(found, ids.ROLLBACK) else None


async def _unlock(crew: Crew, version: str) -> None:
    """After a rollback production is locked; the announcement says so until it is opened."""

    def opened() -> bool:
        announced = crew.topic(version, "announcement:rollback")
        return announced is not None and "production is unlocked" in str(announced.blocks)

    await crew.until(
        lambda: crew.topic(version, "announcement:rollback"), f"the announcement of {version}'s end"
    )
    await crew.insist(
        crew.approver,
        lambda: crew.command(crew.approver, "/release", "unlock"),
        opened,
        f"the unlocking after {version}",
    )


async def leave(crew: Crew) -> None:
    """After the last release nothing may be locked: whoever wants to unlock is told so. Raises LostError."""
    before = len(crew.board.told(crew.approver))

    def said() -> str:
        answers = crew.board.told(crew.approver)[before:]
        return next((answer for answer in answers if NOTHING_LOCKED in answer or OPENED in answer), "")

    answer = await crew.insist(
        crew.approver,
        lambda: crew.command(crew.approver, "/release", "unlock"),
        said,
        "the look for a lock",
    )
    if NOTHING_LOCKED not in answer:
        raise LostError(f"{crew.product}: a lock was left: {answer}")


__all__ = ["BACK", "ENDS", "FORWARD", "LostError", "Story", "Told", "leave", "play"]
