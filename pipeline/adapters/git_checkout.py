"""A commit's files as a plain folder: complete or not there at all.

Not an adapter itself: what pipeline/adapters/git.py is built from.
"""

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path

from pipeline.adapters.git_cli import NETWORK, Git
from pipeline.errors import RepositoryError

_ABANDONED = 3600.0  # seconds after which a part of an interrupted checkout has no owner


async def checkout(git: Git, commit: str, folder: Path) -> None:
    """Write the files of `commit` (a full SHA) into `folder`.

    The files are written beside it and renamed at the end; a file next to the folder says which commit
    it holds. Not `git archive`, which leaves out what .gitattributes marks `export-ignore`: tests, often.
    """
    marker = folder.with_name(folder.name + ".commit")
    try:
        if _is_complete(folder, marker, commit):
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        part = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
    except OSError as error:
        raise _failed(commit, folder, error) from error
    try:
        await _write(git, commit, part)
        _keep(part, folder, marker, commit)
    except OSError as error:
        raise _failed(commit, folder, error) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)


async def _write(git: Git, commit: str, part: Path) -> None:
    tree = part / "tree"
    tree.mkdir()
    env = {"GIT_INDEX_FILE": str(part / "index"), "GIT_WORK_TREE": str(tree)}
    doing = f"check out {commit[:10]}"
    await git.run("read-tree", commit, doing=doing, env=env)
    await git.run("checkout-index", "--all", "--force", "--quiet", doing=doing, env=env, timeout=NETWORK)


def _keep(part: Path, folder: Path, marker: Path, commit: str) -> None:
    """The marker is written first: a folder without one was not made here."""
    note = part / "commit"
    with note.open("w") as file:
        file.write(commit)
        file.flush()
        os.fsync(file.fileno())
    note.replace(marker)
    try:
        (part / "tree").rename(folder)
    except OSError:
        if not _is_complete(folder, marker, commit):  # otherwise another checkout was faster
            raise


def _is_complete(folder: Path, marker: Path, commit: str) -> bool:
    if not folder.exists() or not any(folder.iterdir()):
        return False
    held = marker.read_text() if marker.exists() else "something that the bot did not check out"
    if held == commit:
        return True
    raise RepositoryError(
        f"{commit[:10]} was not checked out: the folder {folder} holds {held[:60]}."
        " Next: remove the folder, or use another."
    )


def _prefix(folder: Path) -> str:
    return f".{folder.name}.part-"


def _sweep(folder: Path) -> None:
    for part in folder.parent.glob(_prefix(folder) + "*"):
        if time.time() - part.stat().st_mtime > _ABANDONED:
            shutil.rmtree(part, ignore_errors=True)


def _failed(commit: str, folder: Path, error: OSError) -> RepositoryError:
    return RepositoryError(
        f"{commit[:10]} could not be checked out into {folder}: {error.strerror or error}."
        " Next: make room or correct the permissions there, then ask again."
    )
