"""The language that people read: gettext catalogues, chosen for the length of a block.

The English sentence stands in the code and is the key. Channel messages are in the channel's language
(bot.toml), private ones in the reader's (users.info). `make messages` renews the catalogues in handlers/locale.
"""

import contextlib
import gettext
import io
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal

from babel import dates, numbers
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ENGLISH = "en"
LANGUAGES = ("en", "pt_BR")
CATALOGUES = Path(__file__).parents[1] / "locale"

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


def nearest(tag: str) -> str:
    """The language of ours that is nearest to a BCP 47 tag such as pt-BR, pt-PT or en-GB; English for all others."""
    wanted = tag.replace("-", "_").split("_")[0].lower()
    return next((ours for ours in LANGUAGES if ours.split("_")[0] == wanted), ENGLISH)


@contextlib.contextmanager
def spoken_in(tag: str) -> Iterator[None]:
    """What is said within the block is in the language nearest to `tag`."""
    token = _spoken.set(nearest(tag))
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """The language that is spoken here, as Babel names it."""
    return _spoken.get()


def mark(sentence: str) -> str:
    """Name a sentence for the catalogues where it is not said yet; `tr` says it later."""
    return sentence


def tr(sentence: str, **facts: object) -> str:
    """A sentence in the language that is spoken, with its facts filled in."""
    said = _catalogue(_spoken.get()).gettext(sentence)
    return said.format_map(facts) if facts else said


def trn(one: str, many: str, count: int, **facts: object) -> str:
    """The form of a sentence that fits `count`, which it may name as {count}."""
    said = _catalogue(_spoken.get()).ngettext(one, many, count)
    return said.format_map({"count": number(count), **facts})


def number(value: float) -> str:
    """A number with the language's own separators."""
    return str(numbers.format_decimal(value, locale=_spoken.get()))


def measurement(value: float) -> str:
    """A number with all its decimals."""
    return str(numbers.format_decimal(value, locale=_spoken.get(), decimal_quantization=False))


def moment(at: datetime) -> str:
    """A moment as plain text, in UTC."""
    pattern = "dd/MM/yyyy HH:mm" if _spoken.get() == "pt_BR" else "yyyy-MM-dd HH:mm"
    return f"{dates.format_datetime(at.astimezone(UTC), pattern, locale=_spoken.get())} UTC"


def listed(names: list[str], *, alternatives: bool = False) -> str:
    """Names as a list in words: a, b and c (or c)."""
    style: Literal["or", "standard"] = "or" if alternatives else "standard"
    return format_list(names, style=style, locale=_spoken.get())


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of a language, compiled in memory: there is no build step."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    path = CATALOGUES / language / "LC_MESSAGES" / "releasebot.po"
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
