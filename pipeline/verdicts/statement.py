"""What one statement does to rows, as sqlglot reads it."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Verb = Literal["delete", "update", "truncate", "upsert", "merge", "lock", "call"]


@dataclass(frozen=True)
class Act:
    """One thing that text does. `columns` are what an update overwrites (not those that it only fills where NULL).

    `bounded`: it names the rows by a key, a range or a limit, as the parts of a backfill do.
    """

    verb: Verb
    table: str
    columns: tuple[str, ...] = ()
    bounded: bool = False
    text: str = ""


@dataclass(frozen=True)
class Piece:
    """A part of a statement that begins as one on rows does, to its end: as written, its code, and that with the WITH
    before it."""

    text: str
    code: str
    whole: str


_KEY = re.compile(r"(\w+_)?(id|uuid|pk|key)|ctid", re.IGNORECASE)


def read(piece: Piece) -> list[Act]:
    """What it does to which table; nothing where sqlglot does not read it."""
    import sqlglot  # takes a third of a second: only where a migration changes rows
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = sqlglot.parse_one(piece.whole, dialect="postgres")
    except sqlglot.errors.SqlglotError:
        return []
    target = tree.this.find(exp.Table) if isinstance(tree.this, exp.Expression) else None
    table = _folded(target.this) if target else ""
    if isinstance(tree, exp.Delete):
        return [Act("delete", table, bounded=_bounded(tree), text=piece.text)]
    if isinstance(tree, exp.Update):
        return [Act("update", table, _overwritten(tree, table), _bounded(tree), piece.text)]
    if isinstance(tree, exp.Merge):
        columns = tuple(_folded(part) for part in tree.find_all(exp.Column))
        return [Act("merge", table, columns, text=piece.text)]
    conflict = tree.args.get("conflict") if isinstance(tree, exp.Insert) else None
    if conflict is not None and conflict.args.get("expressions"):
        columns = tuple(one.this.name for one in conflict.args["expressions"])
        return [Act("upsert", table, columns, text=piece.text)]
    return [Act("call", table, text=piece.text)] if isinstance(tree, exp.Insert) else []


def _folded(named: Any) -> str:
    """A table's or a column's name, as PostgreSQL reads it."""
    inner = named.this if named.key == "column" else named
    return str(named.name) if inner is not None and inner.args.get("quoted") else str(named.name).lower()


def _overwritten(tree: Any, table: str) -> tuple[str, ...]:
    """The columns whose values are replaced; not those that are filled only where they are NULL."""
    from sqlglot import exp

    nulls = {
        _folded(one.this)
        for one in [*_conditions(tree), *_of_the_picked(tree, table)]
        if isinstance(one, exp.Is) and isinstance(one.expression, exp.Null)
    }
    columns = []
    for one in tree.expressions:
        left, right = one.this, one.expression
        names = (
            [_folded(part) for part in left.expressions] if isinstance(left, exp.Tuple) else [_folded(left)]
        )
        keeps = isinstance(right, exp.Coalesce) and right.this.name == left.name
        columns += [name for name in names if name not in nulls and not keeps]
    return tuple(columns)


def _conditions(tree: Any) -> list[Any]:
    """What all must hold for the rows of a statement."""
    from sqlglot import exp

    where = tree.args.get("where")
    if where is None:
        return []
    return list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]


def _of_the_picked(tree: Any, table: str) -> Iterator[Any]:
    """The conditions of a subquery or a CTE that picks the rows of this table, as backfills in parts have it."""
    from sqlglot import exp

    said = _conditions(tree)
    picked = [one.args["query"] for one in said if isinstance(one, exp.In) and one.args.get("query")]
    picked += [
        one.expression for one in said if isinstance(one, exp.EQ) and isinstance(one.expression, exp.Any)
    ]
    equal = [one for one in said if isinstance(one, exp.EQ) and isinstance(one.expression, exp.Column)]
    if any(one.this.name == one.expression.name for one in equal):
        picked += [tree.args.get("from_"), tree.args.get("with_")]
    for select in (found for one in picked if one is not None for found in one.find_all(exp.Select)):
        source = select.find(exp.From)
        if source is not None and source.this.name.lower() == table.lower():
            yield from _conditions(select)


def _bounded(tree: Any) -> bool:
    from sqlglot import exp

    parts = [part for name in ("where", "from_", "with_") if (part := tree.args.get(name))]
    if any(part.find(exp.Limit, exp.Fetch) for part in parts):
        return True
    where = tree.args.get("where")
    if where is None:
        return False
    ranges = list(where.find_all(exp.GT, exp.GTE)) and list(where.find_all(exp.LT, exp.LTE))
    equal = [one for one in where.find_all(exp.EQ) if not isinstance(one.expression, exp.Column)]
    keys = [one for one in equal if _KEY.fullmatch(one.this.name)]
    listed = any(not one.args.get("query") for one in where.find_all(exp.In))
    return bool(ranges or keys or listed or where.find(exp.Between, exp.Any))
