"""Images of the local target: folders on this machine's disk, named by the hash of their content.

What is hashed is the path, kind, executable bit and content of every entry; times and owners are not, so that
the same content has the same digest wherever and whenever it is built. Python's byte code is the usual
spoiler: `python -m compileall` is reproducible here, because SOURCE_DATE_EPOCH makes it check by hash.
"""

import asyncio
import hashlib
import json
import os
import stat
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from pipeline.environment import base
from pipeline.errors import BuildError, CommandError
from pipeline.files import content_folder, locked, write_atomic
from pipeline.ports import BuildOrder, Command, Image, Runner
from pipeline.sources import content_digest, entries, gather, remove_tree

_REPRODUCIBLE = {"SOURCE_DATE_EPOCH": "315532800", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
_WAIT_FOR_BUILD = 3600.0  # seconds: as long as another bot may build the same component

Signature = tuple[tuple[str, int, int, int], ...]


class ArtifactStore:
    """Builder on this machine: `root/<hex digest>/` is an image, read-only from the moment it is there."""

    def __init__(self, root: Path, runner: Runner) -> None:
        self._root = root.absolute()
        self._runner = runner
        self._verified: dict[str, Signature] = {}

    async def build(self, order: BuildOrder) -> Image:
        """Build and store the image, or find the one that the same sources and commands gave before.

        Raises BuildError: a source that is missing or leads out of the checkout, a failing command.
        """
        lock = locked(self._staging(order).with_suffix(".lock"), _WAIT_FOR_BUILD)
        free = await asyncio.to_thread(lock.__enter__)
        try:
            if not free:
                raise BuildError(f"{order.component} is being built by another bot. Next: try again later.")
            return await self._build(order)
        except OSError as error:
            raise BuildError(_cannot_store(order.component, error)) from error
        finally:
            await asyncio.to_thread(lock.__exit__, None, None, None)

    async def _build(self, order: BuildOrder) -> Image:
        staging = self._staging(order)
        inputs = await asyncio.to_thread(_inputs, order, staging)
        note = self._root / ".index" / inputs
        known = await asyncio.to_thread(_read, note)
        if known and await self.exists(_image(order, known)):
            await asyncio.to_thread(self._used, known)
            await asyncio.to_thread(remove_tree, staging)
            return _image(order, known)
        await self._run_commands(order, staging)
        digest = await asyncio.to_thread(self._store, order, staging)
        await asyncio.to_thread(write_atomic, note, digest)
        return _image(order, digest)

    async def _run_commands(self, order: BuildOrder, staging: Path) -> None:
        env = {**base(), **_REPRODUCIBLE}
        for number, argv in enumerate(order.commands, start=1):
            name = f"build {order.component} ({number} of {len(order.commands)})"
            log = order.log if number == 1 else order.log.with_stem(f"{order.log.stem}-{number}")
            try:
                result = await self._runner.run(Command(name, argv, staging, env, order.timeout, log))
            except CommandError as error:
                raise BuildError(str(error)) from error
            if not result.ok:
                raise BuildError(_failed(order.component, argv, result.code, result.timed_out, result.tail))

    def _store(self, order: BuildOrder, staging: Path) -> str:
        digest = _normalise(order.component, staging)
        with locked(
            self._root / ".storing.lock", _WAIT_FOR_BUILD
        ) as free:  # two components may be of one content
            if not free:
                raise BuildError(f"{order.component}: another bot is storing images. Next: try again later.")
            if self._intact(digest):
                self._used(digest)
                remove_tree(staging)
                return digest
            final = self.folder(digest)
            if final.exists():
                remove_tree(final)
            staging.rename(final)
            final.chmod(0o555)  # after the move: a folder that is read-only cannot be moved
        return digest

    async def exists(self, image: Image) -> bool:
        """Whether the image is (still) in the store, with its content intact by digest.

        Content is read again only when the size, time or number of a file has changed since the last look.
        """
        return await asyncio.to_thread(self._intact, image.digest)

    def _intact(self, digest: str) -> bool:
        try:
            folder = self.folder(digest)
            seen = _signature(folder)
            if self._verified.get(digest) == seen:
                return True
            if not folder.is_dir() or f"sha256:{content_digest(folder)}" != digest:
                return False
        except (OSError, ValueError, BuildError):
            return False
        self._verified[digest] = seen
        return True

    async def prune(self, keep: Collection[str], used_before: datetime) -> tuple[str, ...]:
        """Remove every image whose digest is not in `keep` and that no build gave since `used_before`.

        Gives the digests that were removed. An image that a build has just given again is young, whoever
        first made it: a release that began meanwhile does not lose it.
        """
        return await asyncio.to_thread(self._prune, frozenset(keep), used_before.timestamp())

    def _prune(self, keep: frozenset[str], before: float) -> tuple[str, ...]:
        if not self._root.is_dir():
            return ()
        stored = [f"sha256:{entry.name}" for entry in self._root.iterdir() if not entry.name.startswith(".")]
        gone = []
        for digest in sorted(set(stored) - keep):
            if self.folder(digest).stat().st_mtime < before:
                self._verified.pop(digest, None)
                remove_tree(self.folder(digest))
                gone.append(digest)
        for note in (self._root / ".index").glob("[!.]*") if gone else ():
            if _read(note) in gone:
                note.unlink()
        return tuple(gone)

    def _used(self, digest: str) -> None:
        """Keep with the image that a build gave it now."""
        os.utime(self.folder(digest))

    def folder(self, digest: str) -> Path:
        """Where the content of a digest is, or would be."""
        return content_folder(self._root, digest)

    def _staging(self, order: BuildOrder) -> Path:
        # Always the same path for a component: some tools write it into what they build.
        return self._root / ".staging" / order.product / order.component


def _inputs(order: BuildOrder, staging: Path) -> str:
    """Copy the sources into an empty staging folder; gives the hash of all that goes into the build."""
    gather(order, order.sources, staging)
    parts = [order.product, order.component, content_digest(staging, order.component), order.commands]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _signature(folder: Path) -> Signature:
    found = ((name, path.lstat()) for name, path in entries(folder))
    return tuple((name, s.st_size, s.st_ctime_ns, s.st_ino) for name, s in found)


def _normalise(component: str, folder: Path) -> str:
    """Make the built content read-only with one time for all of it; gives its digest.

    The time is that of storing, not a constant: web servers derive cache validators from it, and two
    versions of a page with one size and one time would look the same to a browser.
    """
    digest = f"sha256:{content_digest(folder, component)}"
    now = time.time()
    for _, path in entries(folder):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(0o555 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o444)
        os.utime(path, (now, now), follow_symlinks=False)
    return digest


# ----------------------------------------------------------------- sentences


def _image(order: BuildOrder, digest: str) -> Image:
    reference = f"{order.product}/{order.component}:{order.version}@{digest}"
    return Image(order.component, order.version, digest, reference)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _failed(component: str, argv: tuple[str, ...], code: int, late: bool, tail: tuple[str, ...]) -> str:
    how = "ran into its time limit" if late else f"ended with code {code}"
    said = "\n".join(tail[-12:]) or "(it said nothing)"
    return (
        f"{component} could not be built: `{' '.join(argv)}` {how}. Production is untouched. "
        f"Next: correct the build and release again. Its last lines:\n{said}"
    )


def _cannot_store(component: str, error: OSError) -> str:
    return (
        f"{component} could not be stored as an image: {error}. Production is untouched. "
        f"Next: see that the disk has room and that the bot may write there."
    )
