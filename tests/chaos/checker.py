"""Judges a run from the outside alone: the journal, the deployments' state, and what people see in Slack."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.board import about
from tests.chaos.crew import Crew
from tests.chaos.outside import Entry, Outside
from tests.chaos.stories import BACK, ENDS, FORWARD, Story, Told

Deed = tuple[str, str, str]
Bounds = tuple[int, int]
ONCE: Bounds = (1, 1)
AT_MOST_ONCE: Bounds = (0, 1)


@dataclass(frozen=True)
class Expected:
    """How often each deed must be in the journal, at least and at most; what is not named must not be there."""

    deeds: dict[Deed, Bounds]
    live: str


def expected(told: Told) -> Expected:
    """What a story leaves outside: production and the origin; staging and the commands may be repeated."""
    new, old = told.version, told.before
    if told.story not in FORWARD | BACK:
        return Expected({}, old)
    revision, earlier = (version.split(".")[1] for version in (new, old))
    deeds: dict[Deed, Bounds] = {
        ("backup", "production", "production.backup"): ONCE,
        ("migrate", "production", revision): ONCE,
        ("start", "production", new): ONCE,
        ("shift", "production", f"{new} 10"): ONCE,
    }
    if told.story in FORWARD:
        deeds |= {("promote", "production", new): ONCE, ("tag", "origin", new): ONCE}
        return Expected(deeds | {("retire", "production", old): ONCE}, new)
    deeds |= {
        ("promote", "production", old): ONCE,
        ("retire", "production", new): ONCE,
        ("backup", "production", "before-undo.backup"): ONCE,
        ("undo", "production", earlier): ONCE,
        ("tag", "origin", new): AT_MOST_ONCE,
    }
    return Expected(deeds | _turning_point(told), old)


def _turning_point(told: Told) -> dict[Deed, Bounds]:
    """How far a release came before it went back."""
    new, old = ("promote", "production", told.version), told.before
    if told.story is Story.CRITICAL_CANARY:
        return {}
    if told.story is Story.BACK_IN_CANARY:
        return {new: AT_MOST_ONCE}
    if told.story is Story.BACK_AFTER_SUCCESS:
        cold = {("retire", "production", old): ONCE, ("start", "production", old): ONCE}
        return {new: ONCE, ("tag", "origin", told.version): ONCE, **cold}
    return {new: ONCE}


def judge(crew: Crew, played: Iterable[Told]) -> Iterator[str]:
    """Findings of one product; none is what we want. It asks the bots nothing and reads none of their tables."""
    entries = crew.outside.entries(crew.product)
    last: Expected | None = None
    for told, following in pairwise([*played, None]):
        if told is None or not told.ended:
            return  # the crew has said already what was missing
        last = expected(told)
        mine = [e for e in entries if told.first < e.id and (following is None or e.id <= following.first)]
        yield from _of_release(told, last, mine)
        yield from _said(crew, told)
    yield from _state(crew, last)
    yield from _built_twice(crew.product, entries)
    yield from _messages(crew)


def _of_release(told: Told, rule: Expected, entries: list[Entry]) -> Iterator[str]:
    name = f"{told.product} {told.version} ({told.story})"
    counted = Counter(entry.deed for entry in entries if entry.place in ("production", "origin"))
    for deed in counted.keys() | rule.deeds.keys():
        least, most = rule.deeds.get(deed, (0, 0))
        if not least <= counted[deed] <= most:
            yield f"{name}: {' '.join(deed)} happened {counted[deed]} times, not {least} to {most}"
    for entry in entries:
        forward = entry.kind in ("shift", "promote") and entry.place == "production"
        if forward and told.version in entry.what and not 0 < told.approved_at <= entry.at:
            yield f"{name}: {entry.kind} without an approver's click"


def _state(crew: Crew, rule: Expected | None) -> Iterator[str]:
    if rule is None:
        return
    with crew.outside.open(crew.product) as book:
        state = book.get("target production")
        revision = book.get("revision production")
    live = (state[state["live"]] or {"version": "nothing"})["version"]
    if (live, state["share"]) != (rule.live, 0):
        yield f"{crew.product}: production serves {live} with a share of {state['share']}, not {rule.live}"
    if revision != rule.live.split(".")[1]:
        yield f"{crew.product}: the database is at {revision}, production at {rule.live}"


def _said(crew: Crew, told: Told) -> Iterator[str]:
    """What people are told in the end: one card with how it ended, and the end itself. A start that arrived late may
    have made another one of a release that failed."""
    name = f"{told.product} {told.version} ({told.story})"
    cards = [card.text for card in crew.cards_of(told.version)]
    ends = [f"{told.version} — {end}." for end in (ENDS[told.story], "cancelled")]
    again = 0 if told.story in BACK | FORWARD else told.late
    all_ended = all(any(end in text for end in ends) for text in cards)
    if not 1 <= len(cards) <= 1 + again or not all_ended or not any(ends[0] in text for text in cards):
        yield f"{name}: its cards say {[text[:80] for text in cards]}"
    topics = {about(message)[1] for message in crew.messages_of(told.version)}
    if (wanted := _end_of(told.story)) not in topics:
        yield f"{name}: {wanted} was never posted"


def _end_of(story: Story) -> str:
    """The topic in which the channel reads of the end."""
    if story in BACK:
        return "announcement:rollback"
    return "announcement" if story in FORWARD else "result"


def _built_twice(product: str, entries: list[Entry]) -> Iterator[str]:
    for deed, count in Counter(entry.deed for entry in entries if entry.kind == "build").items():
        if count > 1:
            yield f"{product}: {' '.join(deed)} was built {count} times"


def _messages(crew: Crew) -> Iterator[str]:
    topics = Counter(about(message) for message in crew.board.messages(crew.channel))
    for (release, topic), count in topics.items():
        if count > 1:
            yield f"{crew.product}: {topic or 'a message without topic'} of {release} was posted {count} times"
    for card in crew.cards():
        if "(step " in card.text:
            yield f"{crew.product}: a card was left at {card.text[:80]!r}"


def journal_of(outside: Outside, told: Told) -> list[str]:
    """A release's deeds as lines, for the report of a finding."""
    mine = [
        entry for entry in outside.entries(told.product, told.first) if entry.id <= (told.last or 1 << 60)
    ]
    return [f"{entry.at:.2f} {entry.process} {' '.join(entry.deed)}" for entry in mine]
