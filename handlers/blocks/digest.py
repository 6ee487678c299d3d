"""The daily digest of a product."""

from typing import Any

from handlers.blocks import parts
from handlers.blocks.parts import Message
from handlers.text import words
from handlers.text.language import tr
from pipeline import playbook
from pipeline.models import Event
from pipeline.states import ReleaseStatus


def digest(event: Event) -> Message:
    """What is deployed, what waits, what is locked, and what ended since the last one."""
    told, title = event.payload, tr("{product} today", product=event.product)
    rows = [*map(_deployed, told["deployed"]), *map(_lock, told["locks"]), *_waiting(told["waiting"])]
    ended = [_ended(event.product, one) for one in told["ended"]]
    blocks = [
        parts.header(f"🗞️ {title}"),
        *parts.lines(rows or [tr("Nothing has been released yet.")]),
        *(parts.lines([words.bold(tr("Since yesterday")), *ended]) if ended else []),
    ]
    text = f"{title}: " + "; ".join([*rows, *ended] or [tr("Nothing has been released yet.")])
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _deployed(one: list[Any]) -> str:
    environment, version, at = one
    facts = {"version": words.safe(version), "time": words.when(at, "{date_short_pretty} {time}")}
    if environment == "production":
        return tr("production: *{version}* since {time}", **facts)
    return tr("staging: *{version}* since {time}", **facts)


def _lock(one: list[str]) -> str:
    environment, reason = one
    if environment == "production":
        return "🔒 " + tr("production is locked: {reason}", reason=words.safe(reason, 300))
    return "🔒 " + tr("staging is locked: {reason}", reason=words.safe(reason, 300))


def _waiting(waiting: list[str]) -> list[str]:
    if not waiting:
        return []
    version, *names = waiting
    phrases = [tr(playbook.STAGES[name].phrase) for name in names if name in playbook.STAGES]
    return [
        "🙋 "
        + tr("{version} waits for people: {steps}", version=words.safe(version), steps=", ".join(phrases))
    ]


def _ended(product: str, one: list[str]) -> str:
    version, status = one
    emoji, word = words.state(ReleaseStatus(status))
    return f"{emoji} *{words.safe(product)} {words.safe(version)}* {word}"
