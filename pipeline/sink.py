"""Where the output of commands, containers and builds goes: cleaned, redacted, bounded, into a file."""

import codecs
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pipeline.files import readable

LOG_LIMIT = 50_000_000
"""Bytes of output that are kept in the log file."""

TAIL = 40
"""Lines that are given back at the end."""

_LINE = 16_384  # characters of one line that are kept
_OVERLAP = 4_096  # a secret up to this length that crosses the cut is still seen whole by the redaction
_RING = 65_536

Redact = Callable[[str], str]


class Sink:
    """Cleans, redacts and stores output; used from one thread at a time. Never raises on a full disk."""

    def __init__(self, path: Path, redact: Redact) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] | None = path.open("wb")
        path.chmod(0o600)
        self._redact = redact
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._pending = ""
        self._skipping = False
        self._written = 0
        self._tail: deque[str] = deque(maxlen=TAIL)

    def feed(self, chunk: bytes, final: bool = False) -> None:
        """Take the next bytes of the output; `final`: nothing follows."""
        text = self._decode(chunk, final)
        if self._file is None:
            self._pending = (self._pending + text)[-_RING:]
            return
        self._pending += text
        end = max(self._pending.rfind("\n"), self._pending.rfind("\r", 0, -1)) + 1
        if final:
            end = len(self._pending)
        block, self._pending = self._pending[:end], self._pending[end:]
        if block:
            self._store(self._without_rest_of_long_line(block))
        if len(self._pending) > _LINE + _OVERLAP:
            self._cut_line()

    def _without_rest_of_long_line(self, block: str) -> str:
        if not self._skipping:
            return block
        self._skipping = False
        return readable(block).partition("\n")[2]

    def _cut_line(self) -> None:
        if not self._skipping:
            self._store(self._redact(readable(self._pending))[:_LINE] + " [line cut]\n")
        self._skipping, self._pending = True, ""

    def _store(self, block: str) -> None:
        text = _short(self._redact(readable(block)))
        self._tail.extend(line[:2000] for line in text.splitlines()[-TAIL:])
        data = text.encode(errors="replace")
        room = LOG_LIMIT - self._written
        self._written += len(data)
        self._write(data[: max(room, 0)])
        if len(data) > room:
            self._stop_writing(f"\n[the log ends here: more than {LOG_LIMIT // 1_000_000} MB of output]\n")

    def _write(self, data: bytes) -> None:
        try:
            if self._file:
                self._file.write(data)
                self._file.flush()
        except OSError as error:
            self._stop_writing("")
            self._tail.append(f"[the log could not be written: {error}]")

    def _stop_writing(self, note: str) -> None:
        file, self._file, self._pending = self._file, None, ""
        if file is None:
            return
        try:
            with file:
                file.write(note.encode())
        except OSError:
            self._tail.append("[the log is incomplete: the disk did not take it]")

    def close(self) -> tuple[str, ...]:
        """Store what is left and give the last lines."""
        self.feed(b"", final=True)
        if self._file is not None:
            self._stop_writing("")
        else:
            # The ring may begin in the middle of a line, even of a secret.
            rest = self._redact(readable(self._pending.partition("\n")[2]))
            self._tail.extend(line[:2000] for line in rest.splitlines()[-TAIL:])
        return tuple(self._tail)


def _short(text: str) -> str:
    """With its long lines cut, as those are that come in pieces."""
    return "".join(
        line if len(line) <= _LINE + _OVERLAP else line[:_LINE] + " [line cut]\n"
        for line in text.splitlines(keepends=True)
    )
