"""A worker for the deploy tests: it has no port, and says when it starts and ends."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

VERSION = os.environ["RELEASE_VERSION"]


def say(what: str) -> None:
    """On its log; in the journal too, which tells the order of what several workers said."""
    print(f"worker {VERSION} {what}", flush=True)
    if journal := os.environ.get("JOURNAL"):
        with Path(journal).open("a") as file:
            file.write(f"{VERSION} {what}\n")


def end(_: int, __: FrameType | None) -> None:
    say("ends")
    sys.exit(0)


if os.environ.get("BROKEN") == "worker":
    sys.exit("the queue does not answer")
signal.signal(signal.SIGTERM, end)
say("starts")
while True:
    signal.pause()
