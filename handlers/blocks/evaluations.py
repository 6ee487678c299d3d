"""An evaluation's evidence, and the question to an approver that its verdict leaves."""

from typing import Any

from handlers.blocks import parts
from handlers.blocks.parts import Attachment, Message, Part, Picture
from handlers.text import evaluations as text
from handlers.text import ids, words
from handlers.text.language import tr
from handlers.text.stages import sentence
from pipeline import policy
from pipeline.config import Product
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

MOST_BARS = 12


def evidence(run: StageRun) -> list[Part]:
    """The report: how many passed, a table of metrics, lost and failed cases by name."""
    report, version = run.facts.get("report"), run.facts.get("before", "")
    if not isinstance(report, dict):
        return []
    lines = [text.headline(report), *text.comparison(report, version)]
    lines += [text.lost(report)] if report["lost"] else []
    lines += [text.flaky(report)] if report["flaky"] else []
    lines += [text.failed(report)] if report["failed"] else []
    rows = [text.row(metric) for metric in report["metrics"]]
    return [*parts.lines(lines, most=4), parts.table(text.heading(version), rows) if rows else None]


def pictures(shown: Snapshot, run: StageRun) -> tuple[Attachment, ...]:
    """The report's picture, where it shows more than one line of the table does."""
    report = run.facts.get("report")
    if not isinstance(report, dict):
        return ()
    limited = [metric for metric in report["metrics"] if text.limit(metric) and metric["value"] is not None]
    if len(limited) < 2 and not (limited and report["times"]):
        return ()
    title = words.title(shown.release)
    data = {
        "bars": [_bar(metric) for metric in limited[:MOST_BARS]],
        "times": report["times"],
        "words": text.picture(title, run.facts.get("before", "")),
    }
    alt = parts.cut(text.alt(title, report), 1000)
    return (Attachment("evaluation.png", data["words"]["title"], alt, Picture("evaluation", data)),)


def _bar(metric: dict[str, Any]) -> dict[str, Any]:
    """A metric as a share of its limit. With two limits, of the lower one; a limit of zero is one of its own."""
    limit = metric["least"] if metric["least"] is not None else metric["most"]

    def share(value: float | None) -> float | None:
        return None if value is None else max(0.0, value / limit if limit else 1.0 + value)

    return {
        "name": parts.cut(metric["name"], 30),
        "share": share(metric["value"]),
        "before": share(metric["before"]),
        "good": text.is_met(metric),
        "value": parts.cut(f"{text.number(metric['value'])} ({text.limit(metric)})", 40),
    }


def asked(shown: Snapshot, product: Product, run: StageRun) -> Message:
    """The question to an approver: what was found, and the ways on."""
    title, said = words.title(shown.release), sentence(run.code, run.facts)
    value, busy = ids.value(shown.release.id, run.id), run.status is StageStatus.RUNNING
    mentions = policy.mentions(policy.listed("approve", product))
    tail = run.facts.get("tail")
    blocks = [
        parts.header("🙋 " + tr("{title} needs a decision", title=title)),
        parts.section(f"{mentions}: {said}"),
        *evidence(run),
        parts.tail(run.facts["name"], tail) if tail else None,
        parts.section("⏳ " + tr(text.BUSY))
        if busy
        else parts.actions(
            "overrule",
            parts.button(tr(text.AGAIN), ids.AGAIN, value, means=tr("Run the evaluation again")),
            parts.button(
                tr(text.OVERRULE),
                ids.OVERRULE,
                value,
                means=tr("Overrule the evaluation of {title}; asks why", title=title),
            ),
        ),
        parts.context(tr(text.UNTOUCHED)),
    ]
    return Message(
        parts.cut(tr("{title} needs a decision: {found}", title=title, found=said), parts.TEXT_LIMIT),
        parts.as_dicts(blocks),
        in_thread=True,
        broadcast=True,
        files=(*pictures(shown, run), *parts.logs([run.facts])),
    )
