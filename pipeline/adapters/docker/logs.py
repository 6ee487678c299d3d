"""The logs of an environment's containers: asked of the engine, and saved before a container is removed.

Every line has the engine's time, so that reading since a time is exact. What was saved lies in the state
folder, one folder per release and one file per component.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from pathlib import Path

import docker
import docker.errors

from pipeline.adapters.docker.containers import Containers
from pipeline.adapters.docker.orders import LABEL, Found
from pipeline.files import read_from, readable

READ_LIMIT = 2_000_000  # bytes given per service
KEPT_RELEASES = 20
_LINES = 20_000  # given per service
_SAVED = 8_000_000  # bytes of a removed container's log, the newest

Line = tuple[str, str]
"""The engine's time, which sorts as text, and what was said."""


class ContainerLogs:
    """Logs of the containers of one environment. `redact` is applied to whatever leaves."""

    def __init__(self, containers: Containers, folder: Path, redact: Callable[[str], str]) -> None:
        self._containers = containers
        self._folder = folder
        self._redact = redact

    async def mark(self) -> None:
        """Nothing: the engine knows when a line was written."""

    async def read(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """`component: line` of every service since a time, oldest first within each; cuts are said."""
        there = [one for one in await self._containers.find() if _label(one, "release") == release_id]
        saved = await asyncio.to_thread(lambda: {p.stem for p in (self._folder / release_id).glob("*.log")})
        found: list[str] = []
        for component in sorted(saved | {_label(one, "component") for one in there}):
            mine = [one for one in there if _label(one, "component") == component]
            found += await self._component(release_id, component, mine, since)
        return tuple(found)

    async def _component(
        self, release_id: str, component: str, there: list[Found], since: datetime
    ) -> list[str]:
        path = self._path(release_id, component)
        text, cut = await asyncio.to_thread(read_from, path, 0, READ_LIMIT)
        lines = stamped(text)
        for one in there:
            lines += _after(lines, stamped(await self._said(one, _LINES + 1, since)))
        start = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        wanted = self._redact("\n".join(said for at, said in lines if at >= start)).splitlines()
        kept = _newest(wanted)
        if len(kept) < len(wanted) or (cut and len(wanted) == len(lines)):
            kept = ["[older lines are left out; docker logs has them while the container is there]", *kept]
        return [f"{component}: {line}" for line in kept]

    async def tail(self, release_id: str, component: str, found: list[Found]) -> str:
        """The last lines of a service, redacted, for a person to read."""
        said = "".join([await self._said(one, 12) for one in found])
        if not said:
            said, _ = await asyncio.to_thread(read_from, self._path(release_id, component), 0, 64 * 1024)
        lines = self._redact("\n".join(line for _, line in stamped(said))).splitlines()
        return "\n".join(line[:300] for line in lines[-12:]) or "(it wrote nothing)"

    async def save(self, found: Found) -> None:
        """Keep what a container said, before it is removed. Saved already: nothing is doubled."""
        said = stamped(await self._said(found, _LINES))
        path = self._path(_label(found, "release"), _label(found, "component"))
        await asyncio.to_thread(_append, path, said)

    async def forget_old(self) -> None:
        """Remove the saved logs of all but the newest releases."""
        await asyncio.to_thread(self._forget_old)

    def _forget_old(self) -> None:
        if not self._folder.is_dir():
            return
        folders = sorted(self._folder.iterdir(), key=lambda folder: folder.stat().st_mtime)
        for folder in folders[:-KEPT_RELEASES]:
            shutil.rmtree(folder, ignore_errors=True)

    def _path(self, release_id: str, component: str) -> Path:
        return self._folder / release_id / f"{component}.log"

    async def _said(self, found: Found, count: int, since: datetime | None = None) -> str:
        what = f"Reading the log of {found.name}"
        return await self._containers.engine.call(what, partial(_said, found, count, since))


def _label(found: Found, name: str) -> str:
    return found.labels.get(LABEL + name, "")


def _said(found: Found, count: int, since: datetime | None, client: docker.APIClient) -> str:
    try:
        data = client.logs(
            found.id, timestamps=True, tail=count, since=max(1.0, since.timestamp()) if since else None
        )
    except docker.errors.NotFound:
        return ""
    return readable(data[-_SAVED:].decode(errors="replace"))


def stamped(text: str) -> list[Line]:
    """The lines of a log by the engine's time: it copies a container's two streams side by side, and may write
    a line before one that it stamped earlier."""
    split = (line.partition(" ") for line in text.split("\n") if line)
    return sorted(((at, said) for at, _, said in split if at.endswith("Z")), key=itemgetter(0))


def _after(known: list[Line], lines: list[Line]) -> list[Line]:
    last = known[-1][0] if known else ""
    return [line for line in lines if line[0] > last]


def _newest(lines: list[str]) -> list[str]:
    size, kept = 0, 0
    for line in reversed(lines[-_LINES:]):
        size += len(line)
        if size > READ_LIMIT:
            break
        kept += 1
    return lines[len(lines) - kept :]


def _append(path: Path, said: list[Line]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = stamped(read_from(path, 0, 64 * 1024)[0])
    new = "".join(f"{at} {line}\n" for at, line in _after(known, said))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write(new)
