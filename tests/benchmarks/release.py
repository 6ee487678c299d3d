"""How much longer a release takes than what its playbook prescribes: the real product, the real bot.

Prescribed are the playbook's commands, the start of its services until they are healthy, the canary's hold
and the watch: what nobody could leave out. The rest is the bot's own: asking where a database stands, git,
looking at processes, writing down. The time in which people are asked is in neither.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.demo.house import PRODUCT
from bot.demo.visitors import Visitors
from pipeline import playbook
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from tests.acceptance.town import DANA
from tests.benchmarks.figures import Figure, alone, beside
from tests.benchmarks.places import BenchTown, open_core_hub

VERSION = "v0.2.0"
HOLD, WATCH = 4.0, 8.0
QUICK_HOLD, QUICK_WATCH = 1.0, 4.0
TOLD, AIM = ("chat.postMessage", "chat.update", "chat.postEphemeral"), 25
"""Calls that people see, and how many of them a plain release should need."""
PEOPLES = frozenset({"checklist", "approval", "after"})
"""Stages whose time is that of the people who are asked."""
COMMANDS = {
    "test": r"test-.*",
    "build": r"build .*",
    "evaluation": r"evaluation",
    "staging": r"migrations upgrade|seed",
    "staging-checks": r"staging-(smoke|e2e)",
    "migrate": r"migrations upgrade",
    "canary": r"canary-smoke",
    "verify": r"production-smoke",
}
"""The prescribed commands of each stage, by their names in the bot's log."""
SIDE_BY_SIDE = frozenset({"test", "build"})
SERVES = {"staging": "staging", "canary": "production"}
"""Stages that start services, and where."""


@dataclass(frozen=True)
class Spell:
    """Something that took `seconds` and ended at a time."""

    name: str
    seconds: float
    ended: datetime


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """One release of the example product, whole and stage by stage, beside what it prescribes."""
    hold, watch = (QUICK_HOLD, QUICK_WATCH) if quick else (HOLD, WATCH)
    async with (
        open_core_hub(folder / "town", canary=hold, watch=watch) as town,
        Visitors(town.url, clients=2, rate=20),
    ):
        typed = datetime.now(UTC)
        town.sandbox.core.journal.clear()
        shown = await _release(town)
        calls = await _calls(town)
        prescribed = _prescribed(shown, _commands(town), _starts(town, shown.release.id), hold, watch)
    ended = shown.release.finished_at or typed
    peoples = sum(_seconds(run) for name, run in shown.runs.items() if name in PEOPLES)
    whole = (ended - typed).total_seconds() - peoples
    stages = [run for run in shown.runs.values() if run.name not in PEOPLES]
    return [
        beside("release, beside its commands' critical path", whole, "s", longest(prescribed)),
        beside("release: messages and edits, beside the aim", sum(calls[one] for one in TOLD), "calls", AIM),
        alone("release: calls of Slack in all", sum(calls.values()), "calls"),
        *(
            beside(f"release: {run.name}", _seconds(run), "s", prescribed.get(run.name, 0.0))
            for run in stages
        ),
    ]


async def _calls(town: BenchTown) -> Counter[str]:
    """The calls of Slack by their method, when everything has been told."""
    await town.message(f"Release core-hub {VERSION} — live in production")
    return Counter(call.method for call in town.sandbox.calls)


async def _release(town: BenchTown) -> Snapshot:
    await town.type(DANA, "/release", VERSION)
    await town.tick_all(DANA, "Checklist before")
    await town.approve_by_command(VERSION)
    await town.tick_all(DANA, "Checklist after")
    shown = await town.until(lambda shown: shown.release.finished_at is not None, VERSION)
    if shown.release.status != "succeeded":
        raise RuntimeError(f"the release ended as {shown.release.status}; it cannot be measured")
    return shown


# ------------------------------------------------------------- what was done


def _commands(town: BenchTown) -> list[Spell]:
    told = [entry for entry in town.told_by_log() if entry["event"] == "command: ended"]
    return [
        Spell(entry["command"], entry["seconds"], datetime.fromisoformat(entry["timestamp"]))
        for entry in told
    ]


def _starts(town: BenchTown, release_id: str) -> dict[str, float]:
    """Seconds from the start of the release's services until all were healthy, by environment."""
    found: dict[str, float] = {}
    for where in SERVES.values():
        log = town.folder / "state" / "products" / PRODUCT / where / "operations.jsonl"
        steps = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        at = {
            step["when"]: datetime.fromisoformat(step["at"])
            for step in reversed(steps)  # the first start is kept; later ones only look
            if step["step"] == "serve" and step.get("release") == release_id
        }
        found[where] = (at["after"] - at["before"]).total_seconds()
    return found


def _prescribed(
    shown: Snapshot, commands: Iterable[Spell], starts: Mapping[str, float], hold: float, watch: float
) -> dict[str, float]:
    """Seconds that each stage must take."""
    spells = list(commands)
    found = {stage: _by_commands(shown.runs[stage], spells) for stage in COMMANDS}
    for stage, where in SERVES.items():
        found[stage] += starts[where]
    found["canary"] += hold
    found["watch"] = max(0.0, watch - found["verify"])  # it counts from the promotion
    return found


def _by_commands(run: StageRun, spells: Iterable[Spell]) -> float:
    ended = run.finished_at or run.started_at
    mine = [
        spell
        for spell in spells
        if run.started_at <= spell.ended <= ended and re.fullmatch(COMMANDS[run.name], spell.name)
    ]
    if run.name not in SIDE_BY_SIDE:
        return sum(spell.seconds for spell in mine)
    rows: dict[str, float] = defaultdict(float)
    for spell in mine:
        rows[spell.name.partition(" (")[0]] += spell.seconds
    return max(rows.values(), default=0.0)


def _seconds(run: StageRun) -> float:
    return ((run.finished_at or run.started_at) - run.started_at).total_seconds()


def longest(weights: Mapping[str, float]) -> float:
    """The critical path: the longest way through the playbook's stages, each with its weight."""
    reached: dict[str, float] = {}
    for stage in playbook.RELEASE:
        begins = max((reached[need] for need in stage.needs), default=0.0)
        reached[stage.name] = begins + weights.get(stage.name, 0.0)
    return max(reached.values())
