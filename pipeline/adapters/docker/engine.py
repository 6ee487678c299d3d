"""The Docker engine: the SDK's blocking calls in threads, and its errors in words.

Nothing else talks to the SDK's transport. Every call has a connection of its own, so there is nothing to keep
open, to close or to share between threads; the negotiated API version is all that is remembered.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import docker
import docker.errors
import docker.utils
import requests

from pipeline.errors import PipelineError, TargetError
from pipeline.groups import insist

T = TypeVar("T")

PATIENCE = 60
"""Seconds within which the engine has to answer (for a stream: between two of its pieces)."""

# Not asyncio's own pool: a build holds its thread for minutes, and the bot's files would wait for it.
_THREADS = ThreadPoolExecutor(64, "docker")


class Engine:
    """One Docker engine. `host` is its address; without one, DOCKER_HOST or the usual socket.

    Labels, names and meaning are the callers': this is only the way there.
    """

    def __init__(self, host: str | None = None) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        self._version = ""

    async def call(
        self,
        what: str,
        work: Callable[[docker.APIClient], T],
        *,
        error: type[PipelineError] = TargetError,
        timeout: int = PATIENCE,
        abort: Callable[[], None] | None = None,
    ) -> T:
        """What `work` gives, done in a thread with a client that is closed afterwards.

        It is always done to its end: when the caller is cancelled, the cancellation follows. A long `work`
        is therefore given an `abort`, which is called then, at whatever point `work` is, and makes it end
        soon (for example by shutting its socket down). `abort` must not block.

        Raises `error` with `what` in front when the engine does not answer or refuses. A `work` that can go
        on without something catches docker.errors.NotFound itself.
        """
        job = asyncio.get_running_loop().run_in_executor(_THREADS, self._work, work, timeout)
        try:
            return await _to_its_end(job, abort)
        except docker.errors.APIError as refusal:
            self._version = ""  # the engine may be another one now
            raise error(_refused(what, refusal)) from refusal
        except (docker.errors.DockerException, requests.RequestException, OSError) as trouble:
            raise error(self._silent(what, trouble)) from trouble

    def _work(self, work: Callable[[docker.APIClient], T], timeout: int) -> T:
        _knock(self.host)
        with closing(self._client(timeout)) as client:
            self._version = client.api_version
            return work(client)

    def _client(self, timeout: int) -> docker.APIClient:
        # The TLS settings of the usual variables belong to the usual address: ours may be another.
        usual = self.host == os.environ.get("DOCKER_HOST")
        tls = docker.utils.kwargs_from_env().get("tls", False) if usual else False
        return docker.APIClient(self.host, self._version or "auto", timeout, tls)

    def _silent(self, what: str, trouble: Exception) -> str:
        why = _root(trouble)
        return (
            f"{what}: the Docker engine at {self.host} does not answer ({why}). Next: see that it runs and that "
            f"the bot may reach it; its address is docker.host in bot.toml, or DOCKER_HOST."
        )


def _refused(what: str, refusal: docker.errors.APIError) -> str:
    why = str(refusal.explanation or refusal).strip()[:500]
    return f"{what}: the Docker engine refused: {why}. Next: correct that, then ask again."


async def _to_its_end(job: "asyncio.Future[T]", abort: Callable[[], None] | None) -> T:
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        if abort:
            abort()
        await insist(asyncio.wait([job]))
        job.exception()  # seen: the cancellation is what the caller asked for
        raise


def _knock(host: str) -> None:
    """Raises OSError where nobody listens; the SDK would leave its own socket open then."""
    scheme, _, path = host.partition("://")
    if scheme in ("unix", "http+unix"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(PATIENCE)
            probe.connect(path)


def _root(trouble: BaseException) -> str:
    """The first of a chain of errors: the others only repeat it, with the names of classes."""
    while trouble.__context__:
        trouble = trouble.__context__
    return str(trouble)[:300] or type(trouble).__name__
