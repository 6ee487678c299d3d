"""The notes in a release's thread: how a stage went, with the few lines that matter."""

from typing import Any

from handlers.blocks import evaluations, parts, watching
from handlers.blocks.parts import Attachment, Message, Part
from handlers.text import migrations, words
from handlers.text.language import tr
from handlers.text.stages import outcome
from pipeline import playbook
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus


def note(shown: Snapshot, run: StageRun) -> Message:
    """One stage's result."""
    return _of_runs(shown, [run])


def evidence(shown: Snapshot) -> Message | None:
    """The results that people look at before they tick and approve; None when nothing was proven."""
    runs = [run for name in playbook.PROVING if (run := shown.runs.get(name))]
    proven = [run for run in runs if run.status is StageStatus.SUCCEEDED]
    return _of_runs(shown, proven) if proven else None


def _of_runs(shown: Snapshot, runs: list[StageRun]) -> Message:
    blocks = [part for run in runs for part in (_headline(run), *_evidence(run))]
    text = f"{words.title(shown.release)}: {' '.join(_in_words(run) for run in runs)}"
    files = (file for run in runs for file in _files(shown, run))
    return Message(
        parts.cut(text, parts.TEXT_LIMIT), parts.as_dicts(blocks), in_thread=True, files=tuple(files)
    )


def _headline(run: StageRun) -> Part:
    took = f" · {words.lasted((run.finished_at - run.started_at).total_seconds())}" if run.finished_at else ""
    return parts.section(f"{words.MARKS[run.status]} *{_phrase(run)}*{took}\n{outcome(run)}")


def _in_words(run: StageRun) -> str:
    said = outcome(run)
    stop = "" if said.endswith((".", "!", "?")) else "."
    return f"{_phrase(run)}: {tr(words.STAGE_STATES[run.status])}. {said}{stop}"


def _phrase(run: StageRun) -> str:
    stage = playbook.STAGES.get(run.name)
    return tr(stage.phrase) if stage else run.name


def _files(shown: Snapshot, run: StageRun) -> tuple[Attachment, ...]:
    return (*evaluations.pictures(shown, run), *watching.pictures(shown, run), *parts.logs(_failed(run)))


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
