"""What is in a database, and how two states of it differ. Pure.

Things are matched by what the server knows them by (a rename is no drop), then by name (a thing made anew is no drop
either), then by what they are (a constraint whose name the server chose).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

What = Literal["added", "removed", "renamed", "changed", "anew"]

RELATIONS = ("table", "view", "matview", "foreign")
PARTS = ("column", "constraint", "index", "trigger", "policy", "rule")
"""Parts of a relation: they come and go with it."""

HOLDERS = ("table", "column")
"""What holds data: made anew under its old name, it may have lost it."""

_UNREAD = ("comment", "last")
"""Facts whose change is none of the schema."""


@dataclass(frozen=True)
class Thing:
    """One object of a schema. `key` is the server's own identity, `of` the relation that it is a part of (or "").

    `name` is its own name, with the schema where it has one. `facts` are what may change.
    """

    kind: str
    key: tuple[int, ...]
    name: str
    of: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bare(self) -> str:
        """The name without its schema."""
        return self.name if self.of else self.name.partition(".")[2] or self.name

    @property
    def full(self) -> str:
        """The name that people read: a part's begins with its relation."""
        return f"{short(self.of)}.{self.name}" if self.of else short(self.name)


@dataclass(frozen=True)
class Change:
    """How one thing differs. `fields` are the facts that changed; `before` or `after` is None for one that is new or
    gone."""

    what: What
    kind: str
    before: Thing | None
    after: Thing | None
    fields: tuple[str, ...] = ()

    @property
    def thing(self) -> Thing:
        found = self.before or self.after
        assert found is not None  # a change has one side at least
        return found

    @property
    def sides(self) -> tuple[Thing, Thing]:
        """Before and after, of a thing that is there on both sides."""
        if self.before is None or self.after is None:
            raise ValueError(f"{self.thing.full} is on one side only")
        return self.before, self.after

    def fact(self, name: str) -> tuple[Any, Any]:
        """A fact before and after."""
        return tuple(side.facts.get(name) if side else None for side in (self.before, self.after))  # type: ignore[return-value]  # two


class Snapshot:
    """All things of a database at one moment."""

    def __init__(self, things: Iterable[Thing]) -> None:
        self.things = tuple(things)
        self.by_key = {(thing.kind, thing.key): thing for thing in self.things}

    def all(self, *kinds: str) -> list[Thing]:
        return [thing for thing in self.things if thing.kind in kinds]

    def parts(self, relation: str, kind: str) -> list[Thing]:
        """The parts of one kind of a relation, in the server's order."""
        return [thing for thing in self.things if thing.kind == kind and thing.of == relation]

    def named(self, kind: str, name: str, of: str = "") -> Thing | None:
        return next((t for t in self.things if (t.kind, t.name, t.of) == (kind, name, of)), None)

    def knows(self, thing: Thing) -> bool:
        """Whether this very thing (renamed or not) is here."""
        return (thing.kind, thing.key) in self.by_key


def short(name: str) -> str:
    """Without the schema that everybody means."""
    return name.removeprefix("public.")


def compare(before: Snapshot, after: Snapshot, unread: tuple[str, ...] = _UNREAD) -> list[Change]:
    """Every difference but that of `unread` facts, without the parts of relations that came or went as a whole."""
    pairs, removed, added = _matched(before, after)
    renamed = {old.name: new.name for old, new in pairs if old.kind in RELATIONS}
    whole_gone = {thing.name for thing in removed if thing.kind in RELATIONS}
    whole_new = {thing.name for thing in added if thing.kind in RELATIONS}
    changes = [_change(old, new, renamed, unread) for old, new in pairs]
    changes += [Change("removed", t.kind, t, None) for t in removed if t.of not in whole_gone]
    changes += [Change("added", t.kind, None, t) for t in added if t.of not in whole_new]
    return [change for change in changes if change is not None]


def leftovers(before: Snapshot, after: Snapshot) -> list[Change]:
    """What a way back left different. A thing that was made anew, or a check that stays validated, is none."""
    found = compare(before, after, ("last", "valid"))
    return [change for change in found if change.what != "anew"]


_Ways = tuple[Callable[[Thing], Any], ...]
_WAYS: _Ways = (
    lambda thing: (thing.kind, thing.key),
    lambda thing: (thing.kind, thing.of, thing.name),
    lambda thing: (thing.kind, thing.of, thing.facts["def"]) if "def" in thing.facts and thing.of else None,
)


def _matched(before: Snapshot, after: Snapshot) -> tuple[list[tuple[Thing, Thing]], list[Thing], list[Thing]]:
    left, right = list(before.things), list(after.things)
    pairs: list[tuple[Thing, Thing]] = []
    for way in _WAYS:
        found = {way(thing): thing for thing in right}
        found.pop(None, None)
        met = [(old, found[way(old)]) for old in left if way(old) in found]
        pairs += met
        gone, come = {id(old) for old, _ in met}, {id(new) for _, new in met}
        left = [thing for thing in left if id(thing) not in gone]
        right = [thing for thing in right if id(thing) not in come]
    return pairs, left, right


def _change(old: Thing, new: Thing, renamed: Mapping[str, str], unread: tuple[str, ...]) -> Change | None:
    same = old.key == new.key
    names = sorted({*old.facts, *new.facts} - {*unread})
    fields = tuple(name for name in names if _differs(name, old, new, same))
    if old.name != new.name and (same or old.kind not in ("constraint", "index")):
        return Change("renamed", old.kind, old, new, fields)
    moved = old.of != new.of and renamed.get(old.of, old.of) != new.of
    if fields or moved:
        return Change("changed", old.kind, old, new, fields)
    return Change("anew", old.kind, old, new) if not same and old.kind in HOLDERS else None


def _differs(name: str, old: Thing, new: Thing, same: bool) -> bool:
    """A constraint, an index or a trigger that is still the same one says the same, whatever was renamed around it."""
    if same and name in ("def", "columns", "to") and old.kind in PARTS:
        return False
    return bool(old.facts.get(name) != new.facts.get(name))
