"""The rows of a small database, and what became of them. Pure.

Columns are compared as bags of values: that a NULL was filled in loses nothing, that a value is there no more does.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.verdicts.schema import Snapshot, Thing, compare

Bag = Mapping[str | None, int]


@dataclass(frozen=True)
class Data:
    """How many rows each table has, and how often each value (as text) is in a column, by the server's identities."""

    counts: Mapping[tuple[int, ...], int]
    columns: Mapping[tuple[int, ...], Bag]

    def rows(self, table: Thing | None) -> int:
        return self.counts.get(table.key, 0) if table else 0


@dataclass(frozen=True)
class Loss:
    """What a table or a column had and has no more: `rows` (of a table) or `values` (of a column, not NULL)."""

    thing: Thing
    missing: int


def same_columns(before: Snapshot, after: Snapshot) -> Iterator[tuple[Thing, Thing]]:
    """Every column of a table that is there before and after, whatever it is called."""
    changed = {
        c.before.key: c.after
        for c in compare(before, after, ())
        if c.before and c.after and c.kind == "column"
    }
    names = {
        c.before.name: c.after for c in compare(before, after) if c.before and c.after and c.kind == "table"
    }
    tables = {thing.name for thing in before.all("table")}
    for column in before.all("column"):
        if column.of not in tables:
            continue
        table = names[column.of].name if column.of in names else column.of
        same = changed.get(column.key) or after.by_key.get(("column", column.key))
        if same := same or after.named("column", column.name, table):
            yield column, same


_STAMP = r'new\."?{}"?\s*:?=\s*(now\(|current_(timestamp|date)|(clock|statement)_timestamp|localtimestamp)'


def _is_stamp(column: Thing, schema: Snapshot) -> bool:
    """Whether a trigger writes the time of every change of a row into this column: nobody loses that by an update."""
    pattern = _STAMP.format(re.escape(column.name))
    return any(re.search(pattern, t.facts["body"], re.IGNORECASE) for t in schema.parts(column.of, "trigger"))


def lost(before: Snapshot, had: Data, after: Snapshot, has: Data) -> list[Loss]:
    """Values of columns that are still there, under any name, and are in them no more."""
    found = []
    for old, new in same_columns(before, after):
        known = old.key in had.columns and new.key in has.columns
        if known and old.facts["type"] == new.facts["type"] and not _is_stamp(old, before):
            missing = Counter(had.columns[old.key]) - Counter(has.columns[new.key])
            del missing[None]
            if missing:
                found.append(Loss(old, missing.total()))
    return found


def fewer(before: Snapshot, had: Data, after: Snapshot, has: Data) -> list[Loss]:
    """Tables that are still there, under any name, with fewer rows."""
    found = []
    for table in before.all("table"):
        same = after.by_key.get(("table", table.key)) or after.named("table", table.name)
        if same is not None and same.key in has.counts and has.rows(same) < had.rows(table):
            found.append(Loss(table, had.rows(table) - has.rows(same)))
    return found


def differing(before: Snapshot, had: Data, after: Snapshot, has: Data) -> list[Thing]:
    """Columns whose values are not exactly those from before: what a way back has to bring back."""
    pairs = {old.key: new for old, new in same_columns(before, after)}
    return [
        column
        for column in before.all("column")
        if column.key in had.columns
        and had.columns[column.key]
        and not _is_stamp(column, before)
        and (column.key not in pairs or has.columns.get(pairs[column.key].key, {}) != had.columns[column.key])
    ]
