"""The services of a slot, whatever they run in: started, waited for, asked, drained, ended."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Protocol

import aiohttp

from pipeline.adapters.slots.places import Place
from pipeline.adapters.slots.probe import Answer, probe, session
from pipeline.errors import TargetError
from pipeline.ports import Bundle, Deaths

LAME_DUCK = 1.0
"""Seconds between the last request that is routed to a slot and the first SIGTERM there."""

_SETTLED = 0.5  # seconds that a new worker must have lived: it has no port that could tell more

Environments = Mapping[str, Mapping[str, str]]


class Runtime(Protocol):
    """What services run in: processes of this machine, or containers. Found again by name, never by memory."""

    async def lacks(self, bundle: Bundle) -> list[str]:
        """What keeps a bundle's images and commands from running here, one sentence each."""

    async def runs(self, place: Place) -> bool:
        """Whether exactly what was ordered runs there, and its end has not begun."""

    async def has(self, place: Place) -> bool:
        """Whether what was ordered is there, dead, and `start` can bring it back with no environment told."""

    async def start(self, place: Place, env: Mapping[str, str] | None) -> None:
        """Start it; whatever else is in its place is stopped first. Raises TargetError."""

    async def keep(self, place: Place) -> None:
        """It has proved itself: from now on it may be brought back by whoever notices its death."""

    async def busy(self, place: Place) -> bool:
        """Whether requests are still under way there, as far as can be known."""

    async def answers(self, place: Place) -> bool:
        """Whether it is what answers on the place's port. Ports are used again at once: it may be a stranger."""

    async def stop(self, name: str, grace: float) -> None:
        """End what is in the place of this name, with everything it started; returns when it is gone."""

    async def names(self) -> set[str]:
        """The names of all places in which something is, running or not."""

    async def clear(self) -> None:
        """Nothing is left: give back what the services shared."""

    async def deaths(self, place: Place) -> Deaths:
        """How often it was brought back, and whether it ran out of memory, as far as that is counted."""

    async def tail(self, place: Place) -> str:
        """Its last lines, redacted, for a person to read."""


class Services:
    """Runs services in a runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def serve(self, wanted: list[Place], environments: Environments) -> None:
        """Start what does not run and wait until each is healthy and answers with its version, at once.

        Raises TargetError with the first failure; what was started keeps running for the caller to end.
        """
        async with session() as client:
            await _all(self._serve(client, place, environments) for place in wanted)

    async def work(self, wanted: list[Place], environments: Environments) -> None:
        """Start the workers that do not run. Raises TargetError when one ends right after its start."""
        started = [place for place in wanted if not await self._runtime.runs(place)]
        await _all(self._start(place, environments) for place in started)
        if started:
            await asyncio.sleep(_SETTLED)
        for place in started:
            if not await self._runtime.runs(place):
                told = "Its release has the traffic all the same."
                raise TargetError(await self._story(place, "ended right after its start", told))
        await asyncio.gather(*(self._runtime.keep(place) for place in wanted))

    async def idle(self, wanted: list[Place]) -> dict[Place, str]:
        """Those that are not in order, with the reason: asked of what runs, not of memory."""
        async with session() as client:
            reasons = await asyncio.gather(*(self._reason(client, place) for place in wanted))
        return {place: reason for place, reason in zip(wanted, reasons, strict=True) if reason}

    async def deaths(self, wanted: list[Place]) -> Deaths:
        """Of all of them together."""
        found = await asyncio.gather(*(self._runtime.deaths(place) for place in wanted))
        memory = tuple(name for one in found for name in one.out_of_memory)
        return Deaths(sum(one.restarts for one in found), memory)

    async def startable(self, wanted: Iterable[Place], environments: Environments) -> bool:
        """Whether each has its environment known, or can be brought back as it was."""
        return all([await self._startable(place, environments) for place in wanted])

    async def _startable(self, place: Place, environments: Environments) -> bool:
        return place.service.component in environments or await self._runtime.has(place)

    async def require_startable(self, wanted: Iterable[Place], environments: Environments) -> None:
        """Raises TargetError for the first that neither runs nor can be started."""
        for place in wanted:
            if not await self._runtime.runs(place) and not await self._startable(place, environments):
                raise TargetError(
                    f"{place} does not run, and its environment is not known since the bot was restarted. "
                    f"Next: prepare release {place.release_id} again."
                )

    async def end(self, unwanted: list[Place], drained_at: float) -> None:
        """Drain, then stop: SIGTERM, and SIGKILL after each service's grace.

        The router must have stopped sending there at `drained_at` (seconds since 1970). Requests that
        are still under way may end within the grace first: not every program finishes them on SIGTERM.
        """
        if any(place.port for place in unwanted):
            await asyncio.sleep(min(LAME_DUCK, max(0.0, drained_at + LAME_DUCK - time.time())))
        await asyncio.gather(*(self._end(place) for place in unwanted))

    async def _end(self, place: Place) -> None:
        await self._quiet(place, time.monotonic() + place.service.grace)
        await self._runtime.stop(place.name, place.service.grace)

    async def _quiet(self, place: Place, deadline: float) -> None:
        while place.port and await self._runtime.busy(place):
            if time.monotonic() >= deadline:
                return
            await asyncio.sleep(0.1)

    async def _serve(self, client: aiohttp.ClientSession, place: Place, environments: Environments) -> None:
        await self._start(place, environments)
        deadline = time.monotonic() + place.service.ready_timeout
        while (answer := await self._ask(client, place)).reason:
            if not await self._runtime.runs(place):
                raise TargetError(await self._story(place, "ended before it was healthy"))
            if answer.final:
                raise TargetError(await self._story(place, answer.reason))
            if time.monotonic() >= deadline:
                limit = f"within {place.service.ready_timeout:g} s"
                raise TargetError(await self._story(place, f"was not ready {limit}: it {answer.reason}"))
            await asyncio.sleep(0.05)
        await self._runtime.keep(place)

    async def _start(self, place: Place, environments: Environments) -> None:
        if await self._runtime.runs(place):
            return
        await self.require_startable([place], environments)
        await self._runtime.start(place, environments.get(place.service.component))

    async def _reason(self, client: aiohttp.ClientSession, place: Place) -> str:
        if not await self._runtime.runs(place):
            return "does not run"
        return (await self._ask(client, place)).reason if place.port else ""

    async def _ask(self, client: aiohttp.ClientSession, place: Place) -> Answer:
        answer = await probe(client, place)
        if answer.reason and not answer.final:
            return answer
        if await self._runtime.answers(place):
            return answer
        return Answer("does not listen on its port; someone else answers there")

    async def _story(self, place: Place, what: str, traffic: str = "Traffic is as it was.") -> str:
        return (
            f"{place} {what}. {traffic} Next: correct it and release again, or raise its ready_timeout if it "
            f"only needs longer. Its last lines:\n{await self._runtime.tail(place)}"
        )


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once; the first failure ends the others and is raised as itself."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
