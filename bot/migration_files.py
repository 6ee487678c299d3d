"""Where a product's migrations are, which Python runs them, and how they were when they were last released."""

import asyncio
import configparser
import io
import os
import re
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.adapters.shadow.surroundings import location, names
from pipeline.errors import ConfigError
from pipeline.process import capture
from pipeline.verdicts.source import heads
from pipeline.version import latest_release

DEEPEST = 3
"""Folders below the one that was named in which alembic.ini is looked for."""

_GIT = 30.0
_SKIPPED = {".git", ".venv", "venv", "node_modules", "site-packages", "__pycache__", ".tox"}


@dataclass(frozen=True)
class Place:
    """Alembic's configuration (an ini, a toml, or the scripts' own folder) and the folder in which it runs."""

    config: Path
    folder: Path

    @property
    def scripts(self) -> Path:
        return location(self.config, self.folder)


@dataclass(frozen=True)
class Released:
    """The migrations at the newest release: its tag, the heads, and each file's text by its path."""

    tag: str = ""
    heads: tuple[str, ...] = ()
    files: dict[Path, str] = field(default_factory=dict)


def find(given: Path) -> Place:
    """The migrations that a person means by a path. Raises ConfigError that says what was looked for."""
    path = given.absolute()
    if path.is_file() and path.suffix in (".ini", ".toml"):
        return Place(path, path.parent)
    if not path.is_dir():
        raise ConfigError(f"There is no folder {given}. Next: name the folder that has alembic.ini.")
    if found := _configured(path):
        return Place(found, path)
    if path.name == "versions" and (path.parent / "env.py").is_file():
        path = path.parent
    if (path / "env.py").is_file():
        return _of_scripts(path)
    below = [config for folder in _below(path, DEEPEST) if (config := _configured(folder))]
    if len(below) == 1:
        return Place(below[0], below[0].parent)
    what = (
        f"{len(below)} of them: {', '.join(str(one.relative_to(path)) for one in below[:5])}"
        if below
        else "none"
    )
    raise ConfigError(
        f"{given} should have one alembic.ini (or env.py and versions), and has {what}. Next: name the folder of one."
    )


def _configured(folder: Path) -> Path | None:
    if (folder / "alembic.ini").is_file():
        return folder / "alembic.ini"
    toml = folder / "pyproject.toml"
    if toml.is_file() and re.search(
        r"^\s*\[tool\.alembic\]", toml.read_text("utf-8", "replace"), re.MULTILINE
    ):
        return toml
    return None


def _of_scripts(scripts: Path) -> Place:
    """The configuration above that leads to this folder, else the folder itself."""
    for folder in scripts.parents[:5]:
        config = _configured(folder)
        if config is not None and location(config, folder).resolve() == scripts.resolve():
            return Place(config, folder)
    return Place(scripts, scripts.parent)


def _below(folder: Path, depth: int) -> list[Path]:
    inner = (
        [one for one in sorted(folder.iterdir()) if one.is_dir() and one.name not in _SKIPPED]
        if depth
        else []
    )
    return [found for one in inner for found in (one, *_below(one, depth - 1))]


def python_for(folder: Path) -> str:
    """The interpreter with Alembic that is nearest to the product; else our own."""
    near = [place / name for place in (folder, *folder.parents[:3]) for name in (".venv", "venv")]
    active = os.environ.get("VIRTUAL_ENV")
    for place in (*near, *([Path(active)] if active else [])):
        if (place / "bin" / "python").exists() and any(place.glob("lib/python*/site-packages/alembic")):
            return str(place / "bin" / "python")
    return sys.executable


def backend_of(place: Place) -> str:
    """The kind of the product's database, as far as its own settings tell; PostgreSQL where they do not."""
    found = names(place.scripts / "env.py", (place.folder, place.folder / "src"))
    said = [os.environ[name] for name in sorted(found.mentioned | set(found.required)) if name in os.environ]
    return next((kind for text in (*said, _ini(place)) if (kind := _kind(text))), "postgresql")


def backend_named(url: str) -> str:
    """The kind of database that an address names; PostgreSQL where it names none."""
    return _kind(url) or "postgresql"


def _kind(url: str) -> str:
    found = re.match(r"(sqlite|mysql|mariadb|mssql|oracle|postgres)\w*[:+]", url)
    return found[1].replace("postgres", "postgresql") if found else ""


def heads_in(scripts: Path) -> tuple[str, ...]:
    """The heads that the files of a folder of scripts lead to."""
    return heads(path.read_text("utf-8", "replace") for path in scripts.rglob("*.py"))


def _ini(place: Place) -> str:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(place.config if place.config.suffix == ".ini" else [], encoding="utf-8")
    except (configparser.Error, OSError, ValueError):
        return ""
    return parser.get("alembic", "sqlalchemy.url", fallback="")


async def released(place: Place) -> Released:
    """The migrations as they were at the newest release tag; nothing where there is no git or no such tag."""
    top = await _git(place.scripts, "rev-parse", "--show-toplevel")
    if top is None:
        return Released()
    root, scripts = Path(top.decode().strip()), place.scripts
    tag = latest_release((await _git(root, "tag", "--list") or b"").decode("utf-8", "replace").split())
    if tag is None:
        return Released()
    inside = await asyncio.to_thread(_relative, scripts, root)
    packed = await _git(root, "archive", "--format=tar", tag.tag, "--", inside)
    files = await asyncio.to_thread(_unpacked, packed, root) if packed else {}
    return Released(tag.tag, heads(files.values()), files)


def _relative(scripts: Path, root: Path) -> str:
    return str(scripts.resolve().relative_to(root.resolve()))


async def _git(folder: Path, *arguments: str) -> bytes | None:
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C"}
    try:
        done = await capture(["git", "-C", str(folder), *arguments], env=env, timeout=_GIT)
    except OSError:
        return None
    return done.stdout if done.ok else None


def _unpacked(packed: bytes, root: Path) -> dict[Path, str]:
    found = {}
    root = root.resolve()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            inside = archive.extractfile(member) if member.isfile() and member.name.endswith(".py") else None
            if inside is not None:
                found[root / member.name] = inside.read().decode("utf-8", "replace")
    return found
