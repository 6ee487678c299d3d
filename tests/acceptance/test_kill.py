"""kill -9 of the bot, at each stage and at each decision: the release goes on, and nothing happens twice."""

import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bot.demo.visitors import Visitors
from pipeline import playbook
from pipeline.states import StageStatus
from tests.acceptance.town import DANA, LEE, Town, open_town

FORWARD = [stage.name for stage in playbook.RELEASE]


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
async def test_a_release_survives_a_kill_at_every_stage_and_decision(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town") as town, Visitors(town.url, rate=50) as visitors:
        await town.type(DANA, "/release", "v0.2.0")
        for stage in ("preflight", "test", "staging", "staging-checks", "checklist"):
            await kill_at(town, stage)
        await town.tick_all(DANA, "Checklist before")
        await kill_at(town, "approval")
        await town.approve(LEE)
        await town.kill_bot()  # right after the form was acknowledged
        await town.start_bot()
        for stage in (
            "backup",
            "migrate",
            "canary",
            "promote",
            "verify",
            "publish",
            "announce",
            "watch",
            "after",
        ):
            await kill_at(town, stage)
        await town.tick_all(DANA, "Checklist after")
        await kill_at(town, "retire")
        shown = await town.until(lambda shown: shown.release.finished_at is not None)
        await town.message("v0.2.0 is live")

        assert shown.release.status == "succeeded", shown.runs
        assert all(
            shown.runs[name].status in (StageStatus.SUCCEEDED, StageStatus.SKIPPED) for name in FORWARD
        )
        assert tags(town).count("v0.2.0") == 1
        assert changelog(town).count("[0.2.0]") >= 1
        assert changelog(town).count("## [0.2.0]") == 1
        assert doubled(town) == []
        assert visitors.failed == []
        assert town.starts > 15


@pytest.mark.slow
async def test_a_rollback_survives_a_kill_at_every_stage(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town", watch=600) as town, Visitors(town.url, rate=50) as visitors:
        await town.type(DANA, "/release", "v0.2.0")
        await town.message("Checklist before")
        await town.tick_all(DANA, "Checklist before")
        await town.approve(LEE)
        await town.until(lambda shown: "watch" in shown.runs and "announce" in shown.runs)
        await town.roll_back(LEE)
        await town.kill_bot()  # right after the form was acknowledged
        await town.start_bot()
        for stage in ("switch-back", "undo-migration", "verify-back", "announce-back"):
            await kill_at(town, stage)
        shown = await town.until(lambda shown: shown.release.finished_at is not None)
        await town.message("was rolled back")

        assert shown.release.status == "rolled_back", shown.runs
        assert shown.lock is not None
        assert "Trying the way back." in shown.lock.reason
        assert [version for _, version in visitors.seen][-1] == "v0.1.0"
        assert doubled(town) == []
        assert visitors.failed == []


@pytest.mark.slow
async def test_a_stop_is_graceful_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """SIGTERM in the middle of the tests: exit code 0, and the release is taken up again."""

    async with open_town(tmp_path / "town") as town:
        await town.type(DANA, "/release", "v0.3.0")
        await town.until(lambda shown: "test" in shown.runs, "v0.3.0")
        assert await town.end_bot(signal.SIGTERM) == 0
        await town.start_bot()
        shown = await town.until(lambda shown: shown.release.finished_at is not None, "v0.3.0")
        assert shown.release.status == "failed"
        assert shown.runs["evaluation"].code == "evaluation_failed"
        text = (await town.message("v0.3.0 failed before production")).text
        assert "v0.1.0" in text
        assert "v0.3.0" not in tags(town)
