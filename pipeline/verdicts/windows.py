"""What keeps others waiting for a time that grows with a table. Pure.

Told by what each statement held, read and rewrote: a table that is read or written whole while a lock is held on it
that others wait for. On tables that are made in the same go nobody waits.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.plain import plain
from pipeline.verdicts import sql
from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.schema import Snapshot, Thing, short

STOPS_WRITES = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock")
STOPS_ALL = ("AccessExclusiveLock",)

_OWN_TRANSACTION = re.compile(
    r"(create\s+(unique\s+)?index(?!\s+concurrently)|alter\s+table|cluster|vacuum\s+full|vacuum\s*\([^)]*\bfull\b"
    r"|reindex(?!.*\bconcurrently\b)|refresh\s+materialized\s+view(?!\s+concurrently))",
    re.IGNORECASE | re.DOTALL,
)
"""Statements that lock strongly, where their locks were gone before they could be looked at."""

_VALIDATES = re.compile(r"validate\s+constraint", re.IGNORECASE)
_MOST = 0.5
"""The part of a table that an update has to touch to count as one of the whole."""


@dataclass(frozen=True)
class Record:
    """One statement as it was executed.

    `held` and `taken`: (table, mode) of the locks after it, and of those that are new. `counts`: by table, how often it
    was read whole, rows read, inserted, updated, deleted. `open`: its transaction went on after it.
    """

    text: str
    seconds: float = 0.0
    open: bool = True
    held: tuple[tuple[int, str], ...] = ()
    taken: tuple[tuple[int, str], ...] = ()
    counts: Mapping[int, tuple[int, int, int, int, int]] = field(default_factory=dict)
    rewritten: tuple[int, ...] = ()


def record(found: Mapping[str, Any]) -> Record:
    """A record from the driver's JSON."""
    return Record(
        text=found["text"],
        seconds=found.get("seconds", 0.0),
        open=bool(found.get("open", True)),
        held=tuple((int(oid), mode) for oid, mode in found.get("held", ())),
        taken=tuple((int(oid), mode) for oid, mode in found.get("taken", ())),
        counts={int(oid): tuple(row) for oid, row in found.get("counts", {}).items()},
        rewritten=tuple(int(oid) for oid in found.get("rewritten", ())),
    )


def windows(
    records: Sequence[Record],
    before: Snapshot,
    rows: Mapping[tuple[int, ...], int],
    bodies: Mapping[str, str] | None = None,
) -> list[Reason]:
    """Why a window is needed; `before` has the tables that users are on, `rows` how many rows each had, `bodies` the
    functions that statements may call."""
    tables = {thing.key[0]: thing for thing in before.all("table", "matview")}
    indexes = {thing.key[0]: thing for thing in before.all("index")}
    found: dict[str, Reason] = {}
    for one in records:
        for made in (
            *_of_tables(one, tables, rows, bodies or {}),
            *_of_indexes(one, tables, indexes),
            *_of_words(one, tables),
        ):
            found.setdefault(f"{made.code} {made.facts.get('table')}", made)
    updates = _whole_updates(records, tables, rows)
    return [
        *found.values(),
        *(made for made in updates if f"window_rewrite {made.facts['table']}" not in found),
    ]


def _of_tables(
    one: Record, tables: Mapping[int, Thing], rows: Mapping[tuple[int, ...], int], bodies: Mapping[str, str]
) -> Iterator[Reason]:
    held = {oid: mode for oid, mode in one.held if mode in STOPS_WRITES}
    held |= {oid: mode for oid, mode in one.held if mode in STOPS_ALL}
    for oid, table in tables.items():
        if (oid not in one.rewritten and oid not in one.counts) or _empties(one.text, table, bodies):
            continue
        named = {"table": short(table.name), "statement": told(one.text)}
        if oid in one.rewritten:
            code = "window_refresh" if table.kind == "matview" else "window_rewrite"
            yield reason(code, **named)
        elif _read_whole(one, oid, rows.get(table.key, 0)) and (mode := held.get(oid) or _words_mode(one)):
            yield reason("window_scan", **named, stops="all" if mode in STOPS_ALL else "writes")


def _read_whole(one: Record, oid: int, rows: int) -> bool:
    scans, read, *_ = one.counts.get(oid, (0, 0))
    return scans > 0 or (rows > 1 and read >= rows)


def _words_mode(one: Record) -> str | None:
    """The lock of a statement that was a transaction of its own: by its words, as it was let go at once."""
    if one.open or not _OWN_TRANSACTION.match(one.text.strip()) or _VALIDATES.search(one.text):
        return None
    return (
        "ShareLock" if re.match(r"create|reindex", one.text.strip(), re.IGNORECASE) else "AccessExclusiveLock"
    )


def _empties(text: str, table: Thing, bodies: Mapping[str, str]) -> bool:
    emptied = [act for act in sql.acts(text, bodies) if act.verb == "truncate"]
    return any(act.table == table.bare or act.text.lower().endswith("cascade") for act in emptied)


def _of_indexes(one: Record, tables: Mapping[int, Thing], indexes: Mapping[int, Thing]) -> Iterator[Reason]:
    """An index that is built anew where it stands, unless its table is, too."""
    whole = {tables[oid].name for oid in one.rewritten if oid in tables}
    for oid in one.rewritten:
        if oid in indexes and indexes[oid].of not in whole:
            facts = {"index": indexes[oid].name, "table": short(indexes[oid].of)}
            yield reason("window_reindex", **facts, statement=told(one.text))


def _of_words(one: Record, tables: Mapping[int, Thing]) -> Iterator[Reason]:
    """A lock that is asked for by name."""
    if "lock" in one.text.lower():
        names = {thing.bare: thing for thing in tables.values()}
        for act in sql.acts(one.text):
            if act.verb == "lock" and act.table in names:
                yield reason("window_lock", table=short(names[act.table].name), statement=told(one.text))


def _whole_updates(
    records: Sequence[Record], tables: Mapping[int, Thing], rows: Mapping[tuple[int, ...], int]
) -> list[Reason]:
    """Tables whose rows are written whole in one transaction: whoever writes them, too, waits for its end."""
    found: dict[int, Reason] = {}
    written: dict[int, int] = {}
    for one in records:
        for oid, (scans, _read, _inserted, updated, deleted) in one.counts.items():
            if oid not in tables or not updated + deleted:
                continue
            written[oid] = written.get(oid, 0) + updated + deleted
            parts = not one.open and all(act.bounded for act in sql.acts(one.text))
            whole = written[oid] >= max(_MOST * rows.get(tables[oid].key, 0), 1)
            if not parts and (scans > 0 or whole):
                facts = {"table": short(tables[oid].name), "statement": told(one.text)}
                found.setdefault(oid, reason("window_update", **facts))
    return list(found.values())


def told(text: str, most: int = 160) -> str:
    """A statement as people read it."""
    return plain(re.sub(r"\s+", " ", text), most)


def names(things: Collection[Thing]) -> str:
    """Things by their full names, as people read them."""
    shown = sorted(thing.full for thing in things)
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
