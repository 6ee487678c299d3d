"""The fields of the commands' forms: what each looks like, and what of a typed text belongs to it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.models.blocks import (
    DatePickerElement,
    InputBlock,
    InputInteractiveElement,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
    TimePickerElement,
)

from handlers import phrases
from handlers.blocks import parts
from handlers.likeness import like_a_commit, like_a_version, nearest
from handlers.phrases import Now, Words
from handlers.text import ids
from handlers.text.language import mark, tr
from handlers.text.words import safe

MOST_OPTIONS = 100
"""Slack takes 100 options in a select."""
LONGEST_VALUE = 150
"""Characters of an option's value that Slack takes."""
MOST_WORDS = 4
"""Words of a name that is typed without quotes."""


@dataclass(frozen=True)
class Choice:
    """One option of a select: what it stands for, and how it is shown."""

    value: str
    label: str


@dataclass(frozen=True)
class Offer:
    """What is known when a form is opened: the choices of its selects, and versions that are ready (for texts)."""

    now: Now
    choices: Mapping[str, Sequence[Choice]] = field(default_factory=dict)
    ready: Sequence[str] = ()


Values = dict[str, str]
"""What fields are filled with, by block id."""
Take = Callable[["Field", Words, Offer], tuple[Values, Words]]
"""Reads what is a field's from the words that were typed; gives the words that are left."""
Draw = Callable[["Field", Offer, Values], list[Any]]


@dataclass(frozen=True)
class Field:
    """One field. `label` and `hint` are sentences of the catalogue."""

    block: str
    label: str
    take: Take
    draw: Draw
    hint: str = ""
    optional: bool = False
    most: int = 0

    @property
    def blocks(self) -> tuple[str, ...]:
        """The ids of its inputs."""
        if self.draw is _named:
            return ()
        return (ids.DAY, ids.TIME) if self.block == ids.DAY else (self.block,)

    def input(self, element: InputInteractiveElement, said: str = "", block: str = "") -> InputBlock:
        """An input of this field; `said` stands in for its hint."""
        hint = said or (tr(self.hint) if self.hint else "")
        return InputBlock(
            block_id=block or self.block,
            label=parts.plain(tr(self.label)),
            hint=parts.plain(hint, 150) if hint else None,
            optional=self.optional,
            element=element,
        )


# ----------------------------------------------------------------- what was typed


def _version(one: Field, words: Words, offer: Offer) -> tuple[Values, Words]:
    if words and like_a_version(words[0]):
        return {one.block: words[0]}, words[1:]
    return ({one.block: offer.ready[0]} if offer.ready else {}), words


def _commit(one: Field, words: Words, offer: Offer) -> tuple[Values, Words]:
    return ({one.block: words[0]}, words[1:]) if words and like_a_commit(words[0]) else ({}, words)


def _chosen(one: Field, words: Words, offer: Offer) -> tuple[Values, Words]:
    """The choice that was typed, else the one that is nearest to a word; the only one there is needs no word."""
    known = [choice.value for choice in offer.choices[one.block]]
    lower = {value.lower(): value for value in known}
    for count in range(min(MOST_WORDS, len(words)), 0, -1):
        if found := lower.get(" ".join(words[:count]).lower()):
            return {one.block: found}, words[count:]
    if words and (near := nearest(words[0], known)):
        return {one.block: near}, words[1:]
    return ({one.block: known[0]} if len(known) == 1 else {}), words


def _moment(one: Field, words: Words, offer: Offer) -> tuple[Values, Words]:
    day, clock, left = phrases.partly(words, offer.now)
    today = {} if one.optional else {ids.DAY: str(offer.now.today)}
    return today | ({ids.DAY: day} if day else {}) | ({ids.TIME: clock} if clock else {}), left


def _anywhere(one: Field, words: Words, offer: Offer) -> tuple[Values, Words]:
    found = next((word for word in words if like_a_version(word)), None)
    return ({one.block: found}, [word for word in words if word != found]) if found else ({}, words)


def _rest(one: Field, words: Words, offer: Offer) -> tuple[Values, Words]:
    return ({one.block: " ".join(words)} if words else {}), ()


# ------------------------------------------------------------------ how it looks


def _line(one: Field, offer: Offer, values: Values) -> list[InputBlock]:
    """A line of text; versions that are ready are named below it."""
    known = one.block == ids.VERSION and offer.ready
    said = tr("Ready to be released: {versions}.", versions=", ".join(offer.ready)) if known else ""
    value = values.get(one.block, "")[: one.most] or None
    element = PlainTextInputElement(action_id=ids.INPUT, initial_value=value, max_length=one.most)
    return [one.input(element, said)]


def _text(one: Field, offer: Offer, values: Values) -> list[InputBlock]:
    """A sentence or two."""
    value = values.get(one.block, "")[: one.most] or None
    element = PlainTextInputElement(
        action_id=ids.INPUT, initial_value=value, max_length=one.most, multiline=True
    )
    return [one.input(element)]


def _select(one: Field, offer: Offer, values: Values) -> list[InputBlock]:
    options = [
        Option(text=parts.plain(choice.label), value=choice.value)
        for choice in offer.choices[one.block][:MOST_OPTIONS]
    ]
    first = next((option for option in options if option.value == values.get(one.block)), None)
    return [one.input(StaticSelectElement(action_id=ids.INPUT, options=options, initial_option=first))]


def _named(one: Field, offer: Offer, values: Values) -> list[Any]:
    """No input: it is named, and carried along as a hint."""
    value = values.get(one.block, "")[: one.most]
    return [parts.context(f"{tr(one.label)}: `{safe(value)}`")] if value else []


def _day_and_time(one: Field, offer: Offer, values: Values) -> list[InputBlock]:
    """Two fields, as Slack's picker of both knows no zone but the reader's own."""
    day = DatePickerElement(action_id=ids.INPUT, initial_date=values.get(ids.DAY))
    clock = TimePickerElement(action_id=ids.INPUT, initial_time=values.get(ids.TIME))
    at = one.input(clock, tr("In the product's time zone: {zone}.", zone=offer.now.zone.key), ids.TIME)
    at.label = parts.plain(tr("Time"))
    return [one.input(day), at]


# -------------------------------------------------------------------- the fields


def version(optional: bool = False) -> Field:
    """A version that is to be, typed: it need not have a tag yet."""
    return Field(ids.VERSION, mark("Version"), _version, _line, mark("Write it as v0.2.0."), optional, 40)


def commit() -> Field:
    hint = mark("Left empty: the newest candidate of the version, else the tip of main.")
    return Field(ids.COMMIT, mark("Commit"), _commit, _line, hint, optional=True, most=100)


def which() -> Field:
    """The version that was typed, wherever it stood: what a form is about."""
    return Field(ids.VERSION, mark("Version"), _anywhere, _named, optional=True, most=40)


def choice(block: str, label: str, hint: str = "") -> Field:
    """One of what is there; the choices come with the offer."""
    return Field(block, label, _chosen, _select, hint)


def moment(label: str, hint: str = "", optional: bool = False) -> Field:
    """A day and a time of the day, in the product's zone."""
    return Field(ids.DAY, label, _moment, _day_and_time, hint, optional)


def reason(label: str, hint: str, optional: bool = False) -> Field:
    """A sentence or two: whatever else was typed."""
    return Field(ids.REASON, label, _rest, _text, hint, optional, 500)


def filled(fields: Sequence[Field], words: Words, offer: Offer) -> Values:
    """What was typed, in the fields that it belongs to."""
    values: Values = {}
    for each in fields:
        found, words = each.take(each, words, offer)
        values |= found
    return values


def drawn(fields: Sequence[Field], offer: Offer, values: Values) -> list[Any]:
    """The inputs, filled; a select without a choice cannot be shown (Slack wants one option at least)."""
    return [block for each in fields for block in each.draw(each, offer, values)]
