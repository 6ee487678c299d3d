"""The notes in a release's thread: how a stage went, with the few lines that matter."""

from handlers.blocks import parts
from handlers.blocks.parts import Message, Part
from handlers.text import words
from handlers.text.language import tr
from handlers.text.stages import outcome
from pipeline import playbook
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot

MOST_LINES = 12


def note(shown: Snapshot, run: StageRun) -> Message:
    """One stage's result."""
    stage = playbook.STAGES.get(run.name)
    phrase = tr(stage.phrase) if stage else run.name
    took = f" · {words.lasted((run.finished_at - run.started_at).total_seconds())}" if run.finished_at else ""
    mark, said = words.MARKS[run.status], outcome(run)
    blocks = [parts.section(f"{mark} *{phrase}*{took}\n{said}"), *_evidence(run)]
    text = f"{words.title(shown.release)}: {phrase}: {tr(words.STAGE_STATES[run.status])}. {said}"
    return Message(parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks), in_thread=True)


def _evidence(run: StageRun) -> list[Part]:
    """Last lines of what failed, lost cases by name, and the evaluation's table."""
    facts = run.facts
    failed = facts.get("failed", [facts] if facts.get("tail") else [])
    shown = [_tail(each["name"], each["tail"]) for each in failed[:3]]
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


def _tail(name: str, tail: list[str]) -> Part:
    lines = [words.safe(line, 180) for line in tail[-MOST_LINES:]]
    return parts.fenced(lines, f"`{words.safe(name, 60)}`\n")
