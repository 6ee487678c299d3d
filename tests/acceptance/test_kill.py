"""kill -9 of the bot, at each stage and at each decision: the release goes on, and nothing happens twice."""

import asyncio
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bot.demo.visitors import Visitors
from pipeline import playbook
from pipeline.states import StageStatus
from tests.acceptance.small import BEGUN, GO, prepare_small
from tests.acceptance.town import DANA, LEE, PATIENCE, Town, open_town
from tests.sampling import sample

FORWARD = [stage.name for stage in playbook.RELEASE]
BEFORE = sample(("preflight", "staging", "test", "staging-checks", "checklist"), every=3)
AFTER_APPROVAL = sample(FORWARD[FORWARD.index("approval") + 1 : FORWARD.index("retire")], every=3, first=2)
BACK = sample(("switch-back", "undo-migration", "verify-back", "announce-back"), every=2)


async def kill_at(town: Town, stage: str) -> None:
    """Wait until a stage has begun, then kill the bot and start it again."""
    await town.until(lambda shown: stage in shown.runs)
    await town.kill_bot()
    await town.start_bot()


def tags(town: Town) -> list[str]:
    listed = subprocess.check_output(["git", "-C", str(town.folder / "core-hub.git"), "tag"], text=True)
    return listed.split()


def changelog(town: Town) -> str:
    shown = ["git", "-C", str(town.folder / "core-hub.git"), "show", "main:CHANGELOG.md"]
    return subprocess.check_output(shown, text=True)


def doubled(town: Town) -> list[tuple[str, str]]:
    """Messages that were posted more than once: the same release and topic in the metadata."""
    about = [
        (payload["release_id"], payload["topic"])
        for message in town.sandbox.workspace.messages
        if message.metadata and (payload := message.metadata["event_payload"])
    ]
    return [topic for topic, count in Counter(about).items() if count > 1]


@pytest.mark.slow
async def test_a_release_and_its_way_back_survive_a_kill_at_every_stage_and_decision(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town") as town, Visitors(town.url, rate=15) as visitors:
        await _release(town)
        await _roll_back(town)
        assert [version for _, version in visitors.seen][-1] == "v0.1.0"
        assert visitors.failed == []
        assert doubled(town) == []
        assert town.starts >= len([*BEFORE, *AFTER_APPROVAL, *BACK]) + 5


async def _release(town: Town) -> None:
    await town.type(DANA, "/release", "v0.2.0")
    for stage in sorted(BEFORE, key=FORWARD.index):
        await kill_at(town, stage)
    await town.tick_all(DANA, "Checklist before")
    await kill_at(town, "approval")
    await town.approve(LEE)
    await town.kill_bot()  # right after the form was acknowledged
    await town.start_bot()
    for stage in AFTER_APPROVAL:
        await kill_at(town, stage)
    await town.tick_all(DANA, "Checklist after")
    await kill_at(town, "retire")
    shown = await town.until(lambda shown: shown.release.finished_at is not None)
    await town.message("v0.2.0 is live")

    assert shown.release.status == "succeeded", shown.runs
    assert all(shown.runs[name].status in (StageStatus.SUCCEEDED, StageStatus.SKIPPED) for name in FORWARD)
    assert tags(town).count("v0.2.0") == 1
    assert changelog(town).count("[0.2.0]") >= 1
    assert changelog(town).count("## [0.2.0]") == 1


async def _roll_back(town: Town) -> None:
    """To a version that does not run any more, and with the migration undone."""
    await town.roll_back(LEE)
    await town.kill_bot()  # right after the form was acknowledged
    await town.start_bot()
    for stage in BACK:
        await kill_at(town, stage)
    shown = await town.until(lambda shown: shown.release.status == "rolled_back")
    await town.message("was rolled back")
    assert shown.runs["undo-migration"].status is StageStatus.SUCCEEDED
    assert shown.lock is not None
    assert "Trying the way back." in shown.lock.reason


@pytest.mark.slow
async def test_a_stop_is_graceful_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """SIGTERM in the middle of the tests: exit code 0, and the release is taken up again."""
    async with open_town(tmp_path / "town", lay=prepare_small) as town:
        await town.type(DANA, "/release", "v0.3.0")
        async with asyncio.timeout(PATIENCE):
            while not (town.folder / BEGUN).exists():
                await asyncio.sleep(0.1)
        assert await town.end_bot(signal.SIGTERM) == 0
        (town.folder / GO).touch()
        await town.start_bot()
        shown = await town.until(lambda shown: shown.release.finished_at is not None, "v0.3.0")
        assert shown.release.status == "failed"
        assert shown.runs["test"].code == "tests_failed"
        text = (await town.message("v0.3.0 failed before production")).text
        assert "v0.1.0" in text
        assert "v0.3.0" not in tags(town)
