"""What goes into an image: taken from the checkout by name, never from outside of it, and hashed by content."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pipeline.errors import BuildError
from pipeline.ports import BuildOrder


def remove_tree(folder: Path) -> None:
    """Remove a folder with its read-only content; a folder that is not there is fine."""
    if folder.is_symlink() or not folder.exists():
        folder.unlink(missing_ok=True)
        return
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder)


def gather(order: BuildOrder, patterns: Iterable[str], staging: Path) -> None:
    """Copy what the patterns name of the checkout into an empty staging folder.

    Raises BuildError: nothing is there, or it leads out of the checkout.
    """
    remove_tree(staging)
    staging.mkdir(parents=True)
    checkout = order.checkout.resolve()
    for pattern in patterns:
        for path in _matches(order.component, checkout, pattern):
            _copy(path, staging / path.relative_to(checkout))


def _matches(component: str, checkout: Path, pattern: str) -> list[Path]:
    parts = PurePosixPath(pattern).parts
    if pattern.startswith("/") or ".." in parts or "\0" in pattern:
        raise BuildError(
            f"{component}: the source {pattern!r} leads out of the checkout. "
            f"Next: name files and folders of the repository in the playbook."
        )
    found = sorted(checkout.glob(pattern)) if parts else [checkout]
    found = [path for path in found if ".git" not in path.relative_to(checkout).parts]
    if not found:
        raise BuildError(
            f"{component}: nothing in the checkout matches the source {pattern!r}. "
            f"Next: correct `sources` in the playbook, or commit the missing file."
        )
    for path in found:
        if path != checkout and not path.parent.resolve().is_relative_to(checkout):
            raise BuildError(f"{component}: the source {pattern!r} leaves the checkout through a link.")
    return found


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        ignored = shutil.ignore_patterns(".git")
        shutil.copytree(source, destination, symlinks=True, ignore=ignored, dirs_exist_ok=True)
    elif not os.path.lexists(destination):
        shutil.copy2(source, destination, follow_symlinks=False)


def entries(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every entry below `folder` with its path relative to it, in an order that never varies."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted((*folders, *files)):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path


def content_digest(folder: Path, component: str = "the image") -> str:
    """The hash of all content below `folder`, 64 hex digits; times and owners do not count.

    Raises BuildError: a link that leads out of it, or what is neither file, folder nor link.
    """
    whole = hashlib.sha256()
    for line in sorted(_line(component, folder, name, path) for name, path in entries(folder)):
        whole.update(line)
    return whole.hexdigest()


def _line(component: str, folder: Path, name: str, path: Path) -> bytes:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        _stays_inside(component, folder, name, path)
        kind, content = "link", str(path.readlink())
    elif stat.S_ISDIR(mode):
        kind, content = "folder", ""
    elif stat.S_ISREG(mode):
        kind, content = ("program" if mode & stat.S_IXUSR else "file"), _hash(path)
    else:
        raise BuildError(f"{component}: {name!r} is neither file, folder nor link. Next: do not build it.")
    return json.dumps([name, kind, content]).encode() + b"\n"


def _stays_inside(component: str, folder: Path, name: str, path: Path) -> None:
    target = path.readlink()
    if target.is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise BuildError(
            f"{component}: the link {name!r} points at {str(target)!r}, outside of the image. "
            f"Next: put a copy there instead."
        )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
