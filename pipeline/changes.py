"""What a release changes, read from git-cliff's context. Pure.

All of it was written by whoever may commit: it stays data. Control and reordering characters are
gone and texts are cut; markup is escaped by whoever shows it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.plain import plain, plain_lines
from pipeline.sections import sections

SUBJECT, VALUE, NAME = 200, 1000, 100
"""Longest texts in characters: a subject, a trailer's value, a name or address."""

MOST_LINES = 500
"""Lines of a commit's message that are searched for trailers."""

GROUPS = (
    "Breaking",
    "Added",
    "Changed",
    "Deprecated",
    "Removed",
    "Fixed",
    "Security",
    "Documentation",
    "Maintenance",
    "Other",
    "Bookkeeping",
)
"""Headings in reading order: what breaks, Keep a Changelog's own, housekeeping. cliff.toml gives them out."""

_CONVENTIONAL = re.compile(r"(?P<type>\w[\w-]{0,30})(?:\((?P<scope>[^()\n]{0,60})\))?!?:\s", re.ASCII)
_TRAILER = re.compile(r"(BREAKING CHANGE|[A-Za-z][A-Za-z0-9-]{0,60})\s?:\s+(\S.*)")
_NOTE = re.compile(r"customer-note(?:-([a-z]{2,3}(?:-[a-z]{2,4})?))?")
_REVERTING = re.compile(r"(revert|reapply)\b", re.IGNORECASE)
_REVERTED = re.compile(r"\bThis reverts (?:merge )?commit ([0-9a-f]{7,64})\b", re.IGNORECASE)
_REFS = re.compile(r"^Refs: *([0-9a-f, ]{7,})$", re.MULTILINE)
_EMAIL = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
_SHORT = 7

Context = Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Change:
    """One commit. The names in `trailers` are lower-case; `group` is the changelog's heading; `at` is when it was
    committed, as a POSIX time (0 where that is not known)."""

    sha: str
    type: str
    scope: str | None
    subject: str
    breaking: bool
    author: str
    email: str
    trailers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: str = "Other"
    at: int = 0

    @property
    def customer_notes(self) -> Mapping[str, str]:
        """What customers are told, by language (`Customer-Note` alone is English). Empty: nothing is told."""
        found = ((_NOTE.fullmatch(name), said) for name, said in self.trailers.items())
        return {match[1] or "en": "\n".join(said) for match, said in found if match}

    @property
    def risks(self) -> tuple[str, ...]:
        return self.trailers.get("risk", ())

    @property
    def mitigations(self) -> tuple[str, ...]:
        return self.trailers.get("mitigation", ())

    @property
    def flags(self) -> tuple[str, ...]:
        return self.trailers.get("flag", ())

    @property
    def rollback(self) -> tuple[str, ...]:
        return self.trailers.get("rollback", ())

    @property
    def migration(self) -> tuple[str, ...]:
        return self.trailers.get("migration", ())


@dataclass(frozen=True)
class Changes:
    """The commits of base..head that count, newest first; `reverted` of them cancelled each other out."""

    base: str | None
    head: str
    items: tuple[Change, ...]
    reverted: int = 0

    @classmethod
    def from_context(cls, context: Context, *, base: str | None, head: str) -> "Changes":
        """Read git-cliff's context (one dictionary per commit, newest first)."""
        gone = reverted(context)
        items = tuple(read_change(commit) for commit in context if commit.get("id") not in gone)
        return cls(base, head, items, len(gone))

    @property
    def groups(self) -> Mapping[str, tuple[Change, ...]]:
        """The changes by heading, in reading order; no empty ones."""
        found: defaultdict[str, list[Change]] = defaultdict(list)
        for change in self.items:
            found[change.group].append(change)
        return {name: tuple(found[name]) for name in GROUPS if name in found}

    @property
    def authors(self) -> tuple[str, ...]:
        """Everyone who wrote a change, once each, by name."""
        return tuple(sorted({change.author for change in self.items if change.author}, key=str.casefold))

    @property
    def emails(self) -> tuple[str, ...]:
        """The addresses of everyone who wrote a change, those named as co-authors too; once each, sorted."""
        named = (said for change in self.items for said in change.trailers.get("co-authored-by", ()))
        found = [
            *(change.email for change in self.items),
            *(one for text in named for one in _EMAIL.findall(text)),
        ]
        return tuple(sorted({email.casefold() for email in found if email}))

    @property
    def breaking(self) -> tuple[Change, ...]:
        return tuple(change for change in self.items if change.breaking)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many changes of each type, the most frequent first."""
        return dict(Counter(change.type for change in self.items).most_common())

    def risks(self) -> tuple[str, ...]:
        """What the commits themselves call risky, once each: breaking changes first, then what is stated."""
        broken = (f"Breaking: {change.subject}" for change in self.breaking)
        stated = (risk for change in self.items for risk in change.risks)
        return tuple(dict.fromkeys([*broken, *stated]))

    def customer_notes(self, language: str) -> tuple[str, ...]:
        """What customers are told in this language, oldest first; English where it was not translated."""
        notes = (change.customer_notes for change in reversed(self.items))
        return tuple(said for note in notes if (said := note.get(language) or note.get("en")))


def reverted(context: Context) -> frozenset[str]:
    """The commits that cancel each other out: reverted ones and their reverts, newest first.

    A revert of a revert brings the first commit back. A revert of something older than the context stays.
    """
    known = _Known(context)
    undone: set[str] = set()
    reverts: set[str] = set()
    for commit in context:
        wanted = list(_targets(_message(commit)))
        found = [full for want in wanted for full in known.find(want)]
        if str(commit.get("id")) not in undone:
            undone.update(found)
        if wanted and len(found) == len(wanted):
            reverts.add(str(commit.get("id")))
    return frozenset(undone | reverts)


class _Known:
    """The context's commits by (abbreviated) SHA."""

    def __init__(self, context: Context) -> None:
        self._by_start: defaultdict[str, list[str]] = defaultdict(list)
        for commit in context:
            sha = str(commit.get("id", ""))
            self._by_start[sha[:_SHORT]].append(sha)

    def find(self, start: str) -> list[str]:
        return [sha for sha in self._by_start.get(start[:_SHORT], ()) if sha.startswith(start)][:1]


def is_bookkeeping(commit: Mapping[str, object]) -> bool:
    """Merges and the bot's own CHANGELOG commits: counted, but no news to a reader."""
    return _group(str(commit.get("group") or "")) == GROUPS[-1]


def _targets(message: str) -> Iterator[str]:
    if _REVERTING.match(message):
        yield from _REVERTED.findall(message)
        yield from (ref for refs in _REFS.findall(message) for ref in re.findall(r"[0-9a-f]{7,64}", refs))


def read_change(commit: Mapping[str, object]) -> Change:
    """One commit of the context, within bounds whatever its author wrote."""
    first, _, body = _message(commit).strip().partition("\n")
    found = _CONVENTIONAL.match(first) if commit.get("conventional") else None
    author = _mapping(commit.get("author"))
    return Change(
        sha=plain(str(commit.get("id", "")), 64),
        type=found["type"].lower() if found else "other",
        scope=plain(found["scope"], NAME) if found and found["scope"] else None,
        subject=plain(first[found.end() :] if found else first, SUBJECT) or "(no message)",
        breaking=bool(commit.get("breaking")),
        author=plain(str(author.get("name") or ""), NAME),
        email=plain(str(author.get("email") or ""), NAME),
        trailers=_told(trailers(body), sections(body)),
        group=_group(str(commit.get("group") or "")),
        at=_moment(_mapping(commit.get("committer")).get("timestamp")),
    )


def _told(
    said: Mapping[str, tuple[str, ...]], further: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Trailers, and what sections of the message say in their stead, once each."""
    names = (*said, *(name for name in further if name not in said))
    return {name: tuple(dict.fromkeys((*said.get(name, ()), *further.get(name, ())))) for name in names}


def _message(commit: Mapping[str, object]) -> str:
    return str(commit.get("raw_message") or commit.get("message") or "")


def _moment(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _group(text: str) -> str:
    name = re.sub(r"<!--.*?-->", "", text).strip()
    return name if name in GROUPS else "Other"


def trailers(body: str) -> dict[str, tuple[str, ...]]:
    """The `Name: value` lines of a message's body by lower-case name.

    A paragraph counts when its first line is one; its other lines are further trailers, or continue the
    one before (as git does it, but in every paragraph: forges append their own paragraph at the end).
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for paragraph in _paragraphs(body):
        values: list[str] | None = None
        for line in paragraph:
            match = _TRAILER.match(line)
            if match:
                values = found[match[1].lower()]
                values.append(match[2])
            elif values is None:
                break
            else:
                values[-1] += "\n" + line.strip()
    return {name: tuple(plain_lines(value, VALUE) for value in values) for name, values in found.items()}


def _paragraphs(body: str) -> Iterator[list[str]]:
    paragraph: list[str] = []
    for line in [*body.splitlines()[:MOST_LINES], ""]:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield paragraph
            paragraph = []
