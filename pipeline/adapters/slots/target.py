"""A deploy target of two slots behind one router.

Every operation writes its intent first, then acts, then writes the outcome. Nothing here depends on the
bot's life: services and router go on without it, and the next bot finds everything in the state folder.
"""

import asyncio
from datetime import datetime

from pipeline.adapters.slots.caddy_config import other, parse_traffic
from pipeline.adapters.slots.checks import check_bundle, check_same
from pipeline.adapters.slots.moves import Moves
from pipeline.adapters.slots.site import Site, utc_now
from pipeline.adapters.slots.state import State
from pipeline.config import SHARES
from pipeline.errors import TargetError
from pipeline.groups import insist
from pipeline.ports import Bundle, Clock, Deaths, Slot, SlotStatus, TargetStatus


class SlotTarget:
    """DeployTarget of two slots behind one router, at a site.

    `patience` is how many seconds to wait for another bot's operation on the same environment.
    """

    def __init__(self, site: Site, clock: Clock = utc_now, patience: float = 10.0) -> None:
        self._site = site
        self._logs = site.logs
        self._moves = Moves(site, clock, patience)

    # -------------------------------------------------------------- deploying

    async def prepare(self, bundle: Bundle) -> SlotStatus:
        """Run the bundle's services with a port in the idle slot until they are healthy in its version.

        A release that is in a slot already, also the live one, is completed there: what is dead is started
        again, what runs is left alone (after a restart of the bot this is also how it learns the services'
        environment, which is never stored). An older release in the idle slot is retired first.
        """
        check_bundle(bundle, await self._site.runtime.lacks(bundle))
        async with self._moves.operation("prepare", release=bundle.release_id) as state:
            slot = state.find(bundle.release_id)
            if slot is None:
                slot = "green" if state.live == "blue" else "blue"
                state = await self._moves.make_room(state, slot, bundle)
            check_same(state.slot(slot), bundle)
            self._moves.remember(bundle)
            await self._moves.ensure_router(state)
            return await self._run(state, slot, bundle)

    async def _run(self, state: State, slot: Slot, bundle: Bundle) -> SlotStatus:
        state = await self._moves.save(state.begin("prepare", bundle.release_id, slot))
        content = state.slot(slot)
        try:
            state = await self._moves.serve(state, slot)
            if state.live == slot:
                await self._moves.work(state, slot)
        except BaseException:
            if content and not content.prepared:
                await insist(self._moves.retire(state, slot))
            raise
        await self._moves.save(state.end())
        digests = {service.component: service.image.digest for service in bundle.services}
        return SlotStatus(slot, bundle.release_id, bundle.version, True, digests)

    async def shift(self, release_id: str, share: int) -> None:
        """Give the prepared release `share` percent of the requests (0, or one of config.SHARES)."""
        if share != 0 and share not in SHARES:
            known = ", ".join(map(str, SHARES))
            raise TargetError(f"{share} % is not a share that the router has. Next: use 0, {known}.")
        async with self._moves.operation("shift", release=release_id, share=share) as state:
            slot = _slot_of(state, release_id)
            if slot == state.live or (state.live is None and share):
                why = "is live already" if state.live else "has nothing live beside it"
                raise TargetError(f"{release_id} {why}: there is no share to give. Next: promote instead.")
            if share:
                await self._moves.require_healthy(state, slot)
            state = await self._moves.save(state.begin("shift", release_id, slot))
            state = await self._moves.flip(state, state.live, share)
            await self._moves.save(state.end())

    async def promote(self, release_id: str) -> None:
        """All traffic to this release, then its workers; the release that was live stays warm.

        The flip comes first, as it is what a person waits for on the way back. Workers need the services'
        environment: after a restart of the bot, call `prepare` with the same bundle before.
        """
        async with self._moves.operation("promote", release=release_id) as state:
            slot = _slot_of(state, release_id)
            flips = state.live != slot or state.share
            if flips:
                await self._moves.require_healthy(state, slot)
            state = await self._moves.save(state.begin("promote", release_id, slot))
            if flips:
                state = await self._moves.flip(state, slot, 0)
            await self._moves.work(state, slot)
            await self._moves.save(state.end())

    async def retire(self, release_id: str) -> None:
        """Take its share away, drain and stop the release. Refuses when it is live. Gone: success."""
        async with self._moves.operation("retire", release=release_id) as state:
            slot = state.find(release_id)
            if slot is None:
                return
            if slot == state.live:
                raise TargetError(
                    f"{release_id} is live in {self._moves.title}: stopping it would be an outage. "
                    f"Next: promote another release first."
                )
            await self._moves.retire(state, slot)

    # ------------------------------------------------------------- recovering

    async def reconcile(self) -> TargetStatus:
        """After a crash: finish or undo what was interrupted, start a dead router, end stray processes,
        take a dead candidate out of traffic. Dead services come back as far as their environment is known
        (`prepare` makes it known); the rest is in `missing` and shows as not warm.
        """
        async with self._moves.operation("reconcile") as state:
            if state.blue or state.green:
                await self._moves.ensure_router(state)
                state = await self._moves.finish(state)
                await self._moves.revive(state)
            await self._moves.remove_strays(state)
        return await self.status()

    async def deaths(self, release_id: str) -> Deaths:
        """What the runtime has counted of the release's services; found dead by us is not among it."""
        state = await asyncio.to_thread(self._moves.file.load)
        return await self._moves.services.deaths(
            [place for place in self._moves.expected(state) if place.release_id == release_id]
        )

    async def heal(self) -> bool:
        """Cheap supervision for the bot's clock: start a dead router, mark the logs. True if it was dead."""
        await self._logs.mark()
        if self._moves.is_busy or await self._moves.router.is_running():
            return False
        async with self._moves.operation("heal") as state:
            if not (state.blue or state.green):
                return False
            await self._moves.ensure_router(state)
            return True

    async def stop(self) -> None:
        """Stop everything of this environment, the router included; the next release begins anew."""
        async with self._moves.operation("stop") as state:
            await self._moves.stop(state)

    # ----------------------------------------------------------------- asking

    async def status(self) -> TargetStatus:
        """Where traffic goes as the router says, and what the processes answer.

        Raises TargetError when something is deployed and the router does not answer.
        """
        state = await asyncio.to_thread(self._moves.file.load)
        seen = await self._moves.router.seen(self._moves.topology(state))
        if seen is None and (state.blue or state.green):
            raise TargetError(
                f"The router of {self._moves.title} does not answer, so where traffic goes is not known. "
                f"Next: reconcile the environment, which starts it again."
            )
        live, share = parse_traffic(seen or "")
        beside: Slot = other(live) if live else "blue" if state.blue else "green"
        now, then = await asyncio.gather(self._at(state, live), self._at(state, beside))
        return TargetStatus(now, then, share, state.generation)

    async def _at(self, state: State, slot: Slot | None) -> SlotStatus | None:
        return await self._moves.slot_status(state, slot) if slot else None

    async def missing(self) -> tuple[str, ...]:
        """What should run and does not, one sentence each: also workers, which `status` leaves out."""
        state = await asyncio.to_thread(self._moves.file.load)
        idle = await self._moves.services.idle(self._moves.expected(state))
        return tuple(f"{place} {reason}." for place, reason in idle.items())

    def address(self, slot: Slot | None = None) -> str:
        """Base URL, without a slash at its end: of one slot's entry, or the public one."""
        address = self._site.address
        return address.url if slot is None else address.entries()[slot]

    async def logs(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """`component: line` since a time, perhaps with some lines before it; bounded."""
        return await self._logs.read(release_id, since)


def _slot_of(state: State, release_id: str) -> Slot:
    slot = state.find(release_id)
    if slot is None:
        raise TargetError(f"Release {release_id[:90]!r} is in no slot. Next: prepare it first.")
    return slot
