"""Looks at a repository that the bot has never seen: how it is tested, migrated, flagged and configured."""

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bot.survey_parts import Part, parts, slug
from bot.tree import Tree
from pipeline.errors import ConfigError
from pipeline.flags import read_flags
from pipeline.version import Version, latest_release

GIT_TIMEOUT = 10.0
"""Seconds that one question to git may take."""

_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|KEY|CREDENTIAL|DSN|DATABASE_URL")
_ENV_NAME = re.compile(r"^(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=", re.MULTILINE)
_STEP = re.compile(r"^\s*(?:async\s+)?def (test_\w+)", re.MULTILINE)
_FROM_ENVIRONMENT = re.compile(r"""(?:environ(?:\.get)?|getenv)[\[(]\s*["']([A-Z][A-Z0-9_]*)["']""")
MOST_STEPS = 30


@dataclass(frozen=True)
class Survey:
    """What was found. Commands are argument tuples; None and empty mean that there is none.

    `is_folder`: there is no origin, so that `repository` is the folder itself.
    """

    product: str
    repository: str
    branch: str
    is_git: bool
    is_folder: bool
    release: Version | None
    parts: tuple[Part, ...]
    checks: Mapping[str, tuple[str, ...]]
    smoke: tuple[str, tuple[str, ...]] | None
    e2e: tuple[str, tuple[str, ...]] | None
    migrations: tuple[str, str] | None
    flags: tuple[str, Mapping[str, bool]] | None
    evaluation: str | None
    variables: tuple[str, ...]
    secrets: tuple[str, ...]
    existing: tuple[str, ...]
    notes: tuple[str, ...]


def look(root: Path) -> Survey:
    """Look at a folder. Runs nothing of it. Raises ConfigError when it is no folder."""
    if not root.is_dir():
        raise ConfigError(f"{root} is not a folder. Next: name the folder of the product's repository.")
    tree, project = Tree(root), _project(root)
    found, notes = parts(tree)
    migrations = _migrations(tree, notes)
    variables, secrets = _names(tree, migrations)
    tags = _git(root, "tag", "--list").splitlines()
    return Survey(
        product=slug(str(project or root.absolute().name), "product"),
        repository=_origin(root),
        branch=_branch(root),
        is_git=bool(_git(root, "rev-parse", "--git-dir")),
        is_folder=not _git(root, "remote", "get-url", "origin"),
        release=latest_release(tags),
        parts=tuple(found),
        checks=_checks(tree),
        smoke=_suite(tree, "smoke", "tests/smoke", "smoke_tests", "smoke-tests", "test/smoke"),
        e2e=_suite(tree, "e2e", "tests/e2e", "test/e2e", "tests/acceptance"),
        migrations=migrations,
        flags=_flags(tree),
        evaluation=tree.folder("evals", "evaluation", "evaluations", "tests/evals"),
        variables=variables,
        secrets=secrets,
        existing=tuple(name for name in ("playbook.toml", "bot.toml") if name in tree.files),
        notes=tuple(notes),
    )


def _project(root: Path) -> str | None:
    tree = Tree(root)
    name = _toml(tree.read("pyproject.toml")).get("project", {})
    package = _json(tree.read("package.json")).get("name")
    return (name.get("name") if isinstance(name, dict) else None) or (
        package if isinstance(package, str) else None
    )


def _git(root: Path, *arguments: str) -> str:
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(root.absolute().parent),
    }
    argv = ["git", "-C", str(root), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed questions to git, no shell
            argv, env=env, capture_output=True, timeout=GIT_TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _origin(root: Path) -> str:
    """Where the bot fetches from, without credentials; the folder itself when there is no origin."""
    url = _git(root, "remote", "get-url", "origin")
    if "://" not in url:
        return url or str(root.absolute())
    try:
        address = urlsplit(url)
    except ValueError:
        return str(root.absolute())
    host = address.netloc.rpartition("@")[2]
    return url if address.scheme == "ssh" else urlunsplit(address._replace(netloc=host))


def _branch(root: Path) -> str:
    remote = _git(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    return (
        remote.removeprefix("origin/") or _git(root, "symbolic-ref", "--quiet", "--short", "HEAD") or "main"
    )


def _checks(tree: Tree) -> dict[str, tuple[str, ...]]:
    """Test and lint commands, by the tool that the team itself calls."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in ("unit", "integration"):
        if folder := tree.folder(f"tests/{kind}", f"test/{kind}"):
            found[kind] = ("python", "-m", "pytest", "-q", folder)
    targets = set(re.findall(r"^([a-z][\w-]*)\s*:(?!=)", tree.read("Makefile"), re.MULTILINE))
    scripts = _json(tree.read("package.json")).get("scripts")
    npm = scripts if isinstance(scripts, dict) else {}
    for name in ("test", "lint", "typecheck"):
        if name == "test" and found:
            continue
        if name in targets:
            found[name] = ("make", name)
        elif name in npm:
            found[name] = ("npm", "run", name)
    return found | _by_configuration(tree, found)


def _by_configuration(tree: Tree, known: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    project = _toml(tree.read("pyproject.toml")).get("tool", {})
    tools = project if isinstance(project, dict) else {}
    if not known.keys() & {"unit", "integration", "test"}:
        if tree.read("tox.ini") or "tox" in tools:
            found["test"] = ("python", "-m", "tox")
        elif tree.read("pytest.ini") or "pytest" in tools or tree.named("conftest.py", "test_*.py"):
            found["test"] = ("python", "-m", "pytest", "-q")
        elif tree.named("go.mod"):
            found["test"] = ("go", "test", "./...")
        elif tree.named("Cargo.toml"):
            found["test"] = ("cargo", "test")
    if "lint" not in known and (tree.named("ruff.toml", ".ruff.toml") or "ruff" in tools):
        found["lint"] = ("ruff", "check", ".")
    return found


def _suite(tree: Tree, *folders: str) -> tuple[str, tuple[str, ...]] | None:
    """A folder of pytest files that check a running product, and the tests in it."""
    for folder in folders:
        texts = [tree.read(path) for path in tree.inside(folder) if path.endswith(".py")]
        steps = tuple(dict.fromkeys(step for text in texts for step in _STEP.findall(text)))
        if steps:
            return folder, steps[:MOST_STEPS]
    return None


def _migrations(tree: Tree, notes: list[str]) -> tuple[str, str] | None:
    found = tree.named("alembic.ini")
    if "alembic" in _toml(tree.read("pyproject.toml")).get("tool", {}):
        found.append("pyproject.toml")
    if not found:
        if tree.named("manage.py", "schema.prisma", "flyway.conf", "knexfile.*"):
            notes.append("There seem to be migrations, but not Alembic's: the bot does not run them.")
        return None
    if len(found) > 1:
        notes.append(f"Several Alembic configurations: {', '.join(found[:5])}; the first is taken.")
    names = [name for path in tree.named("env.py") for name in _FROM_ENVIRONMENT.findall(tree.read(path))]
    url = next((name for name in names if "URL" in name or "DSN" in name), "DATABASE_URL")
    return found[0], url


def _flags(tree: Tree) -> tuple[str, Mapping[str, bool]] | None:
    for path in tree.named("*flag*.json"):
        try:
            values = read_flags(tree.read(path))
        except ConfigError:
            continue
        return path, {name: value for name, value in values.items() if isinstance(value, bool)}
    return None


def _names(tree: Tree, migrations: tuple[str, str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of variables and of secrets, from the examples of environment files. Values are never taken."""
    examples = (".env.example", ".env.sample", ".env.template", "env.example", "example.env")
    names = [name for path in tree.named(*examples) for name in _ENV_NAME.findall(tree.read(path))]
    if migrations:
        names.append(migrations[1])
    unique = dict.fromkeys(names)
    return (
        tuple(name for name in unique if not _SECRET.search(name)),
        tuple(name for name in unique if _SECRET.search(name)),
    )


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
