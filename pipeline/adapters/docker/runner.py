"""Runs commands of the playbook in containers: with the checkout to read, and nothing else of this machine.

A container ends with everything in it. It carries a mark of its command, so that the next attempt finds what a
bot that was killed has left running.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import docker
import docker.errors
import structlog
from docker.types import LogConfig, Mount

from pipeline.adapters.docker import labels
from pipeline.adapters.docker.engine import PATIENCE, Engine
from pipeline.adapters.docker.streams import Cut, whole_lines
from pipeline.errors import CommandError
from pipeline.groups import insist
from pipeline.ports import Command, CommandResult, Container, Network
from pipeline.sink import TAIL, Redact, Sink

T = TypeVar("T")

TMP = "rw,exec,nosuid,nodev,mode=1777,size=1g"
"""Of the container's own folder for such things: it is in memory, and what is written there counts as that."""

_NETWORKS: dict[Network, str] = {"none": "none", "own": "bridge", "host": "host"}
_PULL = 900  # seconds: how long the engine may say nothing while it pulls an image

log = structlog.get_logger()


@dataclass(frozen=True)
class _End:
    """How a container's command ended. `code` is None at the time limit."""

    code: int | None
    out_of_memory: bool = False


class ContainerRunner:
    """Runner on an engine of this machine. `redact` is applied to everything that is kept of the output."""

    def __init__(self, engine: Engine, redact: Redact) -> None:
        self._engine = engine
        self._redact = redact

    async def run(self, command: Command) -> CommandResult:
        """Run to the end or to the time limit; nothing of it is left then, nor when this is cancelled.

        Raises CommandError when it cannot be started, or the engine stops answering.
        """
        await self._remove(command)  # what an earlier attempt that was killed has left
        started = time.monotonic()
        sink = await asyncio.to_thread(Sink, command.log, self._redact)
        try:
            end = await self._supervise(command, sink)
        finally:
            tail = await insist(asyncio.to_thread(sink.close))
        seconds = time.monotonic() - started
        log.info("command: ended", command=command.name, code=end.code, seconds=round(seconds, 3))
        note = _note(command, end)
        code = -1 if end.code is None else end.code
        kept = (*tail[1 - TAIL :], note) if note else tail
        return CommandResult(command.name, code, seconds, kept, timed_out=end.code is None)

    async def _supervise(self, command: Command, sink: Sink) -> _End:
        """The command's end. Nothing of it is left when this returns."""
        work: asyncio.Task[_End] | None = None
        try:
            container = await self._made(command)
            follow = partial(_follow, container, sink)
            patience = int(command.timeout) + PATIENCE  # a command may say nothing at all
            work = asyncio.create_task(self._call(_not_started(command), follow, patience))
            async with asyncio.timeout(command.timeout):
                return await asyncio.shield(work)
        except TimeoutError:
            return _End(None)
        finally:
            await insist(self._finish(command, work))

    async def _finish(self, command: Command, work: "asyncio.Task[_End] | None") -> None:
        try:
            await self._remove(command)
        finally:
            if work:  # its container is gone, so it ends
                await asyncio.wait([work])
                work.cancelled() or work.exception()

    async def _made(self, command: Command) -> str:
        """The id of the new container; its image is pulled where the engine has none."""
        inside = _inside(command)
        create = partial(_create, command, inside)
        container = await self._call(_not_started(command), create)
        if container is None:
            await self._call(
                f"{_not_started(command)}: there is no image {inside.image}",
                partial(_pull, inside.image),
                _PULL,
            )
            container = await self._call(_not_started(command), create)
        if container is None:
            raise CommandError(
                f"{_not_started(command)}: there is no image {inside.image}, and it could not be pulled. "
                "Next: check the name in the playbook, or put the image on the engine."
            )
        return container

    async def _remove(self, command: Command) -> None:
        """Remove the command's containers, of this attempt and of any before, with all that runs in them."""
        wanted = labels.filters({labels.COMMAND: _mark(command.log)})
        await self._call(f"{command.name} could not be ended", partial(_remove_all, wanted))

    async def _call(self, what: str, work: Callable[[docker.APIClient], T], timeout: int = PATIENCE) -> T:
        return await self._engine.call(what, work, error=CommandError, timeout=timeout)


# ------------------------------------------------- within the engine's threads


def _create(command: Command, inside: Container, client: docker.APIClient) -> str | None:
    """The new container's id; None when the engine has no such image."""
    try:
        made = client.create_container(
            inside.image,
            entrypoint=list(command.argv[:1]),
            command=list(command.argv[1:]),
            environment=dict(command.env),
            labels={labels.COMMAND: _mark(command.log), labels.OF_PRODUCT: inside.product},
            user=f"{os.getuid()}:{os.getgid()}",
            working_dir=str(command.cwd.absolute()),
            network_disabled=inside.network == "none",
            host_config=client.create_host_config(**_host(command.cwd.absolute(), inside)),
        )
    except docker.errors.ImageNotFound:
        return None
    return str(made["Id"])


def _host(checkout: Path, inside: Container) -> dict[str, Any]:
    output, limits = str(inside.output.absolute()), inside.limits
    return {
        "network_mode": _NETWORKS[inside.network],
        "mounts": [
            Mount(str(checkout), str(checkout), type="bind", read_only=True),
            Mount(output, output, type="bind"),
        ],
        "read_only": True,
        "tmpfs": {"/tmp": TMP},  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": True,  # so that a command need not be one that can be process 1
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "nano_cpus": int(limits.cpus * 1e9) if limits.cpus else None,
        "pids_limit": limits.pids,
        "log_config": LogConfig(type="none"),  # it is followed; the engine need not store it too
    }


def _pull(image: str, client: docker.APIClient) -> None:
    client.pull(image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest")


def _follow(container: str, sink: Sink, client: docker.APIClient) -> _End:
    """Start the container and store what it says, to its end; somebody else may end it."""
    answers = Cut()
    with answers.watching(client):
        # Attached before it can say anything.
        output = client.attach(container, stdout=True, stderr=True, stream=True, demux=True)
        client.start(container)
        for chunk in whole_lines(output):
            sink.feed(chunk)
    with suppress(docker.errors.NotFound):
        code = client.wait(container)["StatusCode"]
        return _End(code, client.inspect_container(container)["State"]["OOMKilled"])
    return _End(None)


def _remove_all(wanted: dict[str, list[str]], client: docker.APIClient) -> None:
    for found in client.containers(all=True, filters=wanted):
        with suppress(docker.errors.NotFound):
            _remove_one(client, found["Id"])


def _remove_one(client: docker.APIClient, container: str) -> None:
    try:
        client.remove_container(container, v=True, force=True)
    except docker.errors.APIError as error:
        if error.status_code != 409:  # somebody else is removing it already
            raise


# ----------------------------------------------------------------------- words


def _inside(command: Command) -> Container:
    if command.container is None:
        raise CommandError(f"{_not_started(command)}: it names no container. Next: name one in the playbook.")
    return command.container


def _mark(path: Path) -> str:
    return hashlib.sha256(str(path.absolute()).encode()).hexdigest()


def _not_started(command: Command) -> str:
    return f"{command.name} could not be started"


def _note(command: Command, end: _End) -> str:
    if end.code is None:
        return f"[stopped: it ran into its time limit of {command.timeout:g} s]"
    memory = command.container.limits.memory if command.container else None
    if end.out_of_memory and end.code and memory:
        return f"[stopped: it needed more than its {memory / 2**20:g} MiB of memory]"
    return ""
