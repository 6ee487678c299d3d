"""What SQL says of itself where it cannot be run: by sqlglot's reading of each statement, and by squawk's rules. Pure.

Text raises questions that only a database answers. So this errs on the side of asking: a statement that is not
understood is told as such.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.verdicts import sql
from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.windows import told

WINDOW_RULES = (
    "require-concurrent-index-creation",
    "constraint-missing-not-valid",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "changing-column-type",
    "adding-field-with-default",
    "adding-serial-primary-key-field",
    "disallowed-unique-constraint",
    "require-concurrent-reindex",
    "ban-uncommitted-enum-value",
)
"""squawk's rules on locks that are held for as long as a table takes to be read or written whole."""

_HARMLESS = re.compile(
    r"(begin|commit|set\b|reset\b|select\s+(setval|set_config|pg_)|comment\b|analyze\b|vacuum(?!.*\bfull\b)|explain\b"
    r"|alter\s+table\s+.*\bvalidate\s+constraint\b|alter\s+type\s+\S+\s+add\s+value\b|grant\b|create\s+extension\b"
    r"|create\s+(or\s+replace\s+)?(function|procedure|view|aggregate|statistics|sequence|type|domain|schema|role)\b"
    r"|create\s+materialized\s+view\b|alter\s+index\b|insert\b|with\b|select\b|refresh\s+materialized\s+view\s+conc"
    r"|alter\s+table\s+.*\b(set|reset)\s*\(|alter\s+table\s+.*\bset\s+(statistics|storage)\b|pragma\b"
    r"|drop\s+(function|procedure|trigger|rule|policy)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""Statements that sqlglot does not take apart, and that take nothing and make nobody wait."""

_LOCKING = re.compile(
    r"(vacuum\b.*\bfull\b|cluster\b|reindex(?!.*\bconcurrently\b)|refresh\s+mat)", re.I | re.DOTALL
)
_SECURITY = re.compile(
    r"alter\s+table\s+(?:if\s+exists\s+|only\s+)*([\w.\"]+)\s+(?:enable|force)\s+row\s+level", re.I
)
_RENAMED_VALUE = re.compile(r"alter\s+type\s+([\w.\"]+)\s+rename\s+value\s+'([^']*)'", re.IGNORECASE)
_RENAMED = re.compile(
    r"alter\s+(table|view|type|sequence|schema|function)\s+(?:if\s+exists\s+|only\s+)*([\w.\"()]+)\s+rename\s+"
    r"(?:to\s+([\w\"]+)|(?:column\s+)?([\w\"]+)\s+to\s+([\w\"]+)|(attribute|constraint)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Call:
    """A call in a revision's upgrade(), as of Alembic's operations: those arguments that are constants, and names of
    others."""

    name: str
    arguments: tuple[str, ...]
    line: int
    names: tuple[str, ...] = ()


def by_texts(texts: Sequence[str], lint: Iterable[Mapping[str, Any]] = ()) -> Iterator[Reason]:
    """Reasons that the words of these statements give, in the order in which they run."""
    made: set[str] = set()
    bodies: dict[str, str] = {}
    for text in texts:
        bodies |= sql.defined(text)
        yield from _acts(text, bodies, made)
        yield from _statement(text, made)
    for one in lint:
        if one["rule"] in WINDOW_RULES:
            yield reason("window_lint", rule=one["rule"], statement=told(one["statement"]))


def _acts(text: str, bodies: Mapping[str, str], made: set[str]) -> Iterator[Reason]:
    codes = {"delete": "deletes", "truncate": "truncates", "lock": "window_lock"}
    for act in sql.acts(text, bodies):
        if act.table in made:
            continue
        if act.verb in codes:
            yield reason(codes[act.verb], table=act.table, statement=told(act.text))
        elif act.columns and act.verb in ("update", "upsert", "merge"):
            yield reason("overwrites", table=act.table, columns=list(act.columns), statement=told(act.text))
        if act.verb == "update" and not act.bounded:
            yield reason("window_update", table=act.table, statement=told(act.text))


def _statement(text: str, made: set[str]) -> Iterator[Reason]:
    if found := re.match(
        r"create\s+(?:temp\w*\s+|unlogged\s+)*table\s+(?:if\s+not\s+exists\s+)?([\w.\"]+)", text, re.I
    ):
        made.add(sql.plain_name(found[1]))
        return
    if found := _SECURITY.match(text):
        yield reason("row_security", table=sql.plain_name(found[1]))
    elif found := _RENAMED_VALUE.match(text):
        yield reason("values_gone", thing=sql.plain_name(found[1]), values=[found[2]])
    elif found := _RENAMED.match(text):
        yield from _rename(found, made)
    elif _LOCKING.match(text):
        yield reason("window_lint", rule="", statement=told(text))
    else:
        yield from _tree(text, made)


def _rename(found: "re.Match[str]", made: set[str]) -> Iterator[Reason]:
    name = sql.plain_name(found[2])
    if name in made or found[6]:
        return
    if found[4]:
        thing, to = f"{name}.{sql.plain_name(found[4])}", sql.plain_name(found[5])
        yield reason("renamed", kind="column", thing=thing, to=to)
    else:
        yield reason("renamed", kind=found[1].lower(), thing=name, to=sql.plain_name(found[3]))


def _tree(text: str, made: set[str]) -> Iterator[Reason]:
    import sqlglot  # takes a third of a second: only where nothing could be measured
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = sqlglot.parse_one(sql.normal(text), dialect="postgres")
    except sqlglot.errors.SqlglotError:
        tree = exp.Command(this=text)
    if isinstance(tree, exp.Alter):
        table = tree.this.name if tree.this else ""
        for action in tree.args.get("actions") or () if table not in made else ():
            yield from _action(table, action, text)
    elif isinstance(tree, exp.Drop):
        yield from _drop(tree, made)
    elif isinstance(tree, exp.Revoke):
        yield reason("revoked", kind="", thing=told(text, 80), rights=[])
    elif _is_unread(tree, text):
        yield reason("unread", statement=told(text))


def _is_unread(tree: Any, text: str) -> bool:
    from sqlglot import exp

    if isinstance(tree, exp.Create):
        return bool(tree.args.get("kind") == "TRIGGER")
    return isinstance(tree, exp.Command | exp.Execute) and not _HARMLESS.match(text) and not sql.acts(text)


def _drop(tree: Any, made: set[str]) -> Iterator[Reason]:
    kind = (tree.args.get("kind") or "").lower()
    for name in _dropped(tree):
        if name in made or kind in ("index", "function", "trigger", "constraint"):
            continue
        yield reason("gone", kind=kind, thing=name)
        if kind in ("table", "schema", "database"):
            yield reason("drops", kind=kind, thing=name)


def _dropped(tree: Any) -> list[str]:
    """The names of what goes."""
    there = [tree.this, *(tree.args.get("tables") or ()), *(tree.args.get("expressions") or ())]
    return [part.name or part.text("db") for part in there if part is not None] or ["?"]


def _action(table: str, action: Any, text: str) -> Iterator[Reason]:
    from sqlglot import exp

    if isinstance(action, exp.ColumnDef):
        yield from _added(table, action)
    elif isinstance(action, exp.Drop) and (action.args.get("kind") or "COLUMN") == "COLUMN":
        thing = f"{table}.{_dropped(action)[0]}"
        yield from (reason("drops", kind="column", thing=thing), reason("gone", kind="column", thing=thing))
    elif isinstance(action, exp.AlterColumn):
        yield from _altered(table, action)
    elif isinstance(action, exp.AddConstraint):
        if not re.search(r"\bnot\s+valid\b|\busing\s+index\b", text, re.IGNORECASE):
            yield reason(
                "new_constraint", table=table, name=action.expressions[0].name, rule=told(action.sql())
            )
    elif not isinstance(action, exp.Drop):
        yield reason("unread", statement=told(text))


def _added(table: str, column: Any) -> Iterator[Reason]:
    """A new column that must have a value, and is given none."""
    from sqlglot import exp

    kinds = [one.args.get("kind") for one in column.args.get("constraints") or ()]
    required = any(
        isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null") for kind in kinds
    )
    given = (
        exp.DefaultColumnConstraint,
        exp.GeneratedAsIdentityColumnConstraint,
        exp.ComputedColumnConstraint,
    )
    serial = "SERIAL" in str(column.args.get("kind") or "").upper()
    if required and not serial and not any(isinstance(kind, given) for kind in kinds):
        yield reason("required_column", table=table, column=column.name)


def _altered(table: str, action: Any) -> Iterator[Reason]:
    named = {"table": table, "column": action.this.name}
    if action.args.get("dtype"):
        after = action.args["dtype"].sql("postgres").lower()
        if after not in ("text", "bigint"):
            yield reason("narrows", **named, before="?", after=after)
            yield reason("type_changed", **named, before="?", after=after)
    elif action.args.get("allow_null") is False and not action.args.get("drop"):
        yield reason("not_null", **named)
    elif action.args.get("drop") and not action.args.get("allow_null"):
        yield reason("default_gone", **named)


_DROPPING = {"drop_table": "table", "drop_column": "column"}
_RENAMING = ("rename_table",)


def by_calls(calls: Sequence[Call]) -> Iterator[Reason]:
    """What the calls of a revision give away whose SQL cannot be rendered: what it drops, renames, or executes."""
    made = {call.arguments[0] for call in calls if call.name == "create_table" and call.arguments}
    for call in calls:
        words = [word for word in call.arguments if word]
        if words and words[0] in made:
            continue
        if call.name in _DROPPING:
            thing = ".".join(words[:2]) if call.name == "drop_column" else (words or ["?"])[0]
            yield reason("drops", kind=_DROPPING[call.name], thing=thing)
            yield reason("gone", kind=_DROPPING[call.name], thing=thing)
        elif call.name == "rename_table" and len(words) > 1:
            yield reason("renamed", kind="table", thing=words[0], to=words[1])
        elif call.name == "execute":
            for text in words:
                yield from by_texts(sql.split(text))
