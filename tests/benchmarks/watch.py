"""From a ceiling that breaks in production to all traffic on the old version, as visitors see it.

The baseline of the verdict is two windows; that of the way back is a second.
"""

import time
from pathlib import Path

from aiohttp import ClientSession

from bot.demo.visitors import Visitors
from pipeline.snapshot import Snapshot
from tests.acceptance.town import DANA, LEE
from tests.benchmarks.figures import Figure, beside, median
from tests.benchmarks.places import BenchTown, open_shop
from tests.benchmarks.shop import version

REPEATS, QUICK = 5, 1
EVERY = 1.0
WATCH = f"""
[canary]
hold = "0s"
inconclusive = "go-on"
[watch]
duration = "10m"
every = "{EVERY}s"
metrics = "/metrics"
[[watch.limits]]
name = "errors"
kind = "error-rate"
metric = "requests_total"
errors = 'requests_total{{status=~"5.."}}'
most = 0.05
policy = "do"
"""
RATE = 100.0


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Releases that go wrong under about a hundred requests a second, each taken back by the bot itself."""
    repeats = QUICK if quick else REPEATS
    verdicts, backs = [], []
    async with (
        open_shop(folder / "town", repeats, WATCH) as town,
        Visitors(town.url, clients=8, rate=RATE) as visitors,
    ):
        for number in range(2, repeats + 2):
            verdict, back = await _goes_wrong(town, visitors, version(number))
            verdicts.append(verdict)
            backs.append(back)
    return [
        beside("watch: broken ceiling to verdict", median(verdicts), "s", 2 * EVERY),
        beside("watch: broken ceiling to verdict, slowest", max(verdicts), "s", 2 * EVERY),
        beside("watch: verdict to last failed request", median(backs), "s", 1.0),
        beside("watch: verdict to last failed request, slowest", max(backs), "s", 1.0),
    ]


async def _goes_wrong(town: BenchTown, visitors: Visitors, new: str) -> tuple[float, float]:
    """Seconds from the cause to the verdict, and from there to the last request that failed."""
    await town.type(DANA, "/release", new)
    await town.approve_by_command(new)
    await town.until(_is_measured, new)
    async with ClientSession() as session, session.post(f"{town.url}/break") as answer:
        assert answer.status == 200
    broke, ahead = time.monotonic(), time.time() - time.monotonic()
    shown = await town.until(lambda shown: shown.release.status == "rolled_back", new)
    run = shown.runs["watch"]
    assert (run.code, run.finished_at is None) == ("limit_broken", False), (run.code, run.facts)
    verdict = run.finished_at.timestamp() - ahead if run.finished_at else broke
    last = max((at for at, _ in visitors.failed), default=broke)
    await town.type(LEE, "/release", "unlock")
    await town.told(LEE, "is unlocked")
    return verdict - broke, max(0.0, last - verdict)


def _is_measured(shown: Snapshot) -> bool:
    """A window or two of good traffic have been seen."""
    run = shown.runs.get("watch")
    windows = run.data.get("windows", {}).get("now", {}).get("errors", ()) if run else ()
    return len(windows) >= 2
