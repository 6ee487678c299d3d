"""Commands in: each is checked by policy, then written in one transaction that the engine and outbox see.

`origin` is the request's own id (a click, a command): the same request twice has one effect.
Every command raises Refused, and then nothing was changed. Here: looking and starting; deciding.py has
what people decide, turning.py how a release is turned back or stopped.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from ulid import ULID

from pipeline import candidate, locks, openness, playbook, policy, snapshot
from pipeline.config import BotFile, Product
from pipeline.context import Ports
from pipeline.errors import Refused
from pipeline.events import Fact, record
from pipeline.models import Lock, Release
from pipeline.policy import Actor
from pipeline.ports import Clock
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from pipeline.store import Database, settled
from pipeline.version import Version, parse_version

Within = Callable[[AsyncSession, Release], Awaitable[None]]
"""What else must become true in the transaction in which a release begins; what it raises undoes that."""


class Service:
    """What people can ask of the release. `nudge` wakes the engine (for this release) and the outbox after a commit."""

    def __init__(
        self,
        db: Database,
        config: BotFile,
        ports: Callable[[str], Ports],
        clock: Clock,
        nudge: Callable[[str], None] = lambda release_id: None,
    ) -> None:
        self.db, self.config, self.ports, self.clock, self.nudge = db, config, ports, clock, nudge

    # -------------------------------------------------------------- looking

    def product_of(self, channel: str) -> str:
        """The product that a channel is about; with only one product, that one everywhere. Raises Refused."""
        products = self.products_of(channel)
        if len(products) == 1:
            return products[0]
        raise Refused("which_product", products=", ".join(products))

    def products_of(self, channel: str) -> list[str]:
        """The products that a channel may be about: its own, or all of them where it has none."""
        here = [name for name, product in self.config.products.items() if product.channel == channel]
        return here or list(self.config.products)

    def product(self, name: str) -> Product:
        return self.config.products[name]

    def language_of(self, channel: str) -> str:
        """The language of a channel: its product's, or the first product's where the channel has none."""
        products = self.config.products.values()
        here = [product.language for product in products if product.channel == channel]
        return (here or [product.language for product in products])[0]

    def folder(self, release: Release) -> Path:
        """The release's own folder: logs, reports, checkout, backups."""
        return self.ports(release.product).folder_of(release.id)

    async def snapshot(self, release_id: str) -> Snapshot:
        """A release as it is now. Refused("unknown_release") when there is none."""
        async with self.db.reading() as session:
            found = await snapshot.load(session, release_id)
        if found is None:
            raise Refused("unknown_release", release=release_id[:40])
        return found

    async def current(self, product: str) -> Snapshot | None:
        """The release that runs, else the one whose way back is stuck, else what is live, else the newest."""
        async with self.db.reading() as session:
            active = await snapshot.active_release(session, product)
            active = active or await snapshot.stuck_release(session, product)
            live = await snapshot.live_deployment(session, product)
            newest = await snapshot.last_releases(session, product, 1)
            found = active.id if active else live.cause if live else newest[0].id if newest else None
            return await snapshot.load(session, found) if found else None

    async def of_version(self, product: str, version: str) -> Snapshot | None:
        """The newest release of a version, as a tag such as v0.2.0; None when there was none."""
        async with self.db.reading() as session:
            found = await snapshot.newest_of(session, product, version)
            return await snapshot.load(session, found.id) if found else None

    async def recent(self, product: str, most: int = 10) -> list[Release]:
        async with self.db.reading() as session:
            return await snapshot.last_releases(session, product, most)

    # -------------------------------------------------------------- starting

    async def start(
        self,
        actor: Actor,
        name: str,
        text: str,
        ref: str | None,
        channel: str,
        origin: str,
        *,
        hotfix: bool = False,
        action: policy.Action = "start",
        within: Within | None = None,
    ) -> Release:
        """Start a release, or say why not: the person, the version, the commit, locks and freezes.

        A `hotfix` passes the freezes that let it; who may call a release that is the caller's to look at, or to say
        by the `action` that the person must be listed for.
        """
        if again := await self._by_origin(origin):
            return again
        product, ports = self.product(name), self.ports(name)
        version = parse_version(text)
        await policy.may(actor, action, product, ports.directory)
        found = await candidate.find(ports.repository, product, name, version, ref)
        return await settled(
            lambda: self._begin("release", actor, name, version, found, channel, origin, hotfix, within)
        )

    async def adopt(self, name: str, text: str, ref: str | None, origin: str) -> Release:
        """Take a version that was released before the bot came into its care (an operator's command)."""
        if again := await self._by_origin(origin):
            return again
        product, version = self.product(name), parse_version(text)
        found = await candidate.find(self.ports(name).repository, product, name, version, ref or version.tag)
        actor = operator(origin)
        return await settled(
            lambda: self._begin("adoption", actor, name, version, found, product.channel, origin)
        )

    async def _by_origin(self, origin: str) -> Release | None:
        async with self.db.reading() as session:
            return await _began(session, origin)

    async def _begin(
        self,
        direction: str,
        actor: Actor,
        name: str,
        version: Version,
        found: candidate.Candidate,
        channel: str,
        origin: str,
        hotfix: bool = False,
        within: Within | None = None,
    ) -> Release:
        product, now = self.product(name), self.clock()
        async with self.db.transaction() as session:
            if again := await _began(session, origin):
                return again
            try:
                await openness.insist(session, name, product, version.tag, now)
            except Refused:
                if again := await _began(session, origin):  # by another bot, between the two looks
                    return again
                raise
            if direction == "release":
                await openness.thawed(session, name, product, version.tag, now, hotfix=hotfix)
            live = await snapshot.live_deployment(session, name)
            base = await session.get(Release, live.release_id) if live else None
            if direction == "release":
                policy.newer(version, parse_version(base.version) if base else None, found.last_tagged)
            release = self._release(direction, actor, name, version, found, base, channel, origin)
            release.hotfix = hotfix
            session.add(release)
            session.add(self._lock(release, locks.held(version.tag)))
            await session.flush()
            if within is not None:
                await within(session, release)
            payload = {"version": version.tag, "commit": found.commit, "found_by": found.found_by}
            await record(session, release, [Fact.by(actor, "release_requested", payload)], self.clock())
        self.nudge(release.id)
        return release

    def _release(
        self,
        direction: str,
        actor: Actor,
        name: str,
        version: Version,
        found: candidate.Candidate,
        base: Release | None,
        channel: str,
        origin: str,
    ) -> Release:
        now = self.clock()
        return Release(
            id=f"rel_{ULID()}",
            product=name,
            version=version.tag,
            commit=found.commit,
            base_version=base.version if base else None,
            base_commit=base.commit if base else None,
            base_release=base.id if base else None,
            status=ReleaseStatus.PENDING,
            direction=direction,
            stage="preflight",
            plan=playbook.planned(direction, measured=bool(found.playbook.watch.limits)),
            playbook=found.raw,
            playbook_hash=found.playbook_hash,
            requested_by=actor.user,
            channel=channel,
            origin=origin,
            created_at=now,
            wake_at=now,
            production_touched=False,
            signals=0,
        )

    def _lock(self, release: Release, reason: str) -> Lock:
        return Lock(
            product=release.product,
            environment="production",
            release_id=release.id,
            reason=reason,
            actor=release.requested_by,
            created_at=self.clock(),
        )


def operator(origin: str) -> Actor:
    """Whoever works on the command line of the bot's machine."""
    return Actor("operator", "", source="command line", origin=origin)


async def _began(session: AsyncSession, origin: str) -> Release | None:
    """The release that this very request began, when it comes a second time."""
    found: Release | None = await session.scalar(select(Release).where(Release.origin == origin))
    return found
