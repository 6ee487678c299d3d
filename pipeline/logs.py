"""The output of a release's commands, shown to the team when somebody asks for it.

It was cleaned, redacted and bounded when it was written (sink.py); how long it stays is up to retention.
"""

import asyncio
import difflib
from pathlib import Path

from pipeline import inbox
from pipeline.deciding import may
from pipeline.errors import Refused
from pipeline.events import Fact, record
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.snapshot import Snapshot

FOLDER = "logs"
"""In a release's folder."""

MOST_CHARACTERS = 40
"""Of a log's name: the topic of its message has room for so many."""


async def names(service: Service, found: Snapshot) -> tuple[str, ...]:
    """What of the release can be shown, in the order in which it was last written to."""
    return await asyncio.to_thread(_names, service.folder(found.release) / FOLDER)


def _names(folder: Path) -> tuple[str, ...]:
    written = [(file.stat(), file.stem) for file in folder.glob("*.log")]
    known = [(stat.st_mtime, name) for stat, name in written if stat.st_size and len(name) <= MOST_CHARACTERS]
    return tuple(name for _, name in sorted(known))


async def show(service: Service, actor: Actor, found: Snapshot, name: str, origin: str) -> str:
    """Have one output posted as a file in the release's thread; gives its whole name.

    `name` may be a part of a name that only one of them has. Raises Refused: may_not_tick, no_logs.
    """
    await may(service, actor, "tick", found)
    chosen = _chosen(await names(service, found), name, found.release.version)
    at = service.clock()
    topic = f"log:{actor.user}:{int(at.timestamp())}:{chosen}"
    async with service.db.transaction() as session:
        if await inbox.once(session, origin, at):
            fact = Fact.by(actor, "log_shown", {"log": chosen}, (topic,))
            await record(session, found.release, [fact], at)
    return chosen


def _chosen(there: tuple[str, ...], name: str, version: str) -> str:
    parts = [one for one in there if name.lower() in one.lower()]
    if name in there or len(parts) == 1:
        return name if name in there else parts[0]
    near = parts or difflib.get_close_matches(name, there)
    why = "no_such_output" if there else "no_output"
    raise Refused("no_logs", version=version, log=name[:80], near=",".join(near[:6]), why=why)
