"""What a revision's file tells by itself: what its upgrade() calls, and whether its downgrade() undoes that. Pure."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.reversible import judge_downgrade, parsed
from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.static import Call

_UNDONE_BY = {
    "create_table": "drop_table",
    "drop_table": "create_table",
    "add_column": "drop_column",
    "drop_column": "add_column",
    "create_index": "drop_index",
    "drop_index": "create_index",
    "rename_table": "rename_table",
    "create_unique_constraint": "drop_constraint",
    "create_foreign_key": "drop_constraint",
    "create_check_constraint": "drop_constraint",
    "create_exclude_constraint": "drop_constraint",
    "create_primary_key": "drop_constraint",
}
_ANYTHING = ("execute", "run", "get_bind", "invoke", "bulk_insert", "batch_alter_table")
"""Calls that may undo whatever there is: nothing is missed where one of them is."""


_CHANGES_ROWS = re.compile(
    r"\s*(delete\s+from|update\s+\S+\s+.*?\bset\b|truncate\b|merge\s+into|with\b|insert\b)", re.I | re.S
)


def read_downgrade(source: str) -> Reason | None:
    """Why this revision has no (whole) way back, as far as its file tells; None when it seems to have one."""
    found, why = judge_downgrade(source)
    if not found:
        return _reason(why)
    module = parsed(source)
    left = _not_undone(module) if module else []
    return reason("downgrade_partial", left=left, count=len(left)) if left else None


def _reason(why: str) -> Reason:
    if "raises" in why:
        words = why.split()
        return reason("downgrade_raises", error=words[3], line=int(words[-1]))
    code = {"does nothing": "empty", "has no": "missing", "cannot be read": "unreadable"}
    return reason(f"downgrade_{next(name for text, name in code.items() if text in why)}")


def upgrade_calls(source: str) -> tuple[Call, ...]:
    """The operations that upgrade() calls, also through functions of the same file."""
    module = parsed(source)
    return tuple(_calls(module, "upgrade")) if module else ()


def written_sql(source: str) -> tuple[str, ...]:
    """The texts in upgrade(), and in functions that it calls, which change rows: also those that a condition guards."""
    module = parsed(source)
    bodies = list(_reached(module, "upgrade")) if module else []
    nodes = [node for body in bodies for node in ast.walk(body)]
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    whole = [
        node for node in nodes if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in parts
    ]
    texts = [_text(node) for node in whole]
    return tuple(dict.fromkeys(text for text in texts if _CHANGES_ROWS.match(text)))


def substance(source: str) -> str:
    """What a revision does, without comments, docstrings and layout: two files of the same substance do the same."""
    module = parsed(source)
    if module is None:
        return source
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(module)


def ids(source: str) -> tuple[str, tuple[str, ...]] | None:
    """A revision's own id and those below it, as the file assigns them; None when it is no revision."""
    module = parsed(source)
    values: dict[str, Any] = dict(_assigned(module)) if module else {}
    if not isinstance(values.get("revision"), str):
        return None
    below = values.get("down_revision") or ()
    return values["revision"], (below,) if isinstance(below, str) else tuple(below)


def heads(sources: Iterable[str]) -> tuple[str, ...]:
    """The heads that revision files lead to, sorted."""
    found = [known for source in sources if (known := ids(source))]
    under = {one for _, below in found for one in below}
    return tuple(sorted(revision for revision, _ in found if revision not in under))


def _assigned(module: ast.Module) -> Iterator[tuple[str, object]]:
    for node in module.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and node.value is not None:  # type: ignore[attr-defined]  # both have one
                try:
                    yield target.id, ast.literal_eval(node.value)  # type: ignore[attr-defined]
                except ValueError:
                    continue


def _not_undone(module: ast.Module) -> list[dict[str, object]]:
    """What upgrade() makes by Alembic's operations and downgrade() does not take away by them."""
    down = list(_calls(module, "downgrade"))
    if not any(True for _ in _reached(module, "downgrade")):
        return []
    if any(call.name in _ANYTHING or not all(_key(call)) for call in down):
        return []
    up = list(_calls(module, "upgrade"))
    made = {call.arguments[0] for call in up if call.name == "create_table" and call.arguments}
    gone = {call.arguments[0] for call in down if call.name == "drop_table" and call.arguments}
    undone = {(call.name, _key(call)) for call in down}
    return [
        {"kind": call.name, "what": "added", "thing": ".".join(filter(None, call.arguments[:2])), "fields": []}
        for call in up
        if call.name in _UNDONE_BY and call.arguments and all(call.arguments[:1])
        and (_UNDONE_BY[call.name], _key(call)) not in undone
        and not {*call.arguments[:2]} & made & gone and call.name != "rename_table"
    ]  # fmt: skip


def _key(call: Call) -> tuple[str, ...]:
    return call.arguments[:2] if call.name in ("add_column", "drop_column") else call.arguments[:1]


def _calls(module: ast.Module, name: str) -> Iterator[Call]:
    for function in _reached(module, name):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names = tuple(word.arg for word in node.keywords if word.arg)
                yield Call(node.func.attr, tuple(_constants(node)), node.lineno, names)


def _reached(module: ast.Module, name: str) -> Iterator[ast.FunctionDef]:
    """A function of the file, and those of the file that it calls."""
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    waiting, seen = [name], set[str]()
    while waiting:
        current = waiting.pop(0)
        if current not in seen and current in functions:
            seen.add(current)
            yield functions[current]
            waiting += [node.id for node in ast.walk(functions[current]) if isinstance(node, ast.Name)]


def _constants(call: ast.Call) -> Iterator[str]:
    """The arguments that are known, in order: texts, and the names of columns; "" for what is not."""
    named = {word.arg: word.value for word in call.keywords}
    arguments = [
        *call.args,
        *(named[name] for name in ("table_name", "column_name", "constraint_name") if name in named),
    ]
    for node in arguments:
        yield _text(node)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "x" for part in node.values)
    if isinstance(node, ast.Call) and node.args:
        return _text(node.args[0])
    return ""
