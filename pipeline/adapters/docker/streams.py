"""Answers of the engine that last: cut from another thread, and their pieces put into words."""

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import docker
import requests

_STEP = re.compile(r"Step \d+/\d+ : ")
_OWN = re.compile(r"\s*---> |Removing intermediate container [0-9a-f]+$")

_HELD = (
    2**20
)  # bytes of a line that is not whole yet; a longer one may have the other stream's lines within it

Pieces = Iterable[tuple[bytes | None, bytes | None]]
"""What came next on a container's standard output, or on its standard error."""


class Cut:
    """Ends a call to the engine that waits for more of an answer. Made for `Engine.call(..., abort=cut)`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: list[requests.Response] = []
        self.made = False

    @contextmanager
    def watching(self, client: docker.APIClient) -> Iterator[None]:
        """What this client is answered in here can be cut, and is closed at the end."""
        client.hooks["response"].append(self._begun)
        try:
            yield
        finally:
            with self._lock:
                answers, self._answers = self._answers, []
            for answer in answers:
                answer.close()

    def _begun(self, answer: requests.Response, *_: object, **__: object) -> None:
        with self._lock:
            self._answers.append(answer)
            if self.made:
                _shut(answer)

    def __call__(self) -> None:
        """Cut what is being answered now and from now on. The engine stops what it did for the answer."""
        with self._lock:
            self.made = True
            for answer in self._answers:
                _shut(answer)


def _shut(answer: requests.Response) -> None:
    with suppress(ValueError, RuntimeError, OSError):  # it has ended already
        answer.raw.shutdown()


def whole_lines(pieces: Pieces) -> Iterator[bytes]:
    """What came on both streams, one after the other, but none within a line of the other."""
    held = [b"", b""]
    for piece in pieces:
        for number, data in enumerate(piece):
            text = held[number] + (data or b"")
            end = len(text) if len(text) > _HELD else text.rfind(b"\n") + 1
            held[number] = text[end:]
            if end:
                yield text[:end]
    yield from filter(None, held)


def line(piece: dict[str, Any]) -> str:
    """What one piece of a build's, pull's or push's progress says; empty for a mere progress bar."""
    if "stream" in piece:
        return str(piece["stream"])
    if "error" in piece:
        return f"{piece['error']}\n"
    if "status" not in piece or piece.get("progressDetail"):
        return ""
    return f"{piece['id']}: {piece['status']}\n" if "id" in piece else f"{piece['status']}\n"


def said(lines: Sequence[str], why: str) -> list[str]:
    """What a build's last step printed, without the engine's own lines and the error that is told already."""
    begun = max((number + 1 for number, text in enumerate(lines) if _STEP.match(text)), default=0)
    return [text for text in lines[begun:] if not _OWN.match(text) and text.strip() != why.strip()]
