"""Rows for a scratch database: made for the tables that have none, and read back.

They have something in every column, respect what the schema demands as far as that can be guessed, and are the same
each time.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import asyncpg

from pipeline.adapters.shadow.values import literals
from pipeline.verdicts.breaking import never_null
from pipeline.verdicts.data import Data
from pipeline.verdicts.schema import Snapshot, Thing

ROWS = 24
"""Made for a table: enough to tell a scan from a look, and every value of a usual enum."""

PROBES = 3
"""Further rows that are tried, and not kept."""

TRIES = 6
"""Of a row, with other values where a check refused it."""

MOST = 5000
"""Rows of a table that are read back."""


async def fill(
    connection: asyncpg.Connection,
    schema: Snapshot,
    tables: Collection[Thing],
    later: Snapshot,
    *,
    plain: bool,
) -> list[str]:
    """Make rows for each of `tables` that has none; the names of those that could not be filled.

    `plain`: values that most types take, and no NULL. `later` is the schema that they should fit into, too.
    """
    empty = []
    for table in _parents_first(schema, tables):
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {quoted(table.name)})"):
            continue
        if not await _Filler(connection, schema, later, table, plain).fill():
            empty.append(table.name)
    return empty


async def refused(
    connection: asyncpg.Connection, schema: Snapshot, tables: Collection[Thing]
) -> dict[str, str]:
    """The tables that take none of some new rows as `schema` has them, and what was said; nothing is kept."""
    found = {}
    nothing = connection.transaction()
    await nothing.start()
    for table in tables:
        filler = _Filler(connection, schema, schema, table, plain=False)
        if not await filler.fill(range(ROWS, ROWS + PROBES), enough=1):
            found[table.name] = filler.said
    await nothing.rollback()
    return found


class _Filler:
    def __init__(
        self, connection: asyncpg.Connection, schema: Snapshot, later: Snapshot, table: Thing, plain: bool
    ) -> None:
        self._connection, self._schema, self._later = connection, schema, later
        self._table, self._plain = table, plain
        self.said = ""

    async def fill(self, numbers: range = range(ROWS), enough: int = ROWS) -> int:
        """The number of rows that were made: all at once where they fit, else one by one."""
        columns = [c for c in self._schema.parts(self._table.name, "column") if not _written_by_server(c)]
        pools = {column.name: await self._pool(column) for column in columns}
        names = [name for name, pool in pools.items() if pool]
        if enough > 1 and names and await self._insert([_row(pools, number, 0) for number in numbers], names):
            return len(numbers)
        made = 0
        for number in numbers:
            rows = ([_row(pools, number, attempt)] for attempt in range(TRIES))
            for row in rows:
                if await self._insert(row, names):
                    made += 1
                    break
            if made >= enough or (not made and number - numbers.start == TRIES):
                break
        return made

    async def _insert(self, rows: list[list[str]], names: Sequence[str]) -> bool:
        table = quoted(self._table.name)
        values = ", ".join(f"({', '.join(row)})" for row in rows)
        text = f"INSERT INTO {table} ({', '.join(map(_identifier, names))}) VALUES {values}"
        try:
            async with self._connection.transaction():
                await self._connection.execute(text if names else f"INSERT INTO {table} DEFAULT VALUES")
        except asyncpg.PostgresError as error:
            self.said = str(error)
            return False
        return True

    async def _pool(self, column: Thing) -> list[str]:
        """SQL of the values for a column, one per row; none for one that is better left out."""
        made = literals(column, self._schema, ROWS + PROBES, plain=self._plain)
        if target := self._reference(column):
            made = await self._values_of(*target)
        elif hints := _constants(self._checks(column)):
            made = [hints[number % len(hints)] for number in range(ROWS + PROBES)] + made
        else:
            made += _constants(self._bounds())
        if column.facts["required"] or self._plain or never_null(column, self._schema):
            return made
        at = column.key[1]
        return ["NULL" if (number + at) % 4 == 3 else value for number, value in enumerate(made)] or ["NULL"]

    def _reference(self, column: Thing) -> tuple[str, str] | None:
        """The table and the column whose values a foreign key wants."""
        for schema in (self._schema, self._later) if self._plain else (self._schema,):
            for one in schema.parts(self._table.name, "constraint"):
                if one.facts["type"] == "f" and column.name in (one.facts["columns"] or ()):
                    found = re.search(r"REFERENCES [^(]+\(([^)]*)\)", one.facts["def"])
                    there = [name.strip().strip('"') for name in found[1].split(",")] if found else []
                    if len(there) == len(one.facts["columns"]):
                        return one.facts["to"], there[one.facts["columns"].index(column.name)]
        return None

    async def _values_of(self, table: str, column: str) -> list[str]:
        if self._schema.named("table", table) is None:
            return []
        text = f"SELECT {_identifier(column)}::text FROM {quoted(table)} ORDER BY 1 LIMIT {ROWS}"
        try:
            async with self._connection.transaction():
                found = await self._connection.fetch(text)
        except asyncpg.PostgresError:  # it was there before, and is called otherwise now
            return []
        return [quote(row[0]) for row in found if row[0] is not None]

    def _checks(self, column: Thing) -> list[str]:
        """The checks that name this column, or that its domain has."""
        schemas = (self._schema, self._later) if self._plain else (self._schema,)
        checks = [one for schema in schemas for one in schema.parts(self._table.name, "constraint")]
        named = [
            one for one in checks if one.facts["type"] == "c" and column.name in (one.facts["columns"] or ())
        ]
        named += [one for schema in schemas for one in schema.parts(column.facts["type"], "constraint")]
        return [one.facts["def"] for one in named]

    def _bounds(self) -> list[str]:
        """The bounds of the partitions that rows have to fall into."""
        if self._table.facts["relkind"] != "p":
            return []
        return [table.facts["bound"] for table in self._schema.all("table") if table.facts["bound"]]


def _constants(texts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for text in texts:
        found += [f"'{value}'" for value in re.findall(r"'((?:[^']|'')*)'", text)]
        bare = re.sub(r"'(?:[^']|'')*'", "", text)
        for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])", bare):
            found += [f"'{int(float(number)) + step}'" for step in (0, 1, -1)]
    return list(dict.fromkeys(found))


def _row(pools: dict[str, list[str]], number: int, attempt: int) -> list[str]:
    return [_chosen(pool, number, attempt, at) for at, pool in enumerate(pools.values()) if pool]


def _chosen(pool: list[str], number: int, attempt: int, at: int) -> str:
    """Another value at each attempt, and not the same step in every column."""
    return pool[(number + attempt * (at + 1)) % len(pool)]


def _written_by_server(column: Thing) -> bool:
    default = column.facts["default"] or ""
    return bool(column.facts["generated"] or column.facts["identity"] or default.startswith("nextval("))


def _parents_first(schema: Snapshot, tables: Collection[Thing]) -> list[Thing]:
    """Tables that others refer to come first; partitions are filled through the whole."""
    wanted = {table.name: table for table in tables if not table.facts.get("bound")}
    keys = [one for one in schema.all("constraint") if one.facts["type"] == "f" and one.of in wanted]
    needs = {name: {k.facts["to"] for k in keys if k.of == name} & set(wanted) - {name} for name in wanted}
    ordered: list[Thing] = []
    while needs:
        ready = sorted(name for name, before in needs.items() if not before & set(needs)) or sorted(needs)[:1]
        ordered += [wanted[name] for name in ready]
        needs = {name: before for name, before in needs.items() if name not in ready}
    return ordered


async def read(connection: asyncpg.Connection, schema: Snapshot) -> Data:
    """The rows of all tables as bags of values; of a table with very many rows, their number only."""
    counts: dict[tuple[int, ...], int] = {}
    columns: dict[tuple[int, ...], Counter[str | None]] = {}
    for table in schema.all("table"):
        parts = schema.parts(table.name, "column")
        if table.facts.get("bound") or not parts:
            continue
        named = ", ".join(_as_text(part) for part in parts)
        rows = await connection.fetch(f"SELECT {named} FROM {quoted(table.name)} LIMIT {MOST + 1}")
        counts[table.key] = len(rows)
        if len(rows) > MOST:
            counts[table.key] = await connection.fetchval(f"SELECT count(*) FROM {quoted(table.name)}")
            continue
        for at, part in enumerate(parts):
            columns[part.key] = Counter(row[at] for row in rows)
    return Data(counts, columns)


def _as_text(column: Thing) -> str:
    """A column's text; JSON without what means nothing: blanks, and the order of keys."""
    name = _identifier(column.name)
    return f"{name}::jsonb::text" if column.facts["type"] == "json" else f"{name}::text"


def quoted(name: str) -> str:
    """A `schema.name` of the catalog as an SQL identifier."""
    return ".".join(_identifier(part) for part in name.split(".", 1))


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quote(value: str) -> str:
    """A value as an SQL literal of no type yet."""
    return "'" + value.replace("'", "''") + "'"
