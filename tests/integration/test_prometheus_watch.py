"""The watch with a real Prometheus that scrapes the example product's metrics: what is caught, and how soon."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.adapters.prometheus import PrometheusMetrics
from pipeline.adapters.scrape import ScrapedMetrics
from pipeline.errors import MetricsError
from pipeline.ports import Metrics, Series, Side
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from tests.house import House, open_house
from tests.integration.core_hub import free_port
from tests.prometheus import VERSIONS, Version, answers, product, program, prometheus
from tests.world import PLAYBOOK, World

needs_prometheus = pytest.mark.skipif(program() is None, reason="needs the program prometheus")

LIMITS = """
metrics = "/api/metrics"
[[watch.limits]]
name = "errors"
kind = "error-rate"
metric = 'core_hub_requests_total{route!~"/api/(metrics|healthz)"}'
errors = 'core_hub_requests_total{status=~"5.."}'
most = 0.05
policy = "do"
[[watch.limits]]
name = "latency"
kind = "latency"
metric = 'core_hub_request_seconds{route!~"/api/(metrics|healthz)"}'
most = 0.5
policy = "do"
[[watch.limits]]
name = "llm-cost"
kind = "cost"
metric = "core_hub_llm_cost_usd_total"
per = "core_hub_llm_seconds_count"
effect = 1.5
most = 1.0
policy = "do"
"""


class RealTime(World):
    """The world, by the real clock: Prometheus has no other."""

    def clock(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Place:
    """A house whose versions are measured for real."""

    house: House
    versions: dict[str, Version]
    began: float = 0.0

    @property
    def new(self) -> Version:
        return self.versions["v0.2.0"]

    async def to(self, stage: str) -> Snapshot:
        """A release, as far as a stage has begun."""
        release = await self.house.start()
        await self.house.to_approval(release.id)
        await self.house.approve(release.id)
        return await self.house.until(
            release.id, lambda s: stage in s.runs and bool(s.runs[stage].data.get("read"))
        )

    def breaks(self) -> None:
        """From now on it is bad."""
        self.began = time.monotonic()

    async def goes_back(self, shown: Snapshot, limit: str) -> tuple[float, float]:
        """It does, because of this limit; seconds from the cause to the verdict, and to the old version serving."""
        world = self.house.world
        found = await self.house.until(shown.release.id, lambda s: s.release.direction == "rollback")
        verdict = time.monotonic() - self.began
        await self.house.until(
            shown.release.id,
            lambda s: world.done("promote")[-1][-1] == "v0.1.0" or bool(s.release.finished_at),
        )
        served = time.monotonic() - self.began
        stage = next(run for run in found.runs.values() if run.code == "limit_broken")
        assert limit in [each["limit"] for each in stage.facts["limits"]]
        ended = await self.house.ended(shown.release.id)
        assert ended.release.status is ReleaseStatus.ROLLED_BACK
        print(f"{limit}: verdict after {verdict:.2f} s, the old version serves after {served:.2f} s")
        return verdict, served


def playbook(hold: str, every: str, duration: str) -> str:
    return (
        PLAYBOOK.replace('hold = "5m"', f'hold = "{hold}"\ninconclusive = "go-on"')
        .replace('duration = "30m"', f'duration = "{duration}"')
        .replace('every = "10m"', f'every = "{every}"{LIMITS}')
    )


@asynccontextmanager
async def place(
    folder: Path, ports: dict[str, int], metrics: Metrics, *, hold: str = "0.4s", duration: str = "2s"
) -> AsyncIterator[Place]:
    world = RealTime(playbook=playbook(hold, "0.4s", duration))
    async with product(ports) as versions, open_house(folder, world=world) as house:
        house.made = replace(house.made, metrics=metrics)
        await house.adopt()
        yield Place(house, versions)


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {version: free_port() for version in VERSIONS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), ports) as url:
        yield url


@pytest.fixture
def metrics(server: str) -> PrometheusMetrics:
    return PrometheusMetrics(server, 'version="$version"')


@needs_prometheus
async def test_a_good_release_passes(
    tmp_path: Path, ports: dict[str, int], server: str, metrics: PrometheusMetrics
) -> None:
    async with place(tmp_path, ports, metrics) as here:
        await answers(server, 'core_hub_requests_total{version="v0.2.0"}')
        shown = await here.to("watch")
        shown = await here.house.until(shown.release.id, lambda s: s.runs["watch"].status == "succeeded")
        told = {each["limit"]: each for each in shown.runs["watch"].facts["measured"]}
        assert {each["verdict"] for each in told.values()} == {"passed"}
        assert told["llm-cost"]["value"] == pytest.approx(0.0001, rel=0.01)
        assert 0.01 < told["latency"]["value"] < 0.025


@needs_prometheus
@pytest.mark.parametrize("limit", ["errors", "latency"])
async def test_errors_and_slowness_are_caught_within_two_windows(
    tmp_path: Path, ports: dict[str, int], metrics: PrometheusMetrics, limit: str
) -> None:
    async with place(tmp_path, ports, metrics, duration="60s") as here:
        shown = await here.to("watch")
        here.new.failing, here.new.seconds = limit == "errors", 0.9 if limit == "latency" else 0.02
        here.breaks()
        await here.goes_back(shown, limit)


@needs_prometheus
async def test_triple_cost_is_caught_beside_the_version_before_it(
    tmp_path: Path, ports: dict[str, int], metrics: PrometheusMetrics
) -> None:
    async with place(tmp_path, ports, metrics, hold="60s") as here:
        here.new.usd *= 3
        shown = await here.to("canary")
        here.breaks()
        await here.goes_back(shown, "llm-cost")
        assert ("promote", "production", "v0.2.0") not in here.house.world.journal


@needs_prometheus
async def test_new_critical_lines_are_caught_while_every_number_is_good(
    tmp_path: Path, ports: dict[str, int], metrics: PrometheusMetrics
) -> None:
    async with place(tmp_path, ports, metrics, duration="60s") as here:
        shown = await here.to("watch")
        here.house.world.log_lines.append("CRITICAL ledger: out of balance")
        await here.house.until(shown.release.id, lambda s: s.runs["watch"].code == "watch_critical")


@needs_prometheus
async def test_without_traffic_nothing_can_be_said(
    tmp_path: Path, ports: dict[str, int], metrics: PrometheusMetrics
) -> None:
    async with place(tmp_path, ports, metrics) as here:
        here.new.requests = 0
        shown = await here.to("watch")
        shown = await here.house.until(shown.release.id, lambda s: s.runs["watch"].code == "watch_unclear")
        assert {each["code"] for each in shown.runs["watch"].facts["limits"]} <= {"no_data", "too_few"}


@needs_prometheus
async def test_a_query_gives_one_number_or_none(server: str, metrics: PrometheusMetrics) -> None:
    await answers(server, "vector(1)")
    side = Side("v0.2.0", "green")
    wanted = {
        "one": Series("query", "scalar(vector(3))"),
        "none": Series("query", "absent(vector(1))"),
        "nan": Series("query", "vector(0) / vector(0)"),
        "several": Series("query", 'label_replace(vector(1), "a", "b", "", "") or vector(2)'),
    }
    assert await metrics.read(wanted, side) == {"one": {"": 3.0}}
    with pytest.raises(MetricsError, match="Prometheus refused nonsense\\("):
        await metrics.read({"wrong": Series("query", "nonsense(")}, side)


async def test_a_dead_prometheus_is_said_to_be_dead() -> None:
    metrics = PrometheusMetrics(f"http://127.0.0.1:{free_port()}", 'version="$version"')
    with pytest.raises(MetricsError, match="did not answer"):
        await metrics.read({"one": Series("sum", "up")}, Side("v0.2.0", "green"))


async def test_the_products_own_page_is_read_without_a_prometheus() -> None:
    port = {"v0.2.0": free_port()}
    async with product(port) as versions:
        versions["v0.2.0"].tick()
        page = f"http://127.0.0.1:{port['v0.2.0']}/api/metrics"
        wanted = {
            "all": Series("sum", "core_hub_requests_total"),
            "bad": Series("sum", 'core_hub_requests_total{status=~"5.."}'),
            "seconds": Series("buckets", "core_hub_request_seconds"),
        }
        found = await ScrapedMetrics().read(wanted, Side("v0.2.0", "green", page))
        assert sorted(found) == ["all", "seconds"]
        assert found["seconds"]["+Inf"] == found["all"][""] >= 4
        with pytest.raises(MetricsError, match="answered 404"):
            await ScrapedMetrics().read(wanted, Side("v0.2.0", "green", f"{page}/no"))
