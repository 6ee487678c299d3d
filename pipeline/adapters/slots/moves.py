"""The moves of which a target's operations are made: each writes down what it does, then does it.

An operation that was interrupted at any line here is brought to one of its two ends by `settle`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from pipeline.adapters.slots.caddy_config import ANYWHERE, LOOPBACK, Route, Topology, other, traffic
from pipeline.adapters.slots.places import Place, handover, places
from pipeline.adapters.slots.services import Services
from pipeline.adapters.slots.site import Site
from pipeline.adapters.slots.state import SlotState, State, StateFile, allocate
from pipeline.errors import TargetError
from pipeline.files import locked
from pipeline.groups import insist
from pipeline.ports import SLOTS, Bundle, Clock, Slot, SlotStatus


class Moves:
    """One environment's state, router, services and logs, and what can be done with them."""

    def __init__(self, site: Site, clock: Clock, patience: float) -> None:
        self.title = site.address.title
        self.logs = site.logs
        self.file = StateFile(site.address.folder, clock)
        self.router = site.router
        self.services = Services(site.runtime)
        self._site = site
        self._clock = clock
        self._patience = patience
        self._lock = site.address.folder / "lock"
        self._busy = asyncio.Lock()
        self._environments: dict[str, Mapping[str, Mapping[str, str]]] = {}

    @property
    def is_busy(self) -> bool:
        """Whether an operation of this bot is under way."""
        return self._busy.locked()

    # ------------------------------------------------------------ writing down

    @asynccontextmanager
    async def operation(self, name: str, **facts: object) -> AsyncIterator[State]:
        """One operation at a time, over all bots of this machine; gives the state, settled.

        Raises TargetError when another bot keeps the environment for too long.
        """
        async with self._busy:
            lock = locked(self._lock, self._patience)
            free = await insist(asyncio.to_thread(lock.__enter__))
            try:
                if not free:
                    raise TargetError(
                        f"Another bot is working on {self.title}. Next: wait for it, and see that only one "
                        f"bot has this environment in its bot.toml."
                    )
                async with self.step(name, **facts):
                    yield await self.settle(await asyncio.to_thread(self.file.load))
                await self.logs.mark()
            except OSError as error:
                raise TargetError(
                    f"{self.title}: {name} stopped at {error}. Next: see that the disk has room and that the bot "
                    f"may write to its state folder, then ask again."
                ) from error
            finally:
                await insist(asyncio.to_thread(lock.__exit__, None, None, None))

    @asynccontextmanager
    async def step(self, name: str, **facts: object) -> AsyncIterator[None]:
        """A line in the operation log before and after."""
        await asyncio.to_thread(self.file.note, name, when="before", **facts)
        try:
            yield
        except BaseException as error:
            reason = type(error).__name__ if isinstance(error, asyncio.CancelledError) else str(error)
            await insist(asyncio.to_thread(self.file.note, name, when="failed", why=reason[:500], **facts))
            raise
        await asyncio.to_thread(self.file.note, name, when="after", **facts)

    async def save(self, state: State) -> State:
        """Write the state down and go on with it."""
        await asyncio.to_thread(self.file.save, state)
        return state

    # ----------------------------------------------------------------- traffic

    def topology(self, state: State) -> Topology:
        """What the router's configuration is made from."""
        routes = {slot: self._routes(state, slot) for slot in SLOTS}
        address, first = self._site.address, self._site.address.first
        entries: dict[Slot, int] = {slot: first + number for number, slot in enumerate(SLOTS)}
        listen = ANYWHERE if self._site.inside else LOOPBACK
        return Topology(address.identity, address.public, entries, first + 2, routes, listen, address.sticky)

    def _routes(self, state: State, slot: Slot) -> tuple[Route, ...]:
        known = state.routes.get(slot, {}).items()
        if self._site.inside:
            return tuple(Route(prefix, self._site.inside, f"{slot}-{name}") for name, prefix in known)
        return tuple(Route(prefix, state.ports[name][SLOTS.index(slot)]) for name, prefix in known)

    async def ensure_router(self, state: State) -> None:
        """The router runs, with this state's routes, and sends traffic where the state says."""
        topology = self.topology(state)
        await self.router.ensure(topology, state.traffic)
        if await self.router.seen(topology) != state.traffic:
            await self.router.point(topology, state.traffic)

    async def flip(self, state: State, live: Slot | None, share: int) -> State:
        """Send traffic elsewhere: the router first, then the state."""
        text = traffic(live, share)
        async with self.step("route", to=text):
            topology = self.topology(state)
            if not await self.router.is_running():
                await self.router.ensure(topology, state.traffic)
            await self.router.point(topology, text)
            return await self.save(state.route(live, share, self._clock().timestamp()))

    # ---------------------------------------------------------------- services

    def remember(self, bundle: Bundle) -> None:
        """Keep the environments of a bundle in memory; they are secret and never written down."""
        self._environments[bundle.release_id] = {s.component: s.env for s in bundle.services}

    def _known(self, state: State, slot: Slot) -> Mapping[str, Mapping[str, str]]:
        return self._environments.get(state.release(slot) or "", {})

    async def make_room(self, state: State, slot: Slot, bundle: Bundle) -> State:
        """Retire what is in a slot, and write down what is to be there."""
        state = await self.retire(state, slot)
        components = [service.component for service in bundle.services if service.route is not None]
        reserved = set(self.topology(state).listeners())
        state = allocate(state, components, self._site.address.first + 3, reserved)
        await self.logs.forget_old()
        return await self.save(state.put(slot, SlotState.of(bundle)).learn_routes(slot))

    async def serve(self, state: State, slot: Slot) -> State:
        """Start what does not run in a slot and wait until all is healthy."""
        async with self.step("serve", slot=slot, release=state.release(slot)):
            await self.services.serve(places(state, slot, workers=False), self._known(state, slot))
        content = state.slot(slot)
        if content is None or content.prepared:
            return state
        return await self.save(state.put(slot, content.model_copy(update={"prepared": True})))

    async def work(self, state: State, slot: Slot) -> None:
        """Hand the work over to the slot's workers: see `handover` for who goes before who comes."""
        mine = places(state, slot, workers=True)
        before, after = handover(mine, places(state, other(slot), workers=True))
        async with self.step("workers", slot=slot):
            await self.services.require_startable(mine, self._known(state, slot))
            await self.services.end(before, 0.0)
            await self.services.work(mine, self._known(state, slot))
            await self.services.end(after, 0.0)

    async def retire(self, state: State, slot: Slot) -> State:
        """Take a slot's share away, drain it, stop it, empty it. Never called for the live slot."""
        content = state.slot(slot)
        if content is None:
            return state
        state = await self.save(state.begin("retire", content.release_id, slot))
        if state.share:
            state = await self.flip(state, state.live, 0)
        async with self.step("stop services", slot=slot, release=content.release_id):
            every = [*places(state, slot, workers=False), *places(state, slot, workers=True)]
            await self.services.end(every, state.drained.get(slot, 0.0))
        self._environments.pop(content.release_id, None)
        return await self.save(state.put(slot, None).end())

    async def require_healthy(self, state: State, slot: Slot) -> None:
        """Raises TargetError unless all services with a port of a slot are in order right now."""
        idle = await self.services.idle(places(state, slot, workers=False))
        if idle:
            listed = " ".join(f"{place} {reason}." for place, reason in idle.items())
            raise TargetError(
                f"Release {state.release(slot)} cannot take traffic in {self.title}: {listed} Traffic is as it "
                f"was. Next: prepare the release again, or deploy another."
            )

    def expected(self, state: State) -> list[Place]:
        """Every service that should run: of both slots, but workers only in the live one."""
        served = [place for slot in SLOTS for place in places(state, slot, workers=False)]
        return [*served, *(places(state, state.live, workers=True) if state.live else [])]

    async def slot_status(self, state: State, slot: Slot) -> SlotStatus | None:
        """What is in a slot, asked of the processes."""
        content = state.slot(slot)
        if content is None:
            return None
        idle = await self.services.idle(places(state, slot, workers=False))
        return SlotStatus(slot, content.release_id, content.version, not idle, content.digests)

    # ---------------------------------------------------------------- recovery

    async def settle(self, state: State) -> State:
        """Bring an interrupted operation to a safe end before another begins; mostly nothing to do.

        prepare: stays half done, as its environment is gone; preparing again adopts what runs. shift,
        promote: undone where the state does not know of the flip. retire, stop: finished. Whatever was
        asked before, it never stands in the way of what is asked now, such as the way back.
        """
        pending = state.pending
        if pending is None:
            return state
        async with self.step("settle", operation=pending.operation, release=pending.release_id):
            if pending.operation == "stop":
                return await self.stop(state)
            await self.ensure_router(state)
            if pending.operation == "retire" and state.live != pending.slot:
                return await self.retire(state, pending.slot)
            return state

    async def finish(self, state: State) -> State:
        """What only recovery does, as nothing else is asked: finish a promotion of a healthy release."""
        pending = state.pending
        unflipped = pending and pending.operation == "promote" and state.live != pending.slot
        if pending and unflipped and await self._is_healthy(state, pending.slot):
            state = await self.flip(state, pending.slot, 0)
        return await self.save(state.end())

    async def _is_healthy(self, state: State, slot: Slot) -> bool:
        return not await self.services.idle(places(state, slot, workers=False))

    async def revive(self, state: State) -> None:
        """Start dead services whose environment is known; a candidate that is still dead gets no traffic."""
        for slot in SLOTS:
            idle = await self.services.idle(places(state, slot, workers=False))
            if idle and await self.services.startable(idle, self._known(state, slot)):
                with suppress(TargetError):  # why is in the operation log; that it is dead shows in `status`
                    await self.serve(state, slot)
        if state.share and state.live and not await self._is_healthy(state, other(state.live)):
            state = await self.flip(state, state.live, 0)
        if state.live:
            idle = await self.services.idle(places(state, state.live, workers=True))
            if await self.services.startable(idle, self._known(state, state.live)):
                with suppress(TargetError):  # likewise in `missing`
                    await self.work(state, state.live)

    async def remove_strays(self, state: State) -> None:
        """End everything in this environment that belongs to no place in the state."""
        known = {"router"} | {p.name for slot in SLOTS for w in (False, True) for p in places(state, slot, w)}
        for name in await self._site.runtime.names() - known:
            async with self.step("remove stray", place=name):
                await self._site.runtime.stop(name, 5.0)

    async def stop(self, state: State) -> State:
        """End everything, the router first; the ports stay allocated."""
        state = await self.save(state.begin("stop", state.release(state.live) or "", state.live or "blue"))
        await self.router.stop()
        every = [p for slot in SLOTS for w in (False, True) for p in places(state, slot, w)]
        async with self.step("stop everything"):
            await self.services.end(every, 0.0)
        self._environments.clear()
        empty = state.model_copy(update={"blue": None, "green": None, "routes": {}})
        state = await self.save(empty.route(None, 0, self._clock().timestamp()).end())
        await self.remove_strays(state)
        await self._site.runtime.clear()
        return state
