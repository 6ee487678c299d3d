"""The notes in a release's thread: how a stage went, with the few lines that matter."""

from typing import Any

from handlers.blocks import evaluations, parts, watching
from handlers.blocks.parts import Message, Part
from handlers.text import migrations, words
from handlers.text.language import tr
from handlers.text.stages import outcome
from pipeline import playbook
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot


def note(shown: Snapshot, run: StageRun) -> Message:
    """One stage's result."""
    stage = playbook.STAGES.get(run.name)
    phrase = tr(stage.phrase) if stage else run.name
    took = f" · {words.lasted((run.finished_at - run.started_at).total_seconds())}" if run.finished_at else ""
    mark, said = words.MARKS[run.status], outcome(run)
    blocks = [parts.section(f"{mark} *{phrase}*{took}\n{said}"), *_evidence(run)]
    state = tr(words.STAGE_STATES[run.status])
    text = f"{words.title(shown.release)}: {phrase}: {state}. {said}"
    files = (*evaluations.pictures(shown, run), *watching.pictures(shown, run), *parts.logs(_failed(run)))
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks), in_thread=True, files=files)


def log(shown: Snapshot, rest: str) -> Message:
    """The output of a command, for whoever asked: `rest` is their user, a moment, and its name."""
    by, _, name = rest.split(":", 2)
    said = tr("{who} asked for the output of `{name}`.", who=words.person(by), name=name)
    text = f"{words.title(shown.release)}: {said}"
    files = parts.logs([{"name": name, "log": f"logs/{name}.log"}])
    blocks = parts.as_dicts([parts.context(f"📄 {said}")])
    return Message(text, blocks, in_thread=True, files=files)


def _failed(run: StageRun) -> list[dict[str, Any]]:
    """The commands that failed, with their last lines."""
    facts = run.facts
    failed: list[dict[str, Any]] = facts.get("failed", [facts] if facts.get("tail") else [])
    return failed[:3]


def _evidence(run: StageRun) -> list[Part]:
    """Last lines of what failed, and the evaluation's report."""
    shown: list[Part] = [parts.tail(each["name"], each["tail"]) for each in _failed(run)]
    if migrated := migrations.details(run.facts):
        return [*shown, *parts.lines(migrated, most=6)]
    return [*shown, *watching.evidence(run), *(_older(run.facts) or evaluations.evidence(run))]


def _older(facts: dict[str, Any]) -> list[Part]:
    """The report of an evaluation as an earlier version of the bot kept it: words."""
    shown: list[Part] = []
    if isinstance(facts.get("report"), dict):
        return shown
    if facts.get("lost"):
        shown.append(
            parts.section(
                "\n".join(
                    [words.bold(tr("Lost cases")), *(f"• `{words.safe(c, 80)}`" for c in facts["lost"][:20])]
                )
            )
        )
    if facts.get("report"):
        shown += parts.lines(
            [words.bold(tr("Measured")), *(f"• {words.safe(line, 300)}" for line in facts["report"][:25])]
        )
    return [*shown]
