"""What a migration takes away, and whether its way back brings it again. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pipeline.verdicts import sql, types
from pipeline.verdicts.data import Data, differing, fewer, lost, same_columns
from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.schema import Change, Snapshot, Thing, compare, leftovers, short
from pipeline.verdicts.windows import Record, told

_SHOWN = 6
_LOCKS = re.compile(r"\s*lock\b", re.IGNORECASE)


@dataclass(frozen=True)
class State:
    """A database at one moment: what is in it, and its rows where they were read."""

    schema: Snapshot
    data: Data | None = None


def drops(changes: Iterable[Change], before: State, after: State, back: State | None) -> Iterator[Reason]:
    """What the difference of the schemas alone takes away."""
    for change in changes:
        if change.what == "removed" and change.kind in ("table", "column", "schema", "foreign"):
            if change.kind != "column" or _in_table(change.thing, before.schema):
                yield reason("drops", kind=change.kind, thing=change.thing.full)
        elif change.what == "anew" or (change.kind in ("table", "column") and _is_anew(change)):
            yield from _made_anew(change, before, after)
        if change.kind == "enum" and (change.what == "removed" or _is_anew(change)):
            yield from _values_gone(change, before.schema, after.schema)
        if change.kind == "column" and "type" in change.fields and _in_table(change.thing, before.schema):
            yield from _cast(change, before, back)
        if change.kind == "table" and change.fact("persistence") == ("p", "u"):
            yield reason("unlogged", table=change.thing.full)


def _in_table(column: Thing, schema: Snapshot) -> bool:
    return schema.named("table", column.of) is not None


def _is_anew(change: Change) -> bool:
    return bool(change.before and change.after and change.before.key != change.after.key)


def _made_anew(change: Change, before: State, after: State) -> Iterator[Reason]:
    """A table or a column of the same name as before: with its data only if somebody copied it there."""
    old, new = change.sides
    if old.kind == "table":
        if before.data is None or after.data is None or after.data.rows(new) < max(before.data.rows(old), 1):
            yield reason("drops", kind="table", thing=old.full)
    elif (
        _in_table(old, before.schema)
        and _in_table(new, after.schema)
        and not _copied(old, new, before, after)
    ):
        same_table = before.schema.named("table", old.of), after.schema.named("table", new.of)
        if same_table[0] and same_table[1] and same_table[0].key == same_table[1].key:
            yield reason("drops", kind="column", thing=old.full)


def _copied(old: Thing, new: Thing, before: State, after: State) -> bool:
    if before.data is None or after.data is None or old.key not in before.data.columns:
        return False
    had = {value for value in before.data.columns[old.key] if value is not None}
    has = {value for value in after.data.columns.get(new.key, {}) if value is not None}
    return bool(had) and len(has) == len(had)


def _values_gone(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    """An enum without a value that rows could have."""
    had, has = change.fact("values")
    if change.what == "removed":
        users = [c for c in before.all("column") if c.facts["type"].replace('"', "") == change.thing.name]
        now = [after.by_key.get(("column", c.key)) for c in users]
        taken = [after.named("enum", c.facts["type"].replace('"', "")) for c in now if c]
        has = [value for enum in taken if enum for value in enum.facts["values"]] if any(taken) else had
    if gone := [value for value in had or () if value not in (has or ())]:
        yield reason("loses_values", thing=change.thing.full, values=gone)


def _cast(change: Change, before: State, back: State | None) -> Iterator[Reason]:
    """A change of type: shown to lose nothing by rows that went there and back, or told by the types alone."""
    old, new = change.fact("type")
    named = {
        "table": short(change.thing.of),
        "column": change.thing.name,
        "before": short(old),
        "after": short(new),
    }
    kind = types.kind_of(old, new)
    lossy = (
        kind == "other" and not types.keeps_values(old, new) and not _came_back(change.thing, before, back)
    )
    if kind == "narrower" or lossy:
        yield reason("narrows", **named)


def _came_back(column: Thing, before: State, back: State | None) -> bool:
    if back is None or back.data is None or before.data is None or not before.data.columns.get(column.key):
        return False
    returned = {old.key: new for old, new in same_columns(before.schema, back.schema)}.get(column.key)
    return returned is not None and back.data.columns.get(returned.key) == before.data.columns[column.key]


def by_rows(before: State, after: State) -> Iterator[Reason]:
    """What the rows that were there show to be lost."""
    if before.data is None or after.data is None:
        return
    changes = compare(before.schema, after.schema)
    parted = {name for change in changes if change.kind == "table" for name in _left(change)}
    fewer_rows = fewer(before.schema, before.data, after.schema, after.data)
    for one in fewer_rows:
        if one.thing.name not in parted:
            yield reason("deletes", table=one.thing.full)
    short_of_rows = {one.thing.name for one in fewer_rows}
    enums = {change.before.name for change in changes if change.before and change.kind == "enum"}
    for one in lost(before.schema, before.data, after.schema, after.data):
        if one.thing.of not in short_of_rows and one.thing.facts["type"].replace('"', "") not in enums:
            yield reason("overwrites", table=short(one.thing.of), columns=[one.thing.name])


def _left(change: Change) -> set[str]:
    """The tables of which this one was a part, and is no more: its rows are in it still."""
    had, has = change.fact("parents")
    return set(had or ()) - set(has or ()) if change.what == "changed" else set()


def by_words(
    texts: Iterable[str], before: State, bodies: dict[str, str], known: Collection[str] = ()
) -> Iterator[Reason]:
    """What statements say that they take away, whether or not a row was there that they meant."""
    tables = {thing.bare: thing for thing in before.schema.all("table", "view")}
    for text in texts:
        for act in sql.acts(text, bodies):
            table = tables.get(act.table)
            if table is None and act.table not in known:
                continue
            name = table.full if table else act.table
            if act.verb == "truncate":
                yield reason("truncates", table=name)
            elif act.verb == "delete":
                yield reason("deletes", table=name, statement=told(act.text))
            elif act.verb in ("update", "upsert", "merge"):
                columns = [c for c in act.columns if _holds_values(c, table, before)]
                if columns:
                    yield reason("overwrites", table=name, columns=columns, statement=told(act.text))


def by_locks(records: Iterable[Record], before: State, bodies: dict[str, str]) -> Iterator[Reason]:
    """Tables that a statement locked as one does that changes rows, changed none of, and whose words do not say why:
    what it runs is put together as it runs, and found no row here that it meant."""
    tables = {thing.key[0]: thing for thing in before.schema.all("table")}
    names = {thing.bare for thing in tables.values()}
    for one in records:
        written = [oid for oid, mode in one.taken if mode == "RowExclusiveLock" and oid in tables]
        if not written or any(sum(one.counts.get(oid, ())[2:]) for oid in tables):
            continue
        said = sql.acts(one.text, bodies)
        adds = said and all(act.verb == "call" for act in said)
        if not adds and not any(act.table in names for act in said) and not _LOCKS.match(one.text):
            for oid in written:
                yield reason("may_change", table=tables[oid].full, statement=told(one.text))


def _holds_values(name: str, table: Thing | None, before: State) -> bool:
    """Whether there can be something in the column: it is there, and not one that nobody has written to yet."""
    if table is None:
        return True
    column = before.schema.named("column", name, table.name)
    if column is None:
        return False
    if before.data is None or not before.data.columns.get(column.key):
        return True
    return set(before.data.columns[column.key]) != {None}


def way_back(before: State, back: State) -> Iterator[Reason]:
    """What going up and down again left different."""
    left = leftovers(before.schema, back.schema)
    if left:
        yield reason(
            "downgrade_partial", left=[_difference(change) for change in left[:_SHOWN]], count=len(left)
        )
    if before.data is None or back.data is None:
        return
    tables = {t.name for t in before.schema.all("table")}
    columns = differing(before.schema, before.data, back.schema, back.data)
    here = [c for c in columns if c.of in tables]
    added = [
        table.full
        for table in before.schema.all("table")
        if (now := back.schema.named("table", table.name)) and back.data.rows(now) > before.data.rows(table)
    ]
    if here or added:
        yield reason("data_not_back", what=[c.full for c in here[:_SHOWN]] or added[:_SHOWN])


def _difference(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind,
        "what": change.what,
        "thing": change.thing.full,
        "fields": list(change.fields),
    }
