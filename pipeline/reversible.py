"""Whether a migration can be undone, as far as its source tells. Pure.

An empty or raising `downgrade()` passes every tool that only runs it: so the source is read.
"""

import ast
import warnings

_LOOKS = {"print", "get_bind", "get_context", "inspect", "warn", "debug", "info", "warning", "error"}
"""Calls that change nothing in the database."""


def judge_downgrade(source: str) -> tuple[bool, str]:
    """(True, "") when `downgrade()` does something; else (False, why it does not).

    Not reversible: there is none, it does nothing (a docstring, pass, looking, logging), or it always raises.
    Functions of the same file that it calls are followed.
    """
    module = parsed(source)
    if module is None:
        return False, "its file cannot be read as Python"
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    if "downgrade" not in functions:
        return (True, "") if _is_bound(module, "downgrade") else (False, "it has no downgrade()")
    return _Reader(functions).judge()


def parsed(source: str) -> ast.Module | None:
    """Source as a tree; None when it is no Python."""
    try:
        with warnings.catch_warnings():  # about the product's source: not ours to print
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_bound(module: ast.Module, name: str) -> bool:
    """Whether the file makes the name otherwise than by a plain def: imported, assigned, or within an if."""
    nodes = [
        node for node in ast.walk(module) if not isinstance(node, ast.expr) or isinstance(node, ast.Name)
    ]
    named = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    named += [
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    named += [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return name in named


class _Reader:
    def __init__(self, functions: dict[str, ast.FunctionDef]) -> None:
        self._functions = functions
        self._followed: set[str] = set()

    def judge(self) -> tuple[bool, str]:
        body = self._functions["downgrade"].body
        raised = next((node for node in body if isinstance(node, ast.Raise)), None)
        if raised is not None:
            return False, f"its downgrade() raises {_name(raised.exc)} on line {raised.lineno}"
        if not self._acts(body):
            return False, "its downgrade() does nothing"
        return True, ""

    def _acts(self, body: list[ast.stmt]) -> bool:
        """Whether any statement that is reached does something."""
        for node in body:
            if isinstance(node, ast.Return | ast.Raise):
                return any(self._does_something(call) for call in _calls(node))
            if self._statement_acts(node):
                return True
        return False

    def _statement_acts(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            return False
        if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
            return self._acts(node.body if node.test.value else node.orelse)
        if hasattr(node, "body"):
            parts = ("body", "orelse", "finalbody")
            return any(self._acts(getattr(node, name, [])) for name in parts)
        return any(self._does_something(call) for call in _calls(node))

    def _does_something(self, call: ast.Call) -> bool:
        name = _name(call.func)
        if isinstance(call.func, ast.Name) and name in self._functions:
            if name in self._followed:
                return False
            self._followed.add(name)
            return self._acts(self._functions[name].body)
        return name not in _LOOKS


def _calls(node: ast.AST) -> list[ast.Call]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Call)]


def _name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "an error"
