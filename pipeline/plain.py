"""Text from outside, made harmless to show: no control characters, no reordering marks, no endless lines."""

import re
import unicodedata

_REORDERING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Unicode's bidirectional marks: they can make a line read as something it does not say (Unicode TR 36)."""

_HARMFUL = re.compile(f"[\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029{_REORDERING}\ud800-\udfff]+")
_BREAKS = re.compile(r"[\t\r\n\v\f\x85\u2028\u2029]\s*")
_COMBINING_LIMIT = 8


def plain(text: str, limit: int = 200) -> str:
    """One line of at most `limit` characters: breaks become spaces, harmful characters go, the rest stays.

    The text stays data: markup is not escaped here, as each medium escapes its own way.
    """
    line = _HARMFUL.sub("", _BREAKS.sub(" ", text[: limit * _COMBINING_LIMIT])).strip()
    return _short(line, len(text) > limit * _COMBINING_LIMIT, limit)


def plain_lines(text: str, limit: int = 2000) -> str:
    """As `plain`, but the lines stay lines."""
    whole = "\n".join(_HARMFUL.sub("", line).rstrip() for line in text[: limit + 1].splitlines()).strip()
    return _short(whole, len(text) > limit, limit)


def _short(text: str, was_cut: bool, limit: int) -> str:
    if len(text) <= limit and not was_cut:
        return text
    cut = text[: limit - 1]
    while cut and unicodedata.combining(cut[-1]):
        cut = cut[:-1]
    return cut + "…"
