"""The way to an engine: what is told when it is not there or refuses, and how a call ends."""

import asyncio
import threading
from pathlib import Path

import docker
import pytest

from pipeline.adapters.docker.engine import Engine
from pipeline.errors import BuildError, TargetError

NEXT = "Next: see that it runs and that the bot may reach it"


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
async def test_an_engine_that_is_not_there_is_named(host: str) -> None:
    with pytest.raises(BuildError, match=f"Building: the Docker engine at {host} does not answer") as error:
        await Engine(host).call("Building", docker.APIClient.info, error=BuildError)
    assert NEXT in str(error.value)


async def test_what_is_no_engine_is_told_like_none(tmp_path: Path) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 a mail server\r\n")
        writer.close()

    async with await asyncio.start_unix_server(talk, tmp_path / "mail.sock"):
        with pytest.raises(TargetError, match=NEXT):
            await Engine(f"unix://{tmp_path}/mail.sock").call("Asking", docker.APIClient.info)


@pytest.mark.docker
async def test_a_refusal_is_in_the_engines_words(engine: str) -> None:
    with pytest.raises(TargetError, match=r"Looking: the Docker engine refused: No such container: nobody"):
        await Engine(engine).call("Looking", lambda client: client.inspect_container("nobody"))


@pytest.mark.docker
async def test_a_cancelled_call_is_done_to_its_end(engine: str) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work(_: docker.APIClient) -> None:
        begun.set()
        assert go_on.wait(10)
        done.set()

    call = asyncio.create_task(Engine(engine).call("Working", work, abort=go_on.set))
    await asyncio.to_thread(begun.wait, 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert done.is_set()
