"""How long a person waits until a command or a click is acknowledged, beside a Bolt app that does nothing.

The bot stores a request before it acknowledges it, so that its floor is the bare app plus one commit.
All three are measured in turn, sample by sample, so that a busy machine is busy for all of them.
"""

from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.delivery import Delivered
from handlers.text import ids
from tests.acceptance.town import CHANNEL, DANA, GUEST
from tests.benchmarks.bare import ACTION
from tests.benchmarks.commits import Commits
from tests.benchmarks.figures import Figure, alone, median, p99, spread
from tests.benchmarks.places import PATIENCE, BareApp, BenchTown, bare_app, open_shop
from tests.benchmarks.shop import version

SAMPLES, QUICK = 250, 20
WARM_UP = 5
REQUEST_BYTES = 500
"""About what a stored request has."""


@dataclass
class Samples:
    """Milliseconds, sample by sample."""

    command: list[float] = field(default_factory=list)
    bare_command: list[float] = field(default_factory=list)
    click: list[float] = field(default_factory=list)
    bare_click: list[float] = field(default_factory=list)
    commit: list[float] = field(default_factory=list)


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Acknowledgements of `/release` and of a button, through Socket Mode on the loopback."""
    commits = Commits(folder / "commits.db")
    try:
        async with open_shop(folder / "town", 1) as town, bare_app(folder / "bare.log") as bare:
            await town.to_after(version(2))
            await _warm_up(town, bare, commits)
            taken = await _take(town, bare, commits, QUICK if quick else SAMPLES)
    finally:
        commits.close()
    return _figures(taken)


async def _warm_up(town: BenchTown, bare: BareApp, commits: Commits) -> None:
    await _take(town, bare, commits, WARM_UP)


async def _take(town: BenchTown, bare: BareApp, commits: Commits, number: int) -> Samples:
    taken = Samples()
    ticking = await town.message("Checklist after")
    for _ in range(number):
        taken.command.append(await _refused_release(town))
        command = await bare.sandbox.command(DANA, CHANNEL, "/release", version(2))
        taken.bare_command.append(_ms(command))
        taken.click.append(await _refused_click(town, ticking.ts))
        click = await bare.sandbox.click(GUEST, CHANNEL, bare.button, ACTION)
        taken.bare_click.append(_ms(click))
        taken.commit.append(commits.one(1, REQUEST_BYTES))
    return taken


async def _refused_release(town: BenchTown) -> float:
    """A whole `/release`: stored, acknowledged, the repository is asked; refused, as one runs already."""
    answers = len(town.sandbox.ephemerals(DANA))
    delivered = await town.sandbox.command(DANA, CHANNEL, "/release", version(2))
    await town.sandbox.wait_for(lambda: len(town.sandbox.ephemerals(DANA)) > answers, PATIENCE)
    return _ms(delivered)


async def _refused_click(town: BenchTown, message: str) -> float:
    """A click that is stored, acknowledged and refused, so that the button stays for the next one."""
    answers = len(town.sandbox.ephemerals(GUEST))
    delivered = await town.sandbox.click(GUEST, CHANNEL, message, ids.TICK)
    await town.sandbox.wait_for(lambda: len(town.sandbox.ephemerals(GUEST)) > answers, PATIENCE)
    return _ms(delivered)


def _ms(delivered: Delivered) -> float:
    if not delivered.acked:
        raise RuntimeError(f"not acknowledged: {delivered.error}")
    return delivered.latency_ms


def _figures(taken: Samples) -> list[Figure]:
    floors = {
        "/release": [bare + commit for bare, commit in zip(taken.bare_command, taken.commit, strict=True)],
        "a button": [bare + commit for bare, commit in zip(taken.bare_click, taken.commit, strict=True)],
    }
    bares = taken.bare_command + taken.bare_click
    return [
        *spread("ack of /release, beside bare Bolt + 1 commit", taken.command, "ms", floors["/release"]),
        *spread("ack of a button, beside bare Bolt + 1 commit", taken.click, "ms", floors["a button"]),
        alone("ack of bare Bolt, p50", median(bares), "ms"),
        alone("ack of bare Bolt, p99", p99(bares), "ms"),
        alone("one commit, p50", median(taken.commit), "ms"),
        alone("one commit, p99", p99(taken.commit), "ms"),
    ]
