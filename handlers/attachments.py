"""The files that messages carry: what is in them, made when they are sent.

How a message carries a file: its `Message.files` has an `Attachment`. The feed posts the message and tells the
outbox the names; each file then is a delivery of its own (pipeline/parcel.py), sent once into the release's thread.
One that may have been sent before is looked for there by its name, which `file_name` makes unique. Where Slack does
not take a file, the message says so and nothing else suffers.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from handlers.blocks import parts
from handlers.blocks.parts import Attachment, Log, Message, Picture
from handlers.text import files
from pipeline import environment
from pipeline.files import read_from
from pipeline.parcel import NeverSent, file_topic
from pipeline.process import capture

MOST_BYTES = 1_000_000
"""Of a log; the newest lines are sent."""

SECONDS = 15.0
"""The longest that a picture may take to be drawn."""

MOST_BLOCKS = 50
"""Slack's limit for a message."""

CACHE = "pictures"
"""The folder, beside the releases, where the drawing library keeps which fonts there are."""


def file_name(file: Attachment, delivery: int) -> str:
    """The name under which a file is sent: the same for every attempt, and no other file has it."""
    path = Path(file.name)
    return f"{path.stem}-{delivery}{path.suffix}"


def with_losses(message: Message, topic: str, undelivered: Mapping[str, str]) -> Message:
    """The message, which says which of its files could not be sent, and why."""
    lost = [
        files.lost(file.title, undelivered[file_topic(topic, file.name)])
        for file in message.files
        if file_topic(topic, file.name) in undelivered
    ]
    if not lost or len(message.blocks) >= MOST_BLOCKS:
        return message
    return replace(message, blocks=[*message.blocks, *parts.as_dicts([parts.context(*lost)])])


async def content(file: Attachment, folder: Path) -> bytes:
    """The bytes of a file of the release whose folder this is. Raises NeverSent."""
    if isinstance(file.source, Log):
        return await asyncio.to_thread(_log, folder / file.source.path)
    return await drawn(file.source, folder.parents[1] / CACHE)


def _log(path: Path) -> bytes:
    text, was_cut = read_from(path, 0, MOST_BYTES)
    if not text.strip():
        raise NeverSent("there is nothing in it, or it is gone")
    return (("[earlier output is left out]\n" if was_cut else "") + text).encode()


async def drawn(picture: Picture, cache: Path) -> bytes:
    """A picture's PNG. Raises NeverSent.

    Drawn by a process of its own: the library is large, and would hold up whoever waits for an answer.
    """
    argv = (sys.executable, "-m", "handlers.pictures", picture.kind)
    env = environment.base() | {"MPLCONFIGDIR": str(cache)}
    try:
        done = await capture(argv, env=env, timeout=SECONDS, stdin=json.dumps(picture.data).encode())
    except OSError as error:
        raise NeverSent(f"it could not be drawn: {error}") from error
    if not done.ok or not done.stdout:
        last = (done.stderr.strip().splitlines() or ["no picture came of it"])[-1]
        raise NeverSent(f"it could not be drawn: {last[:200]}")
    return done.stdout
