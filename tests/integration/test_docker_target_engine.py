"""The engine goes away and comes back; the product goes on, and what the bot says stays true."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.errors import TargetError
from tests.services.docker import DockerPlace, docker_place
from tests.services.load import load
from tests.services.local import API
from tests.services.wire import Wire, wire

pytestmark = pytest.mark.docker


@pytest.fixture
async def here(engine: str, tmp_path: Path) -> AsyncIterator[DockerPlace]:
    async with docker_place(tmp_path, engine) as found:
        yield found


@pytest.fixture
async def line(engine: str, tmp_path: Path) -> AsyncIterator[Wire]:
    if not engine.startswith("unix://"):
        pytest.skip("needs a Docker engine on a socket")
    async with wire(tmp_path / "wire.sock", engine) as found:
        yield found


async def test_without_its_engine_nothing_is_claimed_and_nothing_breaks(
    here: DockerPlace, line: Wire
) -> None:
    await here.live("1.0.0")
    bundle = await here.bundle("1.1.0", API)
    target = here.restarted(line.address)
    await target.prepare(bundle)
    async with load(target.address(), rate=40, clients=2) as seen:
        await line.cut()
        for attempt in (
            target.prepare(bundle),
            target.shift("r-1.1.0", 10),
            target.promote("r-1.1.0"),
            target.retire("r-1.1.0"),
            target.reconcile(),
            target.status(),
            target.missing(),
            target.heal(),
            target.stop(),
        ):
            with pytest.raises(TargetError, match=r"does not answer .*Next: see that it runs"):
                await attempt
        await seen.more(10)
        assert seen.failures == []
