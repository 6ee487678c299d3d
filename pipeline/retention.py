"""Retention: what has served its time is taken away, a little at a time. What people decided stays for ever.

Kept for ever: releases, stage runs with their outcome, approvals, checklist items, images' digests, deployments,
and every event that a person made or that says how a release ended. Taken away: each stage's progress, which
message stood where, answered requests, logs and checkouts, old backups, images that nothing may need again. The audit
log is no business of it.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline import snapshot
from pipeline.config import BotFile
from pipeline.context import Ports
from pipeline.errors import BuildError, TargetError
from pipeline.events import BOT
from pipeline.models import Delivery, Event, Image, Inbox, Lock, Release
from pipeline.ports import Clock, DeployTarget, SlotStatus
from pipeline.states import ACTIVE
from pipeline.store import Database

log = structlog.get_logger()

PASSING = frozenset({"stage_started", "stage_succeeded", "stage_waiting", "stage_skipped", "stage_cancelled"})
"""Events that say how a stage went along; its outcome stays with its run. Any other kind is kept."""
BATCH = 200
"""Rows that one transaction takes away: other writers wait for it."""
BUDGET = 0.5
"""Seconds of work at each of the clock's calls."""
BETWEEN_DISKS = 3600.0
"""Seconds between two looks at the disk."""
BACKUPS = "backup"


class Retention:
    """Takes away what is older than bot.toml's [retention] says; called by the clock."""

    def __init__(self, db: Database, config: BotFile, ports: Callable[[str], Ports], clock: Clock) -> None:
        self.db, self.config, self.ports, self.clock = db, config, ports, clock
        self._disk_at = 0.0

    async def tick(self) -> None:
        """Work for a moment; what is left is for the next call. Raises StoreError."""
        until = time.monotonic() + BUDGET
        while await self.step():
            if time.monotonic() >= until:
                return
        if time.monotonic() >= self._disk_at:
            self._disk_at = time.monotonic() + BETWEEN_DISKS
            await self.clean_disk()

    async def step(self) -> bool:
        """Take one small piece away from the database; whether there was one."""
        return await self._requests() or await self._told() or await self._progress()

    # -------------------------------------------------------------- database

    async def _requests(self) -> bool:
        """Requests that were answered. Slack repeats within minutes, so that days are safe."""
        before = self.clock() - self.config.retention.requests
        old = select(Inbox.id).where(Inbox.handled_at < before).order_by(Inbox.handled_at).limit(BATCH)
        async with self.db.reading() as session:
            found = list(await session.scalars(old))
        if found:
            async with self.db.transaction() as session:
                await session.execute(delete(Inbox).where(Inbox.id.in_(found)))
        return bool(found)

    async def _told(self) -> bool:
        """Where messages of products' own facts stood; the facts stay."""
        before = self.clock() - self.config.retention.events
        told = (Delivery.release_id.is_(None), Delivery.sent >= Delivery.wanted, Delivery.next_at < before)
        async with self.db.reading() as session:
            found = list(await session.scalars(select(Delivery.id).where(*told).limit(BATCH)))
        if found:
            async with self.db.transaction() as session:
                await session.execute(delete(Delivery).where(Delivery.id.in_(found)))
        return bool(found)

    async def _progress(self) -> bool:
        """The progress of the release that ended first of those whose time is over."""
        async with self.db.reading() as session:
            release = await session.scalar(await self._untidied(session))
        if release is None:
            return False
        async with self.db.transaction() as session:
            if not await self._forget_some(session, release):
                await session.execute(delete(Delivery).where(Delivery.release_id == release))
                await session.execute(
                    update(Release).where(Release.id == release).values(tidied_at=self.clock())
                )
        return True

    async def _untidied(self, session: AsyncSession) -> Select[str]:
        kept = [release for name in self.config.products for release in await needed(session, name)]
        before = self.clock() - self.config.retention.events
        return (
            select(Release.id)
            .where(
                Release.tidied_at.is_(None),
                Release.finished_at.is_not(None),
                Release.finished_at < before,
                Release.status.not_in(ACTIVE),
                Release.id.not_in(kept),
            )
            .order_by(Release.finished_at)
            .limit(1)
        )

    async def _forget_some(self, session: AsyncSession, release: str) -> bool:
        """Delete a batch of a release's passing events; whether there may be more."""
        passing = (
            select(Event.id)
            .where(Event.release_id == release, Event.kind.in_(PASSING), Event.actor == BOT)
            .limit(BATCH)
        )
        found = list(await session.scalars(passing))
        if found:
            await session.execute(delete(Event).where(Event.id.in_(found)))
        return len(found) == BATCH

    # ------------------------------------------------------------------ disk

    async def clean_disk(self) -> None:
        """Logs, reports, checkouts, backups and images of every product, as far as they are on this machine."""
        for name in self.config.products:
            await self._files(name)
            await self._images(name)

    async def _files(self, product: str) -> None:
        root = self.ports(product).folder / "releases"
        folders = await asyncio.to_thread(_names, root)
        for start in range(0, len(folders), BATCH):
            for release, ended in await self._ended(product, folders[start : start + BATCH]):
                await asyncio.to_thread(self._clean_folder, root / release, ended)

    async def _ended(self, product: str, folders: Collection[str]) -> list[tuple[str, datetime]]:
        """Those of the folders whose releases have ended and are not needed, with the time of their end."""
        async with self.db.reading() as session:
            kept = await needed(session, product)
            found = await session.execute(
                select(Release.id, Release.finished_at).where(
                    Release.id.in_(folders), Release.id.not_in(kept), Release.status.not_in(ACTIVE)
                )
            )
            return [(release, ended) for release, ended in found if ended is not None]

    def _clean_folder(self, folder: Path, ended: datetime) -> None:
        limits, age = self.config.retention, self.clock() - ended
        for entry in list(folder.iterdir()):
            if age > (limits.backups if entry.name == BACKUPS else limits.files):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
            log.info("retention: the files of a release are gone", release=folder.name)

    async def _images(self, product: str) -> None:
        """Images that nothing runs or may go back to. What cannot be asked keeps everything."""
        made = self.ports(product)
        try:
            running = {
                digest
                for target in made.targets.values()
                for slot in await _slots(target)
                for digest in slot.digests.values()
            }
            async with self.db.reading() as session:
                releases = await needed(session, product)
                digests = await session.scalars(select(Image.digest).where(Image.release_id.in_(releases)))
                keep = running | set(digests)
            gone = await made.builder.prune(keep, self.clock() - self.config.retention.images)
        except (TargetError, BuildError) as error:
            log.warning("retention: the images stay", product=product, error=made.redact(str(error)))
            return
        if gone:
            log.info("retention: images are gone", product=product, images=len(gone))


async def needed(session: AsyncSession, product: str) -> set[str]:
    """The releases of a product that may still be run or gone back to: under way, in service, and before those."""
    locks = await session.scalars(select(Lock.release_id).where(Lock.product == product))
    live = await snapshot.live_deployment(session, product)
    now = {release for release in locks if release} | ({live.release_id, live.cause} if live else set())
    bases = await session.scalars(select(Release.base_release).where(Release.id.in_(now)))
    return now | {base for base in bases if base}


async def _slots(target: DeployTarget) -> Iterable[SlotStatus]:
    status = await target.status()
    return [slot for slot in (status.live, status.other) if slot is not None]


def _names(root: Path) -> list[str]:
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
