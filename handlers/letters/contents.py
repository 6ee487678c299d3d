"""What a letter says, topic by topic: the sentences of the announcements in the chat, with its markup still in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from handlers.blocks import announcements as told
from handlers.blocks import customers, hotfix
from handlers.blocks.card import compare_url
from handlers.blocks.changes import grouped, risk_lines, way_back
from handlers.text import words
from handlers.text.language import tr
from pipeline.config import Product
from pipeline.customers import LONGEST, note
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus


@dataclass(frozen=True)
class Draft:
    """A letter before it is laid out. `sections` are lists with a heading, `facts` are by name, `links` by label."""

    tone: Literal["good", "back", "bad"]
    headline: str
    lead: str
    facts: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[tuple[str, tuple[str, ...]], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    footer: str = ""


def released(shown: Snapshot, product: Product) -> Draft | None:
    """Version, changes, risks with what is done about them, and the way back."""
    if not told.was_announced(shown):
        return None
    changes = tuple(
        (name, tuple(words.safe(one, 160) for one in subjects)) for name, subjects in grouped(shown)
    )
    return Draft(
        "back" if told.went_back(shown.release) else "good",
        told.released_headline(shown),
        "\n".join([*hotfix.broken_glass(shown), told.who_and_when(shown)]),
        sections=(
            *(changes or ((tr("Changes"), (tr("No changes are listed."),)),)),
            (tr("Risks"), _rows(risk_lines(shown))),
            (tr("Way back, in Slack"), _rows(way_back(shown).splitlines())),
        ),
        links=_links(shown, product),
        footer=_footer(shown),
    )


def turned_back(shown: Snapshot, product: Product) -> Draft:
    """A way back, done or stuck: what, why, since when, what it means, what next."""
    stuck = shown.release.status is ReleaseStatus.FAILED
    failed = ((tr("What failed"), (told.what_failed(shown),)),) if stuck and shown.release.reason else ()
    return Draft(
        "bad" if stuck else "back",
        told.how_far(shown)[1],
        tr("Why: {why}", why=told.why_back(shown)),
        told.back_facts(shown),
        failed,
        _links(shown, product),
        _footer(shown),
    )


def failed(shown: Snapshot, product: Product) -> Draft | None:
    """A release that failed before production; None when it was tried again since."""
    if shown.release.status is not ReleaseStatus.FAILED:
        return None
    ending = told.ending(shown)
    facts = {tr("What it means"): ending.meaning, tr("When"): ending.when, tr("Next"): ending.following}
    why = tr("Why: {why}", why=ending.why)
    return Draft("bad", ending.what, why, facts, (), _links(shown, product), _footer(shown))


def for_customers(shown: Snapshot, product: Product) -> Draft | None:
    """What a person has sent to customers, in each language after the other."""
    found = note(shown, product)
    if found is None or found.sent_at is None:
        return None
    texts = [
        (customers.headline(shown, language), _rows(words.safe(text, LONGEST).split("\n")))
        for language, text in found.texts.items()
    ]
    return Draft(
        "good",
        texts[0][0],
        "",
        sections=tuple((name if n else "", rows) for n, (name, rows) in enumerate(texts)),
    )


DRAFTS: Mapping[str, Callable[[Snapshot, Product], Draft | None]] = {
    "announcement": released,
    "rollback": turned_back,
    "stuck": turned_back,
    "result": failed,
    "customers": for_customers,
}
"""By the word of the topic after `mail:`."""


def draft(topic: str, shown: Snapshot, product: Product) -> Draft | None:
    """What the letter of a topic says now; None when there is nothing to tell (any more)."""
    make = DRAFTS.get(topic.split(":")[1])
    return make(shown, product) if make else None


def _rows(rows: list[str]) -> tuple[str, ...]:
    return tuple(row.removeprefix("• ") for row in rows)


def _links(shown: Snapshot, product: Product) -> tuple[tuple[str, str], ...]:
    changes = compare_url(shown.release, product)
    site = (tr("Open the site"), product.environments.production.url)
    return (site, (tr("Changes"), changes)) if changes else (site,)


def _footer(shown: Snapshot) -> str:
    return tr("Release {id}. The steps are in its thread in Slack.", id=shown.release.id)
