"""`releasebot audit`: the audit log as people read it, verified, and exported. It changes nothing."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from sqlalchemy.engine import make_url

from bot.audit_words import broken, told
from bot.settings import Settings
from pipeline import audit_reading
from pipeline.audit import moment
from pipeline.audit_reading import Extent
from pipeline.chain import Broken, Chain, Seal, line
from pipeline.errors import ConfigError
from pipeline.store import Database

SHOWN = 20


async def show(settings: Settings, product: str | None) -> int:
    """Print the last entries, the newest last."""
    async with _database(settings) as db:
        await _chains(db, product)
        entries = await audit_reading.newest(db, product, SHOWN)
    for entry in entries:
        print(told(entry))
    if not entries:
        print("The audit log is empty.")
    return 0


# ---------------------------------------------------------------- verifying


async def verify(settings: Settings, product: str | None, noted: Collection[str], sealed_from: int) -> int:
    """Verify the chains and say how it went. 0: as written; 1: not; 2: that cannot be told without the right key."""
    if wrong := [head for head in noted if not re.fullmatch(r"[0-9a-f]{64}", head)]:
        raise ConfigError(f"--head {wrong[0][:80]!r} is no head: `releasebot audit verify` prints them.")
    seal, left, codes = Seal(settings.audit_key), set(noted), [0]
    async with _database(settings) as db:
        for extent in await _chains(db, product):
            chain = Chain(seal, sealed_from, frozenset(noted))
            found = await audit_reading.verify(db, extent, chain)
            print(broken(extent.product, found, bool(seal.key)) if found else _unbroken(extent, chain))
            codes.append(_code(found, seal))
            left -= chain.seen.keys()
    for head in sorted(left):
        print(
            f"The head {head} is not there: entries that were written when it was noted are gone or were"
            " written anew. Next: keep the database as it is, and compare it with a backup or an export."
        )
    return max(*codes, 1 if left else 0)


def _code(found: Broken | None, seal: Seal) -> int:
    if found is None:
        return 0
    untold = found.why == "other_key" and (found.seq == 1 or not seal.key)
    return 2 if untold else 1


def _unbroken(extent: Extent, chain: Chain) -> str:
    said = f"{extent.head.seq:,} entries of {extent.product}, unbroken, head {extent.head.hash}"
    after = (
        f"\n  entry {seq:,} is the head that was noted, {head[:12]}…: {extent.head.seq - seq:,} entries since"
        for head, seq in chain.seen.items()
    )
    return said + "".join(after)


# ---------------------------------------------------------------- exporting


def export(settings: Settings, path: Path, product: str | None, since: str | None) -> int:
    """Write the entries as JSON Lines to a new file, or to standard output for "-"."""
    begin = _moment(since) if since else ""
    with _output(path) as file:
        written = asyncio.run(_export(settings, file.write, product, begin))
    print(f"written: {path} ({written:,} entries)", file=sys.stderr)
    return 0


async def _export(settings: Settings, write: Callable[[str], object], product: str | None, since: str) -> int:
    written = 0
    async with _database(settings) as db:
        for extent in await _chains(db, product):
            async for entries in audit_reading.read(db, extent.product, extent.last, since):
                write("".join(f"{line(entry)}\n" for entry in entries))
                written += len(entries)
    return written


@contextlib.contextmanager
def _output(path: Path) -> Iterator[TextIO]:
    """A new file that its owner alone may read; half of one is taken away again."""
    if str(path) == "-":
        yield sys.stdout
        return
    try:
        path.touch(0o600, exist_ok=False)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} is there already, and nothing is overwritten. Choose another name."
        ) from error
    try:
        with path.open("w", encoding="ascii") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _moment(text: str) -> str:
    """A date or time, of UTC unless it says otherwise, as entries have it. Raises ConfigError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--since: found {text[:80]!r}; write a date as 2026-11-23.") from error
    return moment(at if at.tzinfo else at.replace(tzinfo=UTC))


# ----------------------------------------------------------------- both


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """The bot's database, if it has an audit log. Raises PipelineError."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(url.database or "").is_file):
        raise ConfigError(f"There is no database at {url.database}. Next: correct the bot's environment.")
    db = Database(settings.database_url)
    try:
        await db.ping()
        if not await db.is_current():
            raise ConfigError(
                "The bot's database is not at this version's schema. Next: `releasebot migrate`, or the version"
                " that it was last migrated with."
            )
        yield db
    finally:
        await db.close()


async def _chains(db: Database, product: str | None) -> Iterable[Extent]:
    """The chains that are meant. Raises ConfigError for a product that has none."""
    every = await audit_reading.extents(db)
    meant = [extent for extent in every if product in (None, extent.product)]
    if product is not None and not meant:
        there = ", ".join(extent.product for extent in every) or "none yet"
        raise ConfigError(f"There is no audit log of {product[:80]}. There are: {there}.")
    return meant
