"""What the text of a pull request says of risks: merge and squash commits carry it in their messages. Pure.

A section is found by its heading, of any level and form, in English or Portuguese; its list items and paragraphs are
what it says. It was written by whoever may open a pull request, mostly into a template: it stays data, within bounds.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.plain import plain

LONGEST, MOST_LINES, MOST_SAID, VALUE = 65_536, 500, 20, 1000
"""Characters and lines of a message that are read, things taken of one section, and characters of each."""

_NAMES = {
    "risk": (
        "risk", "risks", "known risks", "potential risks", "risk assessment", "risks and mitigations", "risco",
        "riscos", "riscos conhecidos", "riscos potenciais", "possiveis riscos", "avaliacao de riscos",
        "riscos e mitigacoes",
    ),
    "mitigation": ("mitigation", "mitigations", "mitigacao", "mitigacoes"),
    "rollback": (
        "rollback", "rollback plan", "roll back", "way back", "plano de rollback", "plano de reversao", "reversao",
        "caminho de volta",
    ),
}  # fmt: skip
_TRAILER_OF = {name: trailer for trailer, names in _NAMES.items() for name in names}
"""Headings, without accents and in lower case, and the trailers that they stand for."""

_NOTHING = frozenset({
    "", "none", "none known", "na", "n/a", "no", "no risk", "no risks", "no known risks", "nothing", "not applicable",
    "no response", "tbd", "nenhum", "nenhuma", "nenhum risco", "nenhum conhecido", "sem risco", "sem riscos", "nao",
    "nao ha", "nada", "nao se aplica",
})  # fmt: skip
"""Answers to a template that say that there is nothing to say."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_UNDERLINED = re.compile(r"(?m)(?<![^\n]\n)^([^\W\d_][^\n]{0,80})\n(?:=+|-{2,})[ \t]*$")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_HASHES = re.compile(r" {0,3}(#{1,6})(?:\s(.*))?$")
_STARRED = re.compile(r" {0,3}(\*\*|__)([^*_\n]{1,80})\1\s*:?(.*)$")
_WORDS = re.compile(r" {0,3}([^\W\d_][^:\n]{0,60}):(?:\s(.*))?$")
_RULE = re.compile(r" {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$")
_ITEM = re.compile(r"(\s*)(?:[-*+]|\d{1,3}[.)])\s+(?:\[([ xX])\]\s*)?(.*)$")
_ROW = re.compile(r"\s*\|(.*)\|\s*$")
_TRAILER = re.compile(
    r"(?:BREAKING CHANGE|Risk|Mitigation|Flag|Rollback|Migration|Refs|\w{1,30}(?:-\w{1,30}){1,4}): "
)
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")
_LOWEST = 7
"""The level of a heading without hashes: below all that have some."""


class _Line(NamedTuple):
    """A line of text. A heading has a `title` (folded, as in `_TRAILER_OF`); its text is what stands after it."""

    text: str
    title: str | None = None
    level: int = _LOWEST


def sections(body: str) -> dict[str, tuple[str, ...]]:
    """What the sections of a message's body say, each thing as one line, by the trailers that they stand for."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    text = _UNDERLINED.sub(r"## \1", _COMMENT.sub("", body[:LONGEST].replace("\r\n", "\n")))
    for trailer, section in _split(_read(text.splitlines()[:MOST_LINES])):
        found[trailer] += [one for one in _said(section) if _folded(one) not in _NOTHING and one[-1] != ":"]
    return {trailer: tuple(dict.fromkeys(said))[:MOST_SAID] for trailer, said in found.items() if said}


def _read(lines: Iterable[str]) -> Iterator[_Line]:
    """The lines with headings told apart; without what is quoted as code, which may show such a section."""
    before, fenced = "", False
    for text in lines:
        if _FENCE.match(text):
            fenced = not fenced
        elif not fenced:
            yield _heading(text, begins=not before.strip()) or _Line(text)
        before = text


def _heading(text: str, *, begins: bool) -> _Line | None:
    """The heading that a line is. Words with a colon are one at the beginning of a paragraph, or if they are ours."""
    if hashes := _HASHES.match(text):
        return _Line("", _folded(hashes[2] or ""), len(hashes[1]))
    if found := _STARRED.match(text):
        title, said = _folded(found[2]), found[3].strip(" :")
        return _Line(said, title) if not said or title in _TRAILER_OF else None
    if not (found := _WORDS.match(text)):
        return None
    title, said = _folded(found[1]), (found[2] or "").strip()
    if said:  # `Risk: ...` is a trailer, and read as one
        return _Line(said, title) if begins and title in _TRAILER_OF and title not in _NAMES else None
    return _Line("", title) if begins or title in _TRAILER_OF else None


def _split(lines: Iterable[_Line]) -> Iterator[tuple[str, list[str]]]:
    """The lines under each of our headings: up to the next one that is not below it, a rule across the page, or the
    trailers at the end of the message."""
    trailer, level, kept, before = "", 0, list[str](), ""
    for line in lines:
        ours = _TRAILER_OF.get(line.title or "", "")
        if ours or _ends(line, level, before):
            if trailer:
                yield trailer, kept
            trailer, level, kept = ours, line.level, [line.text]
        elif line.title is None:
            kept.append(line.text)
        before = line.text
    if trailer:
        yield trailer, kept


def _ends(line: _Line, level: int, before: str) -> bool:
    if line.title is not None:
        return line.level <= level
    return bool(_RULE.match(line.text)) or (not before.strip() and bool(_TRAILER.match(line.text)))


def _said(lines: Iterable[str]) -> Iterator[str]:
    """The items, paragraphs and rows of a section; what is below an item belongs to it. Boxes that are not ticked
    say nothing."""
    said: list[list[str]] = [[""]]
    margin, going_on = LONGEST, False
    for line in lines:
        text, item, row = line.strip(" >\t"), _ITEM.match(line), _ROW.match(line)
        if row:
            _add_row(said, row[1].split("|"))
        elif item and len(item[1]) <= margin:
            margin = len(item[1])
            said.append([item[3]] if item[2] != " " else [])
        elif text and item is None and not going_on and not line[0].isspace():
            said.append([text])
        elif text and said[-1] and not (item and item[2] == " "):
            said[-1].append(f"; {item[3]}" if item else f" {text}")
        going_on = bool(text) and not row
    return (plain("".join(one).replace("**", ""), VALUE) for one in said)


def _add_row(said: list[list[str]], cells: list[str]) -> None:
    """A row of a table; the line under its head takes the head away."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if filled and not any(cell.strip("-: ") for cell in filled):
        said[-1:] = []
    else:
        said.append([" — ".join(filled)])


def _folded(text: str) -> str:
    """Without accents, capitals, and what stands around the words."""
    bare = unicodedata.normalize("NFKD", text[:VALUE]).casefold()
    words = "".join(each for each in bare if not unicodedata.combining(each)).replace(" & ", " and ")
    return _AROUND.sub("", words)
