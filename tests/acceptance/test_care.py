"""What is in service is started again when it died, also with the whole machine; and it is done once."""

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from bot.pages import open_page
from pipeline.errors import PipelineError
from tests.acceptance.small import prepare_small
from tests.acceptance.town import DANA, Town, open_town


def services(town: Town) -> list[psutil.Process]:
    """The product's and the routers' processes of this town, by the folder that they run in or name."""
    mine = str(town.folder / "state" / "products")
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        described = f"{process.info['cwd']} {' '.join(process.info['cmdline'] or ())}"
        if mine in described:
            found.append(process)
    return found


async def serves(town: Town, version: str) -> None:
    """Wait until production answers with this version."""
    async with asyncio.timeout(30):
        while True:
            try:
                if f'"{version}"' in await open_page(f"{town.url}/api/version"):
                    return
            except PipelineError:
                pass
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_after_a_restart_of_the_machine_production_serves_again(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town", lay=prepare_small) as town:
        before = len(services(town))
        await town.end_bot(signal.SIGKILL)
        for process in services(town):
            process.kill()
        psutil.wait_procs(services(town), timeout=5)
        await town.start_bot()
        await serves(town, "v0.1.0")
        assert len(services(town)) <= before
        await town.type(DANA, "/release", "status")
        assert "v0.1.0" in await town.told(DANA, "live in production")
