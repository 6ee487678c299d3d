"""What a change of a column's type means to who reads and writes it as before. Pure.

Types are as PostgreSQL's format_type() tells them: `character varying(50)`, `numeric(10,2)`, `date`.
"""

import re
from typing import Literal

Kind = Literal["same", "wider", "narrower", "other"]
"""`wider`: every value fits and reads as before. `narrower`: some do not fit. `other`: reads or writes differ."""

_ORDERS = (
    ("smallint", "integer", "bigint"),
    ("real", "double precision"),
    ("character varying", "text"),
    ("character", "character varying", "text"),
    ("character varying", "citext"),
    ("text", "citext"),
    ("cidr", "inet"),
    ("macaddr", "macaddr8"),
)
"""Each type holds every value of those before it, and clients read it alike."""

_KEEPS = {
    ("json", "jsonb"),
    ("date", "timestamp without time zone"),
    ("date", "timestamp with time zone"),
    ("timestamp without time zone", "timestamp with time zone"),
    ("smallint", "numeric"),
    ("integer", "numeric"),
    ("bigint", "numeric"),
    ("boolean", "integer"),
    ("real", "numeric"),
}
"""Changes between families in which no value is lost, in this direction; any type to text is another."""

_REFUSES = ("uuid", "jsonb", "json", "inet", "cidr", "macaddr", "boolean", "bytea")
"""Types that take a text as it is or refuse it: nothing is lost on the way."""


def kind_of(before: str, after: str) -> Kind:
    """How `after` relates to `before`."""
    if before == after:
        return "same"
    if before.endswith("[]") or after.endswith("[]"):
        both = before.endswith("[]") and after.endswith("[]")
        return kind_of(before[:-2], after[:-2]) if both else "other"
    (old, had), (new, has) = _split(before), _split(after)
    if old == new:
        return _sized(old, had, has)
    for order in _ORDERS:
        if old in order and new in order:
            up = order.index(old) < order.index(new)
            return "wider" if up and _room(had, has) else "narrower"
    return "other"


def keeps_values(before: str, after: str) -> bool:
    """Whether no value can be lost on the way, as far as the types alone tell (the cast may refuse, though)."""
    old, new = _split(before)[0], _split(after)[0]
    kind = kind_of(before, after)
    if kind != "other":
        return kind in ("same", "wider")
    if new in ("text", "character varying") and not _split(after)[1]:
        return True
    return (old, new) in _KEEPS or (old in ("text", "character varying") and new in _REFUSES)


def _split(type_: str) -> tuple[str, tuple[int, ...]]:
    found = re.search(r"\((-?\d+(?:,-?\d+)*)\)", type_)
    base = re.sub(r"\s*\(-?[\d,-]+\)", "", type_).removeprefix("public.")
    return base, tuple(int(number) for number in found[1].split(",")) if found else ()


def _room(had: tuple[int, ...], has: tuple[int, ...]) -> bool:
    return not has or (bool(had) and has[0] >= had[0])


def _sized(base: str, had: tuple[int, ...], has: tuple[int, ...]) -> Kind:
    if base == "numeric" and had and has:
        (precision, scale), (wide, fine) = (*had, 0)[:2], (*has, 0)[:2]
        return "wider" if wide - fine >= precision - scale and fine >= scale else "narrower"
    if base in ("bit", "character") and had != has:
        return "other" if base == "bit" else ("wider" if _room(had, has) else "narrower")
    return "wider" if _room(had, has) else "narrower"
