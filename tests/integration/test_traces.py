"""Traces, as a real OTLP receiver gets them: one for each release, whatever became of bots and collectors meanwhile."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.settings import Settings, load_settings
from bot.traces import NoTraces, Traces, traces
from pipeline import retrying, turning
from pipeline.errors import ConfigError
from pipeline.redact import Redactor
from pipeline.states import ReleaseStatus
from tests.collector import Collector, open_collector
from tests.house import DANA, PATIENCE, SAM, open_house
from tests.mortal import open_mortal_house
from tests.slack_house import open_slack_house

SECRET = "s3cret-of-the-shop"


def settings(url: str, **more: object) -> Settings:
    given = {"otel_exporter_otlp_endpoint": url, "slack_bot_token": SecretStr("xoxb-1"), **more}
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]  # of either kind, as in an environment


def sending(collector: Collector, owner: str = "one") -> Traces:
    return traces(settings(collector.url), Redactor([SECRET]), owner)


async def test_a_release_is_one_trace_with_a_span_for_each_stage(tmp_path: Path) -> None:
    async with open_collector() as collector:
        sent = sending(collector)
        async with open_house(tmp_path, trace=sent) as house:
            await house.adopt()
            release = await house.start()
            shown = await house.to_end(release.id)
        await sent.stop()
    mine = [span for span in collector.spans if span.said["releasebot.release"] == release.id]
    assert len({span.trace for span in mine}) == 1
    assert len({span.trace for span in collector.spans}) == 2
    (root,) = [span for span in mine if not span.parent]
    assert (root.name, root.error, root.said["releasebot.status"]) == ("release", "", "succeeded")
    stages = {span.name: span for span in mine if span is not root}
    assert set(stages) == set(shown.runs)
    assert {span.parent for span in stages.values()} == {root.id}
    assert stages["approval"].said == {
        "releasebot.product": "shop", "releasebot.version": "v0.2.0", "releasebot.release": release.id,
        "releasebot.commit": release.commit, "releasebot.stage": "approval", "releasebot.attempt": 1,
        "releasebot.status": "succeeded", "releasebot.outcome": shown.runs["approval"].code,
    }  # fmt: skip
    assert stages["watch"].seconds == 31 * 60
    assert root.sender["service.name"] == "releasebot"
    assert root.sender["service.instance.id"] == "one"


async def test_a_failure_a_further_attempt_and_the_way_back_are_in_the_same_trace(tmp_path: Path) -> None:
    async with open_collector() as collector:
        sent = sending(collector)
        async with open_house(tmp_path, trace=sent) as house:
            await house.adopt()
            house.world.failing.add("test-unit")
            release = await house.start()
            await house.ended(release.id)
            house.world.failing.clear()
            await retrying.retry(house.service, DANA, release.id, house.click())
            await house.until(release.id, lambda shown: shown.release.status is not ReleaseStatus.FAILED)
            await house.to_end(release.id)
            house.world.pass_time(seconds=1)
            await turning.roll_back(house.service, SAM, release.id, f"slow {SECRET}", True, house.click())
            await house.until(release.id, lambda shown: shown.release.status is ReleaseStatus.ROLLED_BACK)
        await sent.stop()
    mine = [span for span in collector.spans if span.said["releasebot.release"] == release.id]
    assert len({span.trace for span in mine}) == 1
    assert len({span.id for span in mine}) == len(mine)
    endings = [(span.name, span.error) for span in mine if "releasebot.direction" in span.said]
    assert endings == [("release", "failed"), ("release", ""), ("rollback", "rolled_back: slow ***")]
    (test,) = [span for span in mine if span.name == "test" and span.said["releasebot.attempt"] == 1]
    assert (test.error, test.events) == (test.said["releasebot.outcome"], ("exception",))
    assert len([span for span in mine if not span.parent]) == 1


@pytest.mark.parametrize("last", [3, 8])
async def test_what_another_bot_goes_on_with_after_a_kill_stays_in_the_trace(
    tmp_path: Path, last: int
) -> None:
    async with open_collector() as collector:
        first, second = sending(collector, "one"), sending(collector, "two")
        async with open_mortal_house(tmp_path) as house:
            await house.adopt()
            await house.stop_engines()
            release = await house.start()
            house.trace = first
            house.start_engine("one", 1.0, last)
            async with asyncio.timeout(PATIENCE):
                await house.killed()
            house.trace = second
            house.start_engine("two", 1.0)
            await house.to_end(release.id)
        await first.stop()
        await second.stop()
    assert len({span.trace for span in collector.spans}) == 1
    assert len(set(collector.stages())) == len(collector.stages())
    senders = [span.sender["service.instance.id"] for span in collector.spans]
    assert set(senders) == ({"one", "two"} if last > 3 else {"two"})
    assert [span.parent for span in collector.spans].count("") == 1


async def test_calls_of_slack_for_a_release_are_in_its_trace(tmp_path: Path) -> None:
    async with open_collector() as collector:
        sent = sending(collector)
        async with open_slack_house(tmp_path) as house:
            house.trace = sent
            await house.restart()
            shown = await house.slack_start()
            await house.waits_for(shown.release.id, "checklist")
            await house.quiet()
        await sent.stop()
    calls = [span for span in collector.spans if span.name == "slack chat.postMessage"]
    assert calls
    assert {span.trace for span in collector.spans} == {calls[0].trace}
    assert calls[0].said == {
        "releasebot.release": shown.release.id, "slack.method": "chat.postMessage", "releasebot.outcome": "ok",
    }  # fmt: skip
    assert len({span.id for span in collector.spans}) == len(collector.spans)


@pytest.mark.parametrize("what", ["away", "refusing", "silent"])
async def test_a_dead_collector_holds_up_nothing(tmp_path: Path, what: str) -> None:
    async with open_collector() as collector:
        collector.status, collector.silent = (503 if what == "refusing" else 200), what == "silent"
        url = "http://127.0.0.1:9" if what == "away" else collector.url
        sent = traces(settings(url), str, "one")
        async with open_house(tmp_path, trace=sent) as house:
            await house.adopt()
            release = await house.start()
            shown = await house.to_end(release.id)
            assert shown.release.status is ReleaseStatus.SUCCEEDED
        begin = time.monotonic()
        await sent.stop()
        assert time.monotonic() - begin < 15
        assert collector.spans == []


async def test_that_the_collector_is_away_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_collector() as collector:
        collector.status = 400
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")  # so that there are several
        sent = sending(collector)
        with capture_logs() as logs:
            async with open_house(tmp_path, trace=sent) as house:
                await house.adopt()
                await house.to_end((await house.start()).id)
            await sent.stop()
        assert len(collector.headers) > 1
        said = [line["event"] for line in logs if line.get("url") == f"{collector.url}/v1/traces"]
        assert said == ["traces: the collector takes none; they are lost until it does"]


async def test_headers_and_where_they_go_are_the_environments(tmp_path: Path) -> None:
    async with open_collector() as collector:
        exact = settings("", otel_exporter_otlp_traces_endpoint=f"{collector.url}/v1/traces",
                         otel_exporter_otlp_headers=SecretStr("authorization=Bearer%20abc"))  # fmt: skip
        sent = traces(exact, str, "one")
        async with open_house(tmp_path, trace=sent) as house:
            await house.adopt()
        await sent.stop()
        assert collector.headers[0]["Authorization"] == "Bearer abc"
        assert collector.spans


def test_it_is_off_unless_an_endpoint_is_named() -> None:
    for off in (
        settings(""),
        settings("http://x", otel_sdk_disabled=True),
        settings("http://x", otel_traces_exporter="none"),
    ):
        assert isinstance(traces(off, str, "one"), NoTraces)
    assert settings("http://x:4318/").traces_url == "http://x:4318/v1/traces"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4317",
            "OTEL_EXPORTER_OTLP_ENDPOINT: found 'collector:4317'",
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "OTEL_EXPORTER_OTLP_PROTOCOL: found 'grpc'; input should be 'http/protobuf'",
        ),
    ],
)
def test_a_wrong_variable_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        load_settings(offline=True)


def test_without_the_extra_it_says_what_to_install() -> None:
    """In a process of its own, in which the extra's packages are not to be had."""
    program = (
        "import sys; sys.modules['opentelemetry.exporter'] = sys.modules['opentelemetry.sdk'] = None\n"
        "from bot.settings import Settings; from bot.traces import traces\n"
        "traces(Settings(_env_file=None, slack_bot_token='x', otel_exporter_otlp_endpoint='http://x'), str, 'one')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "asks for traces, and the extra otel is not installed" in ended.stderr
    assert "pip install 'releasebot[otel]'" in ended.stderr
