"""The services of a slot on this machine: started, waited for, asked, drained, ended."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from pipeline.adapters.local_logs import Logs
from pipeline.adapters.local_state import ServiceState, SlotState, State
from pipeline.adapters.processes import Launch, Processes, Record, established, listens, port_owner
from pipeline.environment import base
from pipeline.errors import TargetError
from pipeline.files import content_folder
from pipeline.ports import SLOTS, Slot

LAME_DUCK = 1.0
"""Seconds between the last request that is routed to a slot and the first SIGTERM there."""

_SETTLED = 0.5  # seconds that a new worker must have lived: it has no port that could tell more
_ASK = 2.0
_ANSWER_LIMIT = 65_536

Environments = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Place:
    """One service in one slot: all that is needed to run it and to find it again."""

    slot: Slot
    release_id: str
    version: str
    service: ServiceState
    port: int | None

    @property
    def name(self) -> str:
        """The process's fixed place."""
        return f"{self.slot}-{self.service.component}"

    @property
    def label(self) -> str:
        """What the process is a copy of."""
        return f"{self.release_id} {self.service.digest}"

    def __str__(self) -> str:
        return f"{self.service.component} of {self.version} ({self.slot} slot)"


@dataclass(frozen=True)
class _Answer:
    """What a service said. `reason` is empty when all is well; `final`: asking again will not help."""

    reason: str = ""
    final: bool = False


def places(state: State, slot: Slot, workers: bool) -> list[Place]:
    """The services with a port of a slot, or its workers."""
    content = state.slot(slot)
    if content is None:
        return []
    chosen = content.workers if workers else content.served
    return [_place(state, slot, content, service) for service in chosen]


def _place(state: State, slot: Slot, content: SlotState, service: ServiceState) -> Place:
    port = state.ports[service.component][SLOTS.index(slot)] if service.route is not None else None
    return Place(slot, content.release_id, content.version, service, port)


class Services:
    """Runs services. `entries` are the base URLs of the two slots through the router."""

    def __init__(
        self, processes: Processes, artifacts: Path, logs: Logs, entries: Mapping[Slot, str]
    ) -> None:
        self._processes = processes
        self._artifacts = artifacts
        self._logs = logs
        self._entries = entries

    async def serve(self, wanted: list[Place], environments: Environments) -> None:
        """Start what does not run and wait until each is healthy and answers with its version, at once.

        Raises TargetError with the first failure; what was started keeps running for the caller to end.
        """
        async with _session() as session:
            await _all(self._serve(session, place, environments) for place in wanted)

    async def work(self, wanted: list[Place], environments: Environments) -> None:
        """Start the workers that do not run. Raises TargetError when one ends right after its start."""
        started = [place for place in wanted if not await self._running(place)]
        await _all(self._start(place, environments) for place in started)
        if started:
            await asyncio.sleep(_SETTLED)
        for place in started:
            if not await self._running(place):
                told = "Its release has the traffic all the same; older workers go on."
                raise TargetError(self._story(place, "ended right after its start", told))

    async def idle(self, wanted: list[Place]) -> dict[Place, str]:
        """Those that are not in order, with the reason: asked of the processes, not of memory."""
        async with _session() as session:
            reasons = await asyncio.gather(*(self._reason(session, place) for place in wanted))
        return {place: reason for place, reason in zip(wanted, reasons, strict=True) if reason}

    async def end(self, unwanted: list[Place], drained_at: float) -> None:
        """Drain, then stop: SIGTERM, and SIGKILL after each service's grace.

        The router must have stopped sending there at `drained_at` (seconds since 1970). Connections that
        are still in use may end within the grace first: not every program finishes requests on SIGTERM.
        """
        if any(place.port for place in unwanted):
            await asyncio.sleep(min(LAME_DUCK, max(0.0, drained_at + LAME_DUCK - time.time())))
        await asyncio.gather(*(self._end(place) for place in unwanted))

    async def _end(self, place: Place) -> None:
        await self._quiet(place, time.monotonic() + place.service.grace)
        await self._processes.stop(place.name, place.service.grace)

    async def _quiet(self, place: Place, deadline: float) -> None:
        while await asyncio.to_thread(self._in_use, place):
            if time.monotonic() >= deadline:
                return
            await asyncio.sleep(0.1)

    def _in_use(self, place: Place) -> bool:
        return bool(place.port and established(self._processes.family(place.name), place.port))

    async def _running(self, place: Place) -> Record | None:
        record = await asyncio.to_thread(self._processes.find, place.name)
        return record if record and record.label == place.label and not record.stopping else None

    async def _serve(self, session: aiohttp.ClientSession, place: Place, environments: Environments) -> None:
        await self._start(place, environments)
        deadline = time.monotonic() + place.service.ready_timeout
        while (answer := await self._ask(session, place)).reason:
            if not await self._running(place):
                raise TargetError(self._story(place, "ended before it was healthy"))
            if answer.final:
                raise TargetError(self._story(place, answer.reason))
            if time.monotonic() >= deadline:
                limit = f"within {place.service.ready_timeout:g} s"
                raise TargetError(self._story(place, f"was not ready {limit}: it {answer.reason}"))
            await asyncio.sleep(0.05)

    async def _start(self, place: Place, environments: Environments) -> None:
        if await self._running(place):
            return
        env = environments.get(place.service.component)
        if env is None:
            raise TargetError(
                f"{place} does not run, and its environment is not known since the bot was restarted. "
                f"Next: prepare release {place.release_id} again."
            )
        # Another release's copy, one whose end had begun, or children that outlived their parent.
        await self._processes.stop(place.name, place.service.grace)
        await asyncio.to_thread(self._launch, place, env)

    def _launch(self, place: Place, env: Mapping[str, str]) -> None:
        if place.port and (owner := port_owner(place.port)):
            raise TargetError(
                f"{place} could not be started: its port {place.port} is taken by {owner}. Traffic is as it "
                f"was. Next: stop that, or give the environment another first_port in bot.toml."
            )
        self._processes.start(
            Launch(
                place.name,
                place.label,
                place.service.run,
                content_folder(self._artifacts, place.service.digest),
                {**base(), **env, **self._told(place)},
                self._logs.path(place.release_id, place.service.component),
            )
        )

    def _told(self, place: Place) -> dict[str, str]:
        """What the target alone can know. A slot's services reach each other through its entry."""
        entry = self._entries[place.slot]
        told = {
            "HOST": "127.0.0.1",
            "RELEASE_VERSION": place.version,
            "RELEASE_SLOT": place.slot,
            "SLOT_URL": entry,
            "API_URL": entry,
        }
        return {**told, "PORT": str(place.port)} if place.port else told

    async def _reason(self, session: aiohttp.ClientSession, place: Place) -> str:
        if not await self._running(place):
            return "does not run"
        return (await self._ask(session, place)).reason if place.port else ""

    async def _ask(self, session: aiohttp.ClientSession, place: Place) -> _Answer:
        answer = await _probe(session, place)
        if answer.reason and not answer.final:
            return answer
        # Ports are used again at once: whoever answered must be the process that we started.
        family = await asyncio.to_thread(self._processes.family, place.name)
        if place.port and await asyncio.to_thread(listens, family, place.port):
            return answer
        return _Answer("does not listen on its port; someone else answers there")

    def _story(self, place: Place, what: str, traffic: str = "Traffic is as it was.") -> str:
        said = self._logs.tail(place.release_id, place.service.component)
        return (
            f"{place} {what}. {traffic} Next: correct it and release again, or raise its ready_timeout if it "
            f"only needs longer. Its last lines:\n{said}"
        )


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(force_close=True)
    timeout = aiohttp.ClientTimeout(total=_ASK)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)


async def _probe(session: aiohttp.ClientSession, place: Place) -> _Answer:
    """Ask for health and version. A wrong version is final, as a running program does not change its own."""
    url = f"http://127.0.0.1:{place.port}"
    try:
        status, _ = await _get(session, url + place.service.health)
        if status // 100 != 2:
            return _Answer(f"answered {status} at {place.service.health}")
        status, body = await _get(session, url + place.service.version_path)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return _Answer(f"did not answer ({str(error) or type(error).__name__})")
    found = _version(body)
    if status != 200 or found is None:
        return _Answer(f'did not answer {{"version": ...}} at {place.service.version_path}', final=True)
    if found != place.version:
        return _Answer(f"answers as version {found[:80]!r} instead of {place.version!r}", final=True)
    return _Answer()


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with session.get(url, allow_redirects=False) as response:
        body = b""
        async for chunk in response.content.iter_chunked(_ANSWER_LIMIT):
            body += chunk
            if len(body) > _ANSWER_LIMIT:
                break
        return response.status, body


def _version(body: bytes) -> str | None:
    try:
        return str(json.loads(body)["version"])
    except (ValueError, KeyError, TypeError):
        return None


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all at once; the first failure ends the others and is raised as itself."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
