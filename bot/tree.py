"""The files of a repository that the bot has never seen, looked at within bounds."""

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

DEEPEST, MOST, LARGEST = 5, 20_000, 1_000_000
"""How deep it looks, how many files it sees, and how many bytes of one it reads."""

_SKIPPED = {"node_modules", "vendor", "venv", "dist", "build", "target", "__pycache__", "site-packages"}
_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Tree:
    """`files` are the paths of plain files, relative, with slashes, sorted. Links are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = tuple(sorted(_walk(root)))

    def read(self, name: str) -> str:
        """A file's text; empty when it is not there, too large, or not to be read."""
        path = self.root / name
        try:
            if name not in self.files or path.stat().st_size > LARGEST:
                return ""
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def named(self, *patterns: str) -> list[str]:
        """The files whose own name fits one of the patterns, the nearest to the root first."""
        found = [path for path in self.files if any(fnmatch(PurePosixPath(path).name, p) for p in patterns)]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def folder(self, *names: str) -> str | None:
        """The first of these folders that has files in it."""
        return next((name for name in names if any(path.startswith(f"{name}/") for path in self.files)), None)

    def inside(self, folder: str) -> list[str]:
        return [path for path in self.files if path.startswith(f"{folder}/")]

    @property
    def top(self) -> tuple[str, ...]:
        """The names in the root folder."""
        return tuple(dict.fromkeys(path.split("/")[0] for path in self.files))


def _walk(root: Path) -> Iterator[str]:
    seen = 0
    for folder, folders, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if _is_own(name) and len(inside.parts) < DEEPEST)
        for name in sorted(files):
            seen += 1
            if seen > MOST:
                return
            if not _NO_NAME.search(name) and not (Path(folder) / name).is_symlink():
                yield (inside / name).as_posix()


def _is_own(folder: str) -> bool:
    return not (folder.startswith(".") or folder in _SKIPPED or _NO_NAME.search(folder))
