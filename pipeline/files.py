"""Files that survive a crash: written whole or not at all, locked, and read within bounds."""

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def write_atomic(path: Path, text: str, mode: int = 0o600, later_than: int = 0) -> None:
    """Replace `path` by `text` (UTF-8): a reader sees the old content or the new, also after a power cut.

    Its time of change is later than `later_than` (nanoseconds since 1970), also when a clock went back: there are
    readers that look again only then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if os.fstat(file.fileno()).st_mtime_ns <= later_than:
                os.utime(file.fileno(), ns=(later_than + 1_000_000, later_than + 1_000_000))
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 - mkstemp gives a string
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, wait: float) -> Iterator[bool]:
    """Hold an exclusive lock on `path` across processes; False: not free within `wait` seconds.

    The lock ends with the process, however that ends. Blocks: call it in a thread.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        yield _lock(file.fileno(), time.monotonic() + wait)


def _lock(handle: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def content_folder(root: Path, digest: str) -> Path:
    """Where an image's content is below the store's root. Raises ValueError for what is no digest."""
    found = re.fullmatch(r"sha256:([0-9a-f]{64})", digest)
    if not found:
        raise ValueError(f"{digest[:90]!r} is not an image's digest (sha256: and 64 hex digits)")
    return root / found[1]


def readable(text: str) -> str:
    """`text` without terminal sequences and control characters; every kind of line end becomes a newline."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", _ANSI.sub("", lines))


def read_from(path: Path, offset: int, limit: int) -> tuple[str, bool]:
    """The newest `limit` bytes after `offset` as whole lines, and whether older ones were left out.

    A file that is not there is empty; bytes that are not UTF-8 are replaced.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(min(offset, size), size - limit)
            file.seek(start)
            data = file.read(limit)
    except FileNotFoundError:
        return "", False
    cut = start > offset
    if cut:
        data = data.partition(b"\n")[2]
    return readable(data.decode(errors="replace")), cut


def last_lines(path: Path, count: int = 12) -> tuple[str, ...]:
    """The last `count` lines of a file, each at most 500 characters; empty when there is none."""
    text, _ = read_from(path, 0, 64 * 1024)
    return tuple(line[:500] for line in text.splitlines()[-count:])
