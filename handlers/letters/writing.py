"""From a draft to a letter: people get their names, the markup of the chat goes, the templates lay it out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from handlers.letters.contents import Draft, draft
from handlers.letters.unmarked import mentioned, unmarked
from handlers.text.language import spoken, spoken_in
from pipeline.config import Product
from pipeline.errors import PipelineError
from pipeline.ports import Directory, Letter
from pipeline.snapshot import Snapshot

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=select_autoescape(("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
COLOURS = {"good": "#1f7a4d", "back": "#8a5a00", "bad": "#b3261e"}
"""Of the line above the headline: dark enough for white and light enough for black."""


class Letters:
    """Writes the letters; `directory` knows people's names."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def write(self, topic: str, shown: Snapshot, product: Product) -> Letter | None:
        """The letter of a topic in the product's language; None when there is nothing to tell."""
        with spoken_in(product.language):
            made = draft(topic, shown, product)
            return laid_out(made, await self._names(made)) if made else None

    async def _names(self, made: Draft) -> dict[str, str]:
        """The names of who is mentioned. Who cannot be looked up now keeps the id: the letter does not wait."""
        names = {}
        for user in mentioned(_texts(made)):
            try:
                names[user] = (await self._directory.person(user)).name
            except PipelineError:
                continue
        return names


def _texts(made: Draft) -> Iterator[str]:
    yield from (made.headline, made.lead, *made.facts.values())
    yield from (row for _, rows in made.sections for row in rows)


def laid_out(made: Draft, names: Mapping[str, str]) -> Letter:
    """The letter as text and as HTML, both with the same words."""
    clean = _clean(made, names)
    facts = {"letter": clean, "language": spoken().replace("_", "-"), "colour": COLOURS[clean.tone]}
    text = _TEMPLATES.get_template("letter.txt").render(facts)
    return Letter(clean.headline, text, _TEMPLATES.get_template("letter.html").render(facts))


def _clean(made: Draft, names: Mapping[str, str]) -> Draft:
    def clean(text: str) -> str:
        return unmarked(text, names)

    return replace(
        made,
        headline=clean(made.headline),
        lead=clean(made.lead),
        facts={name: clean(fact) for name, fact in made.facts.items()},
        sections=tuple((heading, tuple(map(clean, rows))) for heading, rows in made.sections),
    )
