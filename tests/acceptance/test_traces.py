"""Traces of the bot as a process of its own: through a kill, and what is left at SIGTERM."""

import signal
from pathlib import Path

import pytest

from pipeline.states import PASSED_STAGE, ReleaseStatus
from tests.acceptance.small import BEGUN, GO, prepare_small
from tests.acceptance.town import DANA, open_town
from tests.collector import open_collector

NEVER = "3600000"
"""Milliseconds until the SDK sends by itself."""


@pytest.mark.slow
async def test_a_release_that_was_killed_is_one_trace_and_a_stop_sends_the_rest(tmp_path: Path) -> None:
    async with open_collector() as collector, open_town(tmp_path / "town", lay=prepare_small) as town:
        town.secrets |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        assert await town.end_bot(signal.SIGTERM) == 0
        await town.start_bot()
        await town.type(DANA, "/release", "v0.3.0")
        await town.until(lambda shown: (town.folder / BEGUN).exists(), "v0.3.0")
        await collector.until(lambda one: ("preflight", 1) in one.stages())
        await town.kill_bot()
        town.secrets["OTEL_BSP_SCHEDULE_DELAY"] = NEVER
        await town.start_bot()
        (town.folder / GO).touch()
        await town.until(lambda shown: shown.release.status is ReleaseStatus.FAILED, "v0.3.0")
        shown = await town.until(
            lambda shown: all(run.status in PASSED_STAGE or run.finished_at for run in shown.runs.values()),
            "v0.3.0",
        )
        before = len(collector.spans)
        assert await town.end_bot(signal.SIGTERM) == 0
        assert len(collector.spans) > before
        mine = [span for span in collector.spans if span.said["releasebot.release"] == shown.release.id]
        assert len({span.trace for span in mine}) == 1
        (test,) = [span for span in mine if span.said.get("releasebot.stage") == "test"]
        assert test.error.startswith(shown.runs["test"].code)
        assert [span.error for span in mine if not span.parent] == ["failed"]
        assert any(span.name.startswith("slack chat.") for span in mine)
        assert len({span.sender["service.instance.id"] for span in mine}) == 2
