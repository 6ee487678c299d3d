"""Asking for what was left out: opening the form of a command (asks.py), and reading what was filled in."""

import json
from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import ActionsBlock

from handlers import forms
from handlers.asks import ASKS, FORMS, Ask, Given
from handlers.blocks import fields as parts_of
from handlers.blocks import forms as blocks
from handlers.blocks import parts
from handlers.blocks.fields import Field, Offer
from handlers.choices import CHOICES, ready_versions
from handlers.desk import Desk, Request
from handlers.likeness import like_a_version
from handlers.text import ids
from handlers.text.language import mark, tr
from pipeline import policy
from pipeline.errors import Refused
from pipeline.locks import ENVIRONMENTS
from pipeline.version import parse_version

LEFT_OUT = frozenset(
    {
        "version_missing",
        "skip_incomplete",
        "lock_reason_missing",
        "freeze_until_when",
        "time_missing",
        "flags_usage",
    }
)
"""Refusals of a text in which something is missing: a form asks for it."""
MISTYPED = frozenset(
    {
        "unknown_flag",
        "unknown_version",
        "unknown_commit",
        "not_skippable",
        "not_wished",
        "no_logs",
        "bad_version",
    }
)
"""Refusals of a command in which something is wrong that a form offers."""
NO_FORM = frozenset({"press_again", "nothing_to_choose"})
"""Why a form could not be opened: then the refusal of the text says how to type it."""
_OF_THE_DAY = frozenset({"no_such_date", "time_far"})
_BY_PLACE = frozenset({"lock", "flags"})
"""Actions for which people may be listed in one environment alone."""
MOST_TYPED = 1500
"""Characters of a text that a button or form carries along."""


def left_out(refusal: Refused) -> bool:
    """Whether something was not typed at all; a time of the day after a day counts too."""
    only_a_day = refusal.code == "time_of_day_missing" and " " not in refusal.facts["text"]
    return only_a_day or refusal.code in LEFT_OUT


def about(text: str) -> tuple[str, list[str]] | None:
    """The word of the command that a text is about, and what follows it; None where it has no form."""
    first, *rest = text.split() or [""]
    if like_a_version(first):
        return "", [first, *rest]
    return (first.lower(), rest) if first.lower() in ASKS else None


# -------------------------------------------------------------------- opening


async def open_form(desk: Desk, request: Request, product: str, word: str, words: Sequence[str]) -> None:
    """Show a command's form, filled with the words that were typed after it. Raises Refused: also NO_FORM."""
    await forms.open_soon(desk, request, lambda: _view(desk, request, product, ASKS[word], words))


async def _view(desk: Desk, request: Request, product: str, ask: Ask, words: Sequence[str]) -> dict[str, Any]:
    if ask.may is not None:
        await _may(desk, request, product, ask.may)
    several = len(desk.service.config.products) > 1
    shown = [field for field in ask.fields if several or field.block != ids.PRODUCT]
    offer = await _offer(desk, product, ask, shown, words)
    values = parts_of.filled(shown, words, offer)
    if several and ids.PRODUCT in [field.block for field in shown]:
        values[ids.PRODUCT] = product
    drawn = [
        parts.context(tr(ask.before)) if ask.before else None,
        *parts_of.drawn(shown, offer, values),
        parts.context(tr(ask.after)) if ask.after else None,
    ]
    carried = {field.block: values.get(field.block, "") for field in shown if not field.blocks}
    hints = {ids.PRODUCT: product} | carried
    return blocks.form(ask.callback, tr(ask.title), tr(ask.submit), tr("Cancel"), drawn, **hints)


async def _may(desk: Desk, request: Request, product: str, action: policy.Action) -> None:
    """Refuse at once who may not, anywhere; where exactly is looked at when the form is submitted."""
    settings, directory = desk.service.product(product), desk.service.ports(product).directory
    refusals = []
    for place in ENVIRONMENTS if action in _BY_PLACE else ENVIRONMENTS[:1]:
        try:
            await policy.may(request.actor, action, settings, directory, place)
        except Refused as refusal:
            refusals.append(refusal)
        else:
            return
    raise refusals[0]


async def _offer(desk: Desk, product: str, ask: Ask, shown: Sequence[Field], words: Sequence[str]) -> Offer:
    selects = [field.block for field in shown if field.block in CHOICES]
    choices = {block: await CHOICES[block](desk, product, words) for block in selects}
    if not all(choices.values()):
        command = f"{desk.service.config.commands.release} {ask.word}"
        raise Refused("nothing_to_choose", command=command, product=product)
    typed = any(ids.VERSION in field.blocks for field in shown)
    return Offer(desk.now(product), choices, await ready_versions(desk, product) if typed else ())


def button(product: str, text: str, label: str = "") -> ActionsBlock | None:
    """The way from a text to its form, beside a refusal or a list."""
    value = ids.value(product, text[:MOST_TYPED])
    means = tr("Opens a form, filled with what was typed")
    return parts.actions("fill", parts.button(label or tr("Fill in a form…"), ids.FILL, value, means=means))


async def ask_product(desk: Desk, request: Request, products: Sequence[str]) -> None:
    """Ask which product a command means that was typed in a channel of none, or of several. Raises Refused."""
    text = str(request.fields.get("text", ""))
    if len(json.dumps(text)) > MOST_TYPED:
        raise Refused("which_product", products=", ".join(products))
    options = [parts_of.Choice(name, name) for name in products]
    one = parts_of.choice(ids.PRODUCT, mark("Product"))
    offer = Offer(desk.now(products[0]), {ids.PRODUCT: options})
    shown = parts.plain(f"{request.name} {text}".strip(), MOST_TYPED)
    drawn = [*one.draw(one, offer, {}), {"type": "context", "elements": [shown.to_dict()]}]
    hints = {"command": request.name, "text": text}
    view = blocks.form(ids.PRODUCT_FORM, tr("Which product?"), tr("Go on"), tr("Cancel"), drawn, **hints)
    await forms.open_view(desk, request, view)


# ----------------------------------------------------------------- submissions


def product_of(desk: Desk, fields: dict[str, Any]) -> str:
    """The product that a form names, looked up. Raises Refused."""
    product = str(fields.get(ids.PRODUCT) or "")
    if product not in desk.service.config.products:
        raise Refused("which_product", products=", ".join(desk.service.config.products))
    return product


def given(desk: Desk, product: str, fields: dict[str, Any]) -> Given:
    """What was filled in."""
    texts = {block: value.strip() for block, value in fields.items() if isinstance(value, str)}
    return Given(texts, desk.now(product))


def mistakes(desk: Desk, callback: str, fields: dict[str, Any]) -> dict[str, str]:
    """Errors by block id, for the form itself to show: what is empty, or cannot be read."""
    ask = FORMS[callback]
    try:
        filled = given(desk, product_of(desk, fields), fields)
    except Refused:
        return {}  # told when it is carried out
    empty = [
        block for field in ask.fields if not field.optional for block in field.blocks if not filled[block]
    ]
    wrong = {block: _please(block) for block in empty} | _unread(ids.VERSION, ask, filled)
    return wrong or _unread_time(ask, filled)


def _please(block: str) -> str:
    if block == ids.REASON:
        return tr("Write one sentence: it goes into the record and to the people concerned.")
    return tr("Fill this in.")


def _unread(block: str, ask: Ask, filled: Given) -> dict[str, str]:
    if not any(block in field.blocks for field in ask.fields):
        return {}
    try:
        parse_version(filled[block])
    except Refused as refused:
        return {block: forms.inline(refused)}
    return {}


def _unread_time(ask: Ask, filled: Given) -> dict[str, str]:
    try:
        ask.make(filled)
    except Refused as refused:
        return {ids.DAY if refused.code in _OF_THE_DAY else ids.TIME: forms.inline(refused)}
    return {}
