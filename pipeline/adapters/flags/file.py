"""Flags in a file of the bot's own, in flagd's format: one for each environment, read by applications as it is."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import flagd
from pipeline.adapters.flags.readback import read_back
from pipeline.errors import FlagError
from pipeline.files import locked, write_atomic
from pipeline.ports import FLAGS_FILE, Flag, Switched

if TYPE_CHECKING:
    from openfeature.provider import FeatureProvider

READABLE = 0o644
"""Anybody on the machine may read it: applications run as users of their own, and flags are no secrets."""


@dataclass(frozen=True)
class FileFlags:
    """A FlagStore in `folder`, which is all the file's own. `title` is whose flags they are, as people say it.

    `patience`: seconds to wait for another bot of this machine that is at the same file, and for the reading back.
    """

    folder: Path
    title: str
    patience: float = 5.0
    adds_missing: bool = True

    @property
    def path(self) -> Path:
        return self.folder / FLAGS_FILE

    async def flags(self) -> tuple[Flag, ...]:
        """As the file has them; none while the environment has no file yet."""
        return await asyncio.to_thread(self._flags)

    async def switch(self, key: str, on: bool, actor: str, reason: str) -> Switched:
        """Change one flag of the file. Who and why is in the bot's own record."""
        switched = await asyncio.to_thread(self._switch, key, on)
        await read_back(self.title, self._as_an_application, key, on, self.patience)
        await asyncio.to_thread(self._touch)
        return switched

    async def add(self, text: str) -> tuple[str, ...]:
        """The first time this makes the file."""
        return await asyncio.to_thread(self._add, text)

    def served(self) -> Path | None:
        """The folder: a file that is replaced is another one, so that the file itself cannot be mounted."""
        return self.folder if self.path.exists() else None

    # -------------------------------------------------------- within a thread

    def _flags(self) -> tuple[Flag, ...]:
        document = self._read()
        return flagd.flags(document) if document else ()

    def _switch(self, key: str, on: bool) -> Switched:
        with self._alone():
            document = self._read()
            if document is None:
                raise FlagError(
                    f"{self.title} has no flags yet: {self.path} is made by the first deployment of a release with"
                    " flags. Next: release one, or copy the product's flags file there."
                )
            changed, set_aside = flagd.switched(document, key, on)
            self._write(changed)
        was, now = (next(f for f in flagd.flags(d) if f.key == key) for d in (document, changed))
        return Switched(was, now, set_aside)

    def _add(self, text: str) -> tuple[str, ...]:
        wanted = flagd.read(text, "The product's flags file")
        with self._alone():
            document = self._read()
            if document is None:
                self._write(wanted)
                return tuple(wanted["flags"])
            changed, added = flagd.with_missing(document, wanted)
            if added:
                self._write(changed)
            return added

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time, over all bots of this machine; a disk that refuses is said."""
        try:
            with locked(self.folder.with_suffix(".lock"), self.patience) as free:
                if not free:
                    raise FlagError(
                        f"Another bot is changing the flags of {self.title}. Nothing was changed. Next: try again."
                    )
                self._sweep()
                yield
        except OSError as error:
            raise self._unreachable(error, "Nothing was changed") from error

    def _sweep(self) -> None:
        """Take away what a writer left that was killed before it was done."""
        for left in self.folder.glob(f".{FLAGS_FILE}.*"):
            left.unlink(missing_ok=True)

    def _read(self) -> flagd.Document | None:
        try:
            return flagd.read(self.path.read_text(encoding="utf-8"), str(self.path))
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise FlagError(
                f"{self.path} is not text in UTF-8: {error}. Next: mend it, or restore it."
            ) from error
        except OSError as error:
            raise self._unreachable(error, "It is not known how they stand") from error

    def _write(self, document: flagd.Document) -> None:
        """Checked once more as applications will read it; then replaced as a whole."""
        text = flagd.write(document)
        flagd.read(text, str(self.path))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        write_atomic(self.path, text, READABLE, later_than=self._changed())

    def _changed(self) -> int:
        """When the file was changed last, in nanoseconds since 1970."""
        return self.path.stat().st_mtime_ns if self.path.exists() else 0

    def _touch(self) -> None:
        """Applications notice a change by its time, and note that time after they have read: one that started at
        this very moment would take the old content for the new."""
        with suppress(OSError):
            later = self._changed() + 1_000_000
            os.utime(self.path, ns=(later, later))

    def _unreachable(self, error: OSError, state: str) -> FlagError:
        return FlagError(
            f"The flags of {self.title} cannot be reached: {error}. {state}. Next: see that the disk has room and that"
            f" the bot may write to {self.folder}; by hand, edit {self.path}."
        )

    def _as_an_application(self) -> "FeatureProvider":
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType

        options: dict[str, Any] = {
            "resolver_type": ResolverType.FILE,
            "offline_flag_source_path": str(self.path),
        }
        return FlagdProvider(**options)
