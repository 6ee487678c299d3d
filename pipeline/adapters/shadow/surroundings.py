"""What a product's env.py needs around it, told by its source: the names of variables, and which of them are addresses.

Pure. env.py and the modules of the product that it imports are read, not run.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.reversible import parsed

MOST_FILES = 15

_ADDRESS = re.compile(
    r"(\w+_)?(DATABASE|DB|POSTGRES\w*|PG|SQL\w*|ALEMBIC|MIGRATION\w*)_?\w*(URL|URI|DSN|CONN\w*)|(\w+_)?DSN|DATABASE"
)
_PARTS = (
    ("host", re.compile(r"(\w*(DB|DATABASE|POSTGRES\w*|PG|SQL)_?)(HOST(NAME)?|SERVER|ADDR\w*)")),
    ("port", re.compile(r"(\w*(DB|DATABASE|POSTGRES\w*|PG|SQL)_?)PORT")),
    ("user", re.compile(r"(\w*(DB|DATABASE|POSTGRES\w*|PG|SQL)_?)(USER(NAME)?|LOGIN)")),
    ("password", re.compile(r"(\w*(DB|DATABASE|POSTGRES\w*|PG|SQL)_?)(PASS(WORD|WD)?|PW|SECRET)")),
    ("name", re.compile(r"(\w*(DB|DATABASE|POSTGRES\w*|PG|SQL)_?)(DB|NAME|DATABASE)|DB|DATABASE_NAME")),
)
_READERS = ("get", "getenv", "config", "env", "str", "int", "bool", "environ")
_STAND_INS = (
    ("int", "1"),
    ("float", "1"),
    ("bool", "false"),
    ("list", "[]"),
    ("set", "[]"),
    ("tuple", "[]"),
    ("dict", "{}"),
    ("Email", "nobody@example.com"),
    ("PostgresDsn", ""),
    ("Url", "http://127.0.0.1:9/"),
    ("Dsn", "http://127.0.0.1:9/"),
)
"""For settings that have nothing to do with the database but have to be there, by their declared type."""


@dataclass
class Names:
    """Variables by name. `required` are those without which the source raises, with the type that it declares."""

    mentioned: set[str] = field(default_factory=set)
    required: dict[str, str] = field(default_factory=dict)
    asynchronous: bool = False


def location(config: Path, folder: Path) -> Path:
    """The folder of env.py, as Alembic's configuration names it; `folder` is where Alembic runs."""
    if config.is_dir():
        return config
    text = _text(config) or ""
    here = str(config.parent.absolute())
    if config.suffix == ".toml":
        found = re.search(r"""^\s*script_location\s*=\s*["']([^"']+)["']""", text, re.MULTILINE)
    else:
        found = re.search(r"^\s*script_location\s*[=:]\s*(\S.*?)\s*$", text, re.MULTILINE)
    named = found[1] if found else "migrations"
    return folder / named.replace("%(here)s", here).replace("{here}", here)


def names(env: Path, roots: tuple[Path, ...]) -> Names:
    """What env.py and what it imports of the product mention."""
    found = Names()
    waiting, seen = [env], set[Path]()
    while waiting and len(seen) < MOST_FILES:
        path = waiting.pop(0)
        if path in seen or (text := _text(path)) is None:
            continue
        seen.add(path)
        tree = parsed(text)
        found.asynchronous = found.asynchronous or "async_engine" in text or "asyncpg" in text
        if tree is not None:
            _collect(tree, found)
            waiting += [module for module in _imported(tree, roots, path) if module not in seen]
    return found


def variables(
    found: Names, address: str, parts: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Values for the variables: the address in every form, and stand-ins for what is required and not `given`."""
    values = {"DATABASE_URL": address, "SQLALCHEMY_DATABASE_URI": address, "SQLALCHEMY_DATABASE_URL": address}
    values |= {"PGHOST": parts["host"], "PGPORT": parts["port"], "PGUSER": parts["user"]}
    values |= {"PGPASSWORD": parts["password"], "PGDATABASE": parts["name"]}
    for name in found.mentioned | set(found.required):
        if _ADDRESS.fullmatch(name.upper()) or "PostgresDsn" in found.required.get(name, ""):
            values[name] = address
        elif part := next((part for part, pattern in _PARTS if pattern.fullmatch(name.upper())), None):
            values[name] = parts[part]
    return values | {
        name: _stand_in(type_)
        for name, type_ in found.required.items()
        if name not in values and name not in given
    }


def _stand_in(type_: str) -> str:
    return next((value for word, value in _STAND_INS if word in type_), "stand-in")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.is_file() and path.stat().st_size < 500_000 else None
    except (OSError, ValueError):
        return None


def _collect(tree: ast.Module, found: Names) -> None:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and "environ" in ast.dump(node.value)
            and (name := _name(node.slice))
        ):
            found.required.setdefault(name, "str")
        elif isinstance(node, ast.Call) and node.args and (name := _name(node.args[0])):
            if getattr(node.func, "attr", getattr(node.func, "id", "")) in _READERS:
                found.mentioned.add(name)
        elif isinstance(node, ast.ClassDef) and any("Settings" in ast.dump(base) for base in node.bases):
            _settings(node, found)


def _name(node: ast.expr) -> str:
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return text if re.fullmatch(r"[A-Z][A-Z0-9_]*", text) else ""


def _settings(node: ast.ClassDef, found: Names) -> None:
    """The fields of a pydantic-settings class are variables: by their alias, or with the class's prefix."""
    words = [word for word in ast.walk(node) if isinstance(word, ast.keyword) and word.arg == "env_prefix"]
    prefix = next((str(word.value.value) for word in words if isinstance(word.value, ast.Constant)), "")
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        alias = next(_aliases(statement.value), None)
        name = alias or f"{prefix}{statement.target.id}".upper()
        found.mentioned.add(name)
        if _is_required(statement.value):
            found.required.setdefault(name, ast.unparse(statement.annotation))


def _aliases(value: ast.expr | None) -> Iterator[str]:
    if isinstance(value, ast.Call):
        for word in value.keywords:
            if word.arg in ("alias", "validation_alias", "env"):
                yield from (
                    c.value
                    for c in ast.walk(word.value)
                    if isinstance(c, ast.Constant) and isinstance(c.value, str)
                )


def _is_required(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        given = any(word.arg in ("default", "default_factory") for word in value.keywords)
        return not given and (not value.args or _is_required(value.args[0]))
    return value is None or (isinstance(value, ast.Constant) and value.value is ...)


def _imported(tree: ast.Module, roots: tuple[Path, ...], path: Path) -> Iterator[Path]:
    """The product's own modules that are imported here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [
                node.module or "",
                *(f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names),
            ]
        else:
            continue
        folders = roots if not getattr(node, "level", 0) else (path.parents[node.level - 1],)  # type: ignore[union-attr]
        for folder in folders:
            for module in filter(None, modules):
                stem = folder.joinpath(*module.split("."))
                yield from (
                    there for there in (stem.with_suffix(".py"), stem / "__init__.py") if there.is_file()
                )
