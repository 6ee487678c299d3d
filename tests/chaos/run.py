"""One seed: a town, its people's stories, the weather, and the judgement."""

import asyncio
import random
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox.delivery import Courier
from pipeline import audit_reading
from pipeline.chain import Chain, Seal
from pipeline.store import Database
from tests.chaos.checker import journal_of, judge
from tests.chaos.crew import Crew, LostError
from tests.chaos.outside_ports import VERSIONS, tag_of
from tests.chaos.stories import FORWARD, Story, Told, leave, play
from tests.chaos.town import Town, open_town
from tests.chaos.weather import Gusts, Weather

DRAINING = 90.0
"""Seconds until every message must have been sent."""


@dataclass(frozen=True)
class Plan:
    """What to play. `bots` are the replicas (one on SQLite); a seed gives the same stories and events again.

    `least` releases of each product are played: the second proves that the first left no lock.
    """

    seed: int
    database: str
    url: str
    folder: Path
    products: int
    bots: int
    kills: int
    least: int = 2


@dataclass
class Report:
    """What came of it."""

    plan: Plan
    findings: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    stories: Counter[str] = field(default_factory=Counter)
    takeovers: list[float] = field(default_factory=list)
    handovers: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def releases(self) -> int:
        return sum(self.stories.values())

    def as_dict(self) -> dict[str, Any]:
        """For build/chaos.json. Times are in seconds."""
        return {
            "seed": self.plan.seed, "database": self.plan.database, "bots": self.plan.bots,
            "products": self.plan.products, "releases": self.releases, "seconds": round(self.seconds, 1),
            "happened": dict(self.happened), "stories": dict(self.stories), "findings": self.findings,
            "takeover_after_kill": spread(self.takeovers), "takeover_after_sigterm": spread(self.handovers),
        }  # fmt: skip

    def line(self) -> str:
        """One line for people."""
        did = ", ".join(f"{count} {name}" for name, count in sorted(self.happened.items()))
        kill, term = spread(self.takeovers), spread(self.handovers)
        return (
            f"seed {self.plan.seed} on {self.plan.database}, {self.plan.bots} bot(s): {self.releases} releases in"
            f" {self.seconds:.0f} s; {did}; taken over after a kill p50 {kill['p50']} s, max {kill['max']} s;"
            f" after SIGTERM p50 {term['p50']} s, max {term['max']} s; findings: {len(self.findings)}"
        )


def spread(times: list[float]) -> dict[str, float | int | None]:
    if not times:
        return {"count": 0, "p50": None, "max": None}
    return {
        "count": len(times),
        "p50": round(statistics.median(times), 2),
        "max": round(max(times), 2),
    }


async def play_seed(plan: Plan) -> Report:
    """Play a seed to its end and judge it."""
    report, dice = Report(plan), random.Random(plan.seed)
    began = asyncio.get_running_loop().time()
    async with open_town(plan.folder, plan.url, plan.products, plan.bots, dice) as town:
        gusts = Gusts(town.sandbox.socket, random.Random(dice.random()))
        town.sandbox.courier = Courier(town.sandbox.core, gusts)
        weather = Weather(town, random.Random(dice.random()), plan.kills)
        firsts = [s for _ in range(0, plan.products, len(Story)) for s in dice.sample([*Story], len(Story))]
        blowing = asyncio.create_task(weather.blow())
        played = await asyncio.gather(
            *(_live(crew, weather, first, report) for crew, first in zip(town.crews, firsts, strict=False))
        )
        await blowing
        await gusts.close()
        await _judge(town, played, report)
        report.happened = weather.happened + Counter({"doubled delivery": gusts.doubled})
        report.happened["unacknowledged"] = sum(crew.unacked for crew in town.crews)
        report.happened["late command"] = sum(crew.ghosts for crew in town.crews)
        report.findings += await audited(town.db)
        report.takeovers, report.handovers = weather.takeovers, weather.handovers
        report.findings += weather.findings
    report.findings += town.broken
    report.seconds = asyncio.get_running_loop().time() - began
    return report


async def _live(crew: Crew, weather: Weather, first: Story, report: Report) -> list[Told]:
    """One release after another, as long as the weather blows; in the end nothing may be locked."""
    played: list[Told] = []
    try:
        while len(played) < report.plan.least or (weather.blowing and len(played) + 1 < VERSIONS):
            played.append(_next(crew, first, played))
            await play(crew, played[-1])
            report.stories[played[-1].story] += 1
        await leave(crew)
    except LostError as lost:
        report.findings.append(f"{lost} (story: {played[-1].story})")
        report.details += [*journal_of(crew.outside, played[-1])[-30:], *_seen(crew)]
    return played


async def audited(db: Database) -> list[str]:
    """Whatever happened to those who wrote it, the audit log is whole."""
    found = [
        (extent.product, await audit_reading.verify(db, extent, Chain(Seal())))
        for extent in await audit_reading.extents(db)
    ]
    return [f"the audit log of {product} is broken: {broken}" for product, broken in found if broken]


def _next(crew: Crew, first: Story, played: list[Told]) -> Told:
    """The next release: its version, the one that is live before it, and its story."""
    version = tag_of(len(played) + 2)
    if not played:
        return Told(crew.product, version, tag_of(1), first)
    last = played[-1]
    before = last.version if last.story in FORWARD else last.before
    return Told(crew.product, version, before, crew.dice.choice([*Story]))


def _seen(crew: Crew) -> list[str]:
    shown = [f"  {message.ts} {message.text[:150]}" for message in crew.board.messages(crew.channel)[-8:]]
    return [f"{crew.product}:", *shown, *(f"  told: {answer[:200]}" for answer in crew.answers[-3:])]


async def _judge(town: Town, played: list[list[Told]], report: Report) -> None:
    end = asyncio.get_running_loop().time() + DRAINING
    while (left := await town.unsent()) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.2)
    report.findings += left
    for crew, releases in zip(town.crews, played, strict=True):
        found = list(judge(crew, releases))
        report.findings += found
        if found:
            report.details += [line for told in releases for line in journal_of(crew.outside, told)]
