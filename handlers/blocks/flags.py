"""Feature flags in messages: the board that a person asked for, the question before a switch, the news after it."""

import json
from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import ButtonElement, ConfirmObject

from handlers.blocks import parts
from handlers.blocks.parts import Message, Part
from handlers.text import flags as text
from handlers.text import ids, words
from handlers.text.language import tr
from pipeline.models import Event
from pipeline.switching import Board, Standing, Wish

MOST_BUTTONS = 16
"""Flags with a block of their own, in each environment; Slack takes 50 blocks a message."""


def board(boards: Sequence[Board], product: str, command: str) -> Message:
    """How the flags of a product stand in each environment, with a button for each kill switch."""
    title = tr("Flags of {product}", product=product)
    blocks: list[Part] = [parts.header(f"🚦 {title}")]
    for each in boards:
        blocks += _environment(each, product)
    other = f"`{command} flags NAME on|off [environment] [reason]`"
    blocks.append(parts.context(tr("Any other one: {command}", command=other)))
    said = "; ".join(f"{each.environment}: {_summary(each)}" for each in boards)
    return Message(parts.cut(f"{title}. {said}", parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _summary(shown: Board) -> str:
    if shown.error:
        return tr("cannot be read")
    states = [f"{words.safe(each.flag.key, 80)} {_state(each)}" for each in shown.flags]
    return ", ".join(states) or tr("none")


def _environment(shown: Board, product: str) -> list[Part]:
    name = words.bold(shown.environment)
    if shown.error:
        said = tr("cannot be read: {error}", error=words.safe(shown.error, 800))
        return [parts.section(f"{name}\n❌ {said}")]
    if not shown.flags:
        none = tr("None yet: the first release with flags brings them.")
        return [parts.section(f"{name}\n{none}")]
    first = [standing for standing in shown.flags if standing.button][:MOST_BUTTONS]
    rest = [_line(standing) for standing in shown.flags if standing not in first]
    lost = tr("missing; applications use their own default")
    missing = [f"`{words.safe(key, 80)}` — ⚠️ {lost}" for key in shown.missing]
    return [
        parts.section(name),
        *(_with_button(standing, shown.environment, product) for standing in first),
        *parts.lines([*rest, *missing], most=3),
    ]


def _state(standing: Standing) -> str:
    return text.state(standing.flag.on, standing.flag.doubt, standing.flag.variant)


def _line(standing: Standing) -> str:
    flag = standing.flag
    facts = (
        f"`{words.safe(flag.key, 80)}` — {words.bold(_state(standing))}",
        text.stands(flag.on, standing.safe),
        text.changed(standing.changed_by, standing.changed_at, standing.reason),
    )
    described = f"\n{words.quiet(words.safe(flag.description, 150))}" if flag.description else ""
    return " · ".join(facts) + described


def _with_button(standing: Standing, environment: str, product: str) -> Part:
    """The button leads to the safe state, and from there away."""
    to = standing.safe if standing.unsafe else not standing.safe
    wish = Wish(product, environment, standing.flag.key, bool(to), "", "")
    return parts.section(_line(standing), accessory=_button(wish, standing.safe, _sure(wish, standing.safe)))


def _button(wish: Wish, safe: bool | None, sure: ConfirmObject | None) -> ButtonElement:
    facts = {"flag": wish.key, "environment": wish.environment}
    means = (
        tr("Switch {flag} on in {environment}", **facts)
        if wish.on
        else tr("Switch {flag} off in {environment}", **facts)
    )
    risky = safe is not None and safe is not wish.on
    return parts.button(
        _label(wish.on), ids.FLAG, hints(wish), means=means, style="danger" if risky else None, confirm=sure
    )


def _label(on: bool) -> str:
    return tr("Switch on") if on else tr("Switch off")


def _sure(wish: Wish, safe: bool | None) -> ConfirmObject:
    said = tr("Everybody gets it at once, whatever rules there are. It is announced, with your name.")
    if safe is not None and safe is not wish.on:
        said += " " + tr("That is NOT its safe state.")
    return parts.confirm(question(wish), said, _label(wish.on), tr("Keep it"))


def question(wish: Wish) -> str:
    """The one question before a switch."""
    facts = {"flag": wish.key, "environment": wish.environment}
    if wish.on:
        return tr("Switch {flag} on in {environment}?", **facts)
    return tr("Switch {flag} off in {environment}?", **facts)


def hints(wish: Wish) -> str:
    """A button's value. What it says is looked up and checked again like anything that is typed."""
    return json.dumps([wish.product, wish.environment, wish.key, wish.on, wish.reason[:500]])


def asked(wish: Wish, now: Standing) -> Message:
    """The one confirmation of a command that was typed: a button, and nothing happens without it."""
    plain = words.safe(question(wish), 300)
    risky = now.safe is not None and now.safe is not wish.on
    said = [words.bold(plain) + " " + tr("Everybody gets it at once.")]
    said += ["⚠️ " + tr("That is NOT its safe state.")] if risky else []
    said += [f"> {words.safe(wish.reason, 300)}"] if wish.reason else []
    button = _button(wish, now.safe, None)
    blocks = [parts.section("\n".join([*said, _line(now)])), parts.actions("flag", button)]
    return Message(plain, parts.as_dicts(blocks))


def switched(event: Event) -> Message:
    """The news of a switch that applications get."""
    payload, said = event.payload, _said(event)
    was, safe = payload["was"], payload["safe"]
    risky = safe is not None and safe is not payload["to"]
    doubt = [tr("Its safe state is {state}.", state=text.word(safe))] if risky else []
    before = text.state(was["on"], was["doubt"], was["variant"])
    rows = [f"{'⚠️' if risky else '🚦'} {words.bold(said)}", *doubt, _by(event, words.when(event.at), before)]
    if payload["set_aside"]:
        rows.append(tr("The rules that decided before are out of force; the record has them."))
    plain = " ".join([f"{said}.", *doubt, _by(event, words.plain_when(event.at), before)])
    blocks = [
        parts.section("\n".join(rows) + _quote(payload)),
        parts.context(tr("Read back as an application gets it.")),
    ]
    return Message(parts.cut(plain, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def unconfirmed(event: Event) -> Message:
    """The news that nobody knows what users get."""
    payload = event.payload
    headline = f"{_said(event)}? " + tr("It could NOT be confirmed.")
    error = words.safe(payload["error"], 1500)
    rows = [
        f"❌ {words.bold(headline)} " + tr("{people}: please look now.", people=payload["people"]),
        tr("{who} switched it {when}.", who=words.person(event.actor), when=words.when(event.at)),
        error,
    ]
    blocks = [parts.section("\n".join(rows) + _quote(payload))]
    return Message(parts.cut(f"{headline} {error}", parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _said(event: Event) -> str:
    facts = {
        "product": event.product,
        "flag": words.safe(event.payload["key"], 80),
        "environment": event.payload["environment"],
    }
    if event.payload["to"]:
        return tr("{product}: `{flag}` is on in {environment}", **facts)
    return tr("{product}: `{flag}` is off in {environment}", **facts)


def _by(event: Event, moment: str, before: str) -> str:
    return tr(
        "{who} switched it {when}; before: {before}.",
        who=words.person(event.actor),
        when=moment,
        before=before,
    )


def _quote(payload: dict[str, Any]) -> str:
    return "\n> " + words.safe(payload["reason"], 500).replace("\n", "\n> ") if payload["reason"] else ""
