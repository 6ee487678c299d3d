"""The chat's markup as plain text: names for mentions, times written out, nothing escaped. Pure."""

import re
from collections.abc import Iterable, Mapping
from html import unescape

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")
_GROUP = re.compile(r"<!subteam\^([A-Z0-9]+)>")
_DATE = re.compile(r"<!date\^[^|<>]*\|([^<>]*)>")
_LINK = re.compile(r"<(https?://[^|<>]+)(?:\|([^<>]*))?>")
_BOLD = re.compile(r"^(\W*)\*([^*\n]+)\*", re.MULTILINE)
"""Ours is bold where a line begins; elsewhere the stars are what somebody wrote."""
_CODE = re.compile(r"`([^`\n]+)`")
"""All of it is ours: what outsiders write has no backticks left."""
_QUIET = re.compile(r"^_(.*)_$", re.MULTILINE)


def mentioned(texts: Iterable[str]) -> tuple[str, ...]:
    """The users that are mentioned, once each."""
    return tuple(dict.fromkeys(user for text in texts for user in _MENTION.findall(text)))


def unmarked(text: str, names: Mapping[str, str]) -> str:
    """The text without markup; `names` are people's, by their ids. Who has none there is called by the id."""
    text = _MENTION.sub(lambda found: names.get(found[1], found[1]), text)
    text = _DATE.sub(r"\1", _GROUP.sub(r"\1", text))
    text = _LINK.sub(lambda found: f"{found[2]} ({found[1]})" if found[2] else found[1], text)
    text = _CODE.sub(r"\1", text)
    return unescape(_QUIET.sub(r"\1", _BOLD.sub(r"\1\2", text)))
