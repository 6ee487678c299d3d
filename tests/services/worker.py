"""A worker for the deploy tests: it has no port, and says when it starts and ends."""

import os
import signal
import sys
from types import FrameType

VERSION = os.environ["RELEASE_VERSION"]


def end(_: int, __: FrameType | None) -> None:
    print(f"worker {VERSION} ends")
    sys.exit(0)


if os.environ.get("BROKEN") == "worker":
    sys.exit("the queue does not answer")
signal.signal(signal.SIGTERM, end)
print(f"worker {VERSION} starts")
while True:
    signal.pause()
