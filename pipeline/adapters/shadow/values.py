"""Values for columns by their type, as SQL literals: distinct, as wide as the type, and the same each time."""

import re
from collections.abc import Callable, Mapping

from pipeline.verdicts.schema import Snapshot, Thing

Make = Callable[[int], str]

_RICH: Mapping[str, Make] = {
    "smallint": lambda n: str(n + 1),
    "integer": lambda n: str(n + 1),
    "bigint": lambda n: str(n + 1),
    "real": lambda n: f"{n}.25",
    "double precision": lambda n: f"{n}.1234567",
    "numeric": lambda n: f"{n}.1234567",
    "money": lambda n: f"{n}.25",
    "boolean": lambda n: "true" if n % 2 else "false",
    "date": lambda n: f"2024-02-{n % 28 + 1:02}",
    "timestamp without time zone": lambda n: f"2024-02-{n % 28 + 1:02} 13:14:{n:02}.123456",
    "timestamp with time zone": lambda n: f"2024-02-{n % 28 + 1:02} 13:14:{n:02}.123456+00",
    "time without time zone": lambda n: f"13:14:{n:02}.5",
    "time with time zone": lambda n: f"13:14:{n:02}.5+00",
    "interval": lambda n: f"{n + 1} hours 5 seconds",
    "uuid": lambda n: f"00000000-0000-4000-8000-{n:012}",
    "json": lambda n: f'{{"b": {n}, "a": [1, null]}}',
    "jsonb": lambda n: f'{{"b": {n}, "a": [1, null]}}',
    "bytea": lambda n: f"\\x00ff{n:02}",
    "inet": lambda n: f"192.0.2.{n + 1}",
    "cidr": lambda n: f"192.0.2.{n + 1}/32",
    "macaddr": lambda n: f"08:00:2b:01:02:{n:02}",
    "point": lambda n: f"({n},1)",
    "xml": lambda n: f"<a>{n}</a>",
    "tsvector": lambda n: f"word{n}",
    "hstore": lambda n: f'"a"=>"{n}"',
    "ltree": lambda n: f"top.n{n}",
    "int4range": lambda n: f"[{n * 10},{n * 10 + 5})",
    "int8range": lambda n: f"[{n * 10},{n * 10 + 5})",
    "numrange": lambda n: f"[{n * 10},{n * 10 + 5})",
    "daterange": lambda n: f"[2024-02-{n % 28 + 1:02},2024-02-{n % 28 + 1:02}]",
    "tsrange": lambda n: f"[2024-02-{n % 28 + 1:02} 01:00,2024-02-{n % 28 + 1:02} 02:00)",
    "tstzrange": lambda n: f"[2024-02-{n % 28 + 1:02} 01:00+00,2024-02-{n % 28 + 1:02} 02:00+00)",
    "name": lambda n: f"name_{n}",
}
_PLAIN: Mapping[str, Make] = {
    "real": lambda n: str(n + 1),
    "double precision": lambda n: str(n + 1),
    "numeric": lambda n: str(n + 1),
}
_FORMS: tuple[tuple[str, Make], ...] = (
    (r"e?mail", lambda n: f"User.{n}@Example.com"),
    (r"url|link|website", lambda n: f"https://Example.com/{n}"),
    (r"phone|mobile", lambda n: f"+44 20 7946 {n:04}"),
)
_TEXTS = ("character varying", "character", "text", "citext", "bpchar")


def literals(column: Thing, schema: Snapshot, count: int, *, plain: bool) -> list[str]:
    """`count` values for a column; none for a type that nothing is known of."""
    type_: str = column.facts["type"]
    array = type_.endswith("[]")
    make = _likely(column.name, type_) if not plain else None
    make = make or _make(type_.removesuffix("[]"), schema, plain)
    if make is None:
        return []
    values = [make(number) for number in range(count)]
    if array:
        values = ['{"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"}' for value in values]
    return ["'" + value.replace("'", "''") + "'" for value in values]


def _likely(name: str, type_: str) -> Make | None:
    """Texts that a check on their form lets through, told by the column's name."""
    base, size = _split(type_)
    if _bare(base) not in _TEXTS or (size and size[0] < 30):
        return None
    return next((make for pattern, make in _FORMS if re.search(pattern, name)), None)


def _bare(base: str) -> str:
    return base.rsplit(".", 1)[-1]


def _make(type_: str, schema: Snapshot, plain: bool) -> Make | None:
    base, size = _split(type_)
    if named := _named(base, schema):
        if named.kind == "domain":
            return _make(named.facts["base"], schema, plain)
        labels = named.facts.get("values") or ()
        return (lambda n: str(labels[n % len(labels)])) if labels else None
    base = _bare(base)
    if base in _TEXTS:
        return lambda n: _text(n, size[0] if size else None, fixed=base == "character", plain=plain)
    if base in ("bit", "bit varying"):
        width = size[0] if size else 1
        return lambda n: format(n, "b").zfill(width)[-width:]
    if base == "numeric" and size:
        return lambda n: _number(n, *size, plain=plain)
    return (_PLAIN.get(base) if plain else None) or _RICH.get(base)


def _split(type_: str) -> tuple[str, list[int]]:
    """`character varying(50)` as its name and its numbers."""
    found = re.search(r"\(([\d,]+)\)", type_)
    base = re.sub(r"\s*\([\d,]+\)", "", type_)
    return base, [int(number) for number in found[1].split(",")] if found else []


def _named(base: str, schema: Snapshot) -> Thing | None:
    plain = base.replace('"', "")
    return schema.named("enum", plain) or schema.named("domain", plain)


def _text(number: int, size: int | None, *, fixed: bool, plain: bool) -> str:
    """Rich: as long as the type lets it be, with a capital and letters beyond ASCII. Plain: digits, a zero first."""
    if plain:
        return f"0{number + 1}"[-(size or 9) :]
    wanted = min(size or 60, 60) if not fixed else (size or 1)
    value = f"{number:02}-Ünïcode Text of some length that is cut where it is too long, and goes on and on"
    return value[:wanted].rstrip() if wanted > 2 else chr(ord("a") + number % 26) * wanted


def _number(number: int, precision: int, scale: int = 0, *, plain: bool) -> str:
    whole = (number + 1) % 10 ** max(precision - scale, 1) if precision > scale else 0
    fraction = "" if plain or not scale else "." + "1234567"[:scale]
    return f"{whole}{fraction}"
