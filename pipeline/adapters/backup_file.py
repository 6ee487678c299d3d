"""A file that is there when it is complete, and not before.

Not an adapter itself: what the backups are built from.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def completed(destination: Path) -> Iterator[Path]:
    """A place beside `destination` to write to; renamed to it when the block ends well, else removed.

    Readable by its owner alone: a backup holds what the database holds. Raises OSError.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{destination.name}.", dir=destination.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        _sync(part)
        part.replace(destination)
        _sync(destination.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
