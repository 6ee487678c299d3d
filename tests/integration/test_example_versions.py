"""The example product, version by version: smoke, e2e, and two versions on one database."""

import re
from pathlib import Path

import pytest

from pipeline.config import Playbook, load
from tests.integration.core_hub import Checkouts, installed, until
from tests.sampling import sample


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkouts:
    return Checkouts(tmp_path_factory.mktemp("core-hub"))


@pytest.mark.parametrize("tag", sample(["v0.1.0", "v0.2.0-rc.1", "v0.4.0-rc.1"], every=2))
async def test_every_version_passes_smoke_and_e2e_and_stops(
    tag: str, checkout: Checkouts, tmp_path: Path
) -> None:
    tree, version = checkout(tag), tag[1:].removesuffix("-rc.1")
    playbook = load(Playbook, tree / "playbook.toml")
    async with installed(tmp_path) as hub:
        address = await hub.start_all(tree, version)
        assert playbook.seed
        assert playbook.e2e
        assert (await hub.run(tree, *playbook.seed.run))[0] == 0
        await hub.run_suite(tree, playbook.smoke, address, version)
        await hub.run_suite(tree, playbook.e2e, address, version)
        async with hub.session.get(address + str(playbook.watch.dashboard)) as answer:
            page = await answer.text()
        assert [text for text in playbook.watch.dashboard_shows if text not in page] == []
        for process in hub.processes:
            process.terminate()
        assert [await process.ended() for process in hub.processes] == [0, 0, 0]
        assert not any(re.search("ERROR|CRITICAL", process.lines()) for process in hub.processes)


async def test_the_old_version_works_on_the_new_tables_and_after_the_way_back(
    checkout: Checkouts, tmp_path: Path
) -> None:
    old, new = checkout("v0.1.0"), checkout("v0.2.0-rc.1")
    smoke = load(Playbook, old / "playbook.toml").smoke
    async with installed(tmp_path) as hub:
        address = await hub.start_all(old, "0.1.0")
        await hub.migrate(new)
        await hub.run_suite(old, smoke, address, "0.1.0")
        argv = [part.replace("{output}", str(tmp_path / "report.xml")) for part in smoke.run]
        code, output = await hub.run(old, *argv, SMOKE_BASE_URL=address, EXPECT_VERSION="0.2.0")
        assert code == 1
        assert "answered by version 0.1.0, not 0.2.0" in output
        await hub.start(new, "api", "0.2.0")
        await hub.migrate(new, "downgrade", "0001")
        await hub.run_suite(old, smoke, address, "0.1.0")


async def test_what_v0_4_0_reports_only_in_production(checkout: Checkouts, tmp_path: Path) -> None:
    tree = checkout("v0.4.0-rc.1")
    playbook = load(Playbook, tree / "playbook.toml")
    async with installed(tmp_path, "production") as hub:
        address = await hub.start_all(tree, "0.4.0")
        worker = next(process for process in hub.processes if process.component == "worker")
        await hub.run_suite(tree, playbook.smoke, address, "0.4.0")

        async def critical() -> list[str]:
            return [line for line in worker.lines().splitlines() if re.search(playbook.watch.critical, line)]

        lines = await until(critical, "the worker reports missing money")
        assert re.search(
            r"CRITICAL worker 0\.4\.0 charge \d+ was sent by job \d+ and is not booked", lines[0]
        )
