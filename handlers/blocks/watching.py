"""What the product's numbers did: the table of before and after, the picture, and the question when a limit broke.

It goes to those who may approve, who may let it stay, and to those who may roll back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.models.blocks import ButtonElement

from handlers.blocks import parts
from handlers.blocks.card import may_go_back, roll_back_button
from handlers.blocks.changes import way_back_line
from handlers.blocks.parts import Attachment, Message, Part, Picture
from handlers.text import ids, watching, words
from handlers.text.language import measurement, tr
from handlers.text.stages import outcome
from pipeline import policy
from pipeline.config import Product
from pipeline.models import StageRun
from pipeline.proposing import is_open
from pipeline.snapshot import Snapshot

MOST_PANELS = 5
MOST_POINTS = 200
"""Of one side of a panel; between them some are left out."""


def asked(shown: Snapshot, product: Product, run: StageRun, way_on: ButtonElement) -> Message:
    """A limit broke, or nothing can be said of it: what was measured, and the ways on."""
    title, said = words.title(shown.release), outcome(run)
    deciders = [*policy.listed("approve", product), *policy.listed("rollback", product)]
    mentions = policy.mentions(tuple(dict.fromkeys(deciders)))
    blocks = [
        parts.header("🙋 " + tr("{title} needs a decision", title=title)),
        parts.section(f"{mentions}: {said}"),
        parts.actions("decision", _back(shown, run), way_on),
        parts.context(tr("Way back: {how}", how=way_back_line(shown))),
    ]
    text = tr("{title} needs a decision: {found}", title=title, found=said)
    return Message(
        parts.cut(text, parts.TEXT_LIMIT),
        parts.as_dicts(blocks),
        in_thread=True,
        broadcast=True,
        files=pictures(shown, run),
    )


def _back(shown: Snapshot, run: StageRun) -> ButtonElement | None:
    """One button where the reason is known: what broke. Else the form, which asks for it."""
    release = shown.release
    if not may_go_back(shown):
        return None
    if not is_open(run):
        return roll_back_button(release, shown)
    version, label = release.base_version, tr("Roll back now")
    return parts.button(
        label,
        ids.GO_BACK,
        ids.value(release.id, run.id),
        means=tr("Roll back to {version} because of what was measured", version=version),
        style="danger",
        confirm=parts.confirm(
            tr("Roll back to {version}?", version=version),
            tr("All traffic goes back, and production stays locked. The reason is what was measured."),
            label,
            tr("Not now"),
        ),
    )


def measured(shown: Snapshot) -> Part:
    """Before and after, as far as it is known: of the watch, else of the canary."""
    for name in ("watch", "canary"):
        run = shown.runs.get(name)
        if run and (said := watching.before_and_after(run.facts)):
            return parts.section(
                "\n".join([words.bold(tr("Measured")), *(f"• {line}" for line in said[:12])])
            )
    return None


def evidence(run: StageRun) -> list[Part]:
    """The note's lines."""
    said = watching.before_and_after(run.facts)
    said += [watching.died(run.facts["died"])] if "died" in run.facts else []
    said += [watching.lapsed(lapse) for lapse in run.facts.get("lapses", ())[-3:]]
    return [parts.section("\n".join(f"• {line}" for line in said[:20]))] if said else []


def dashboard(shown: Snapshot, product: Product, run: StageRun) -> Message | None:
    """That the dashboard does not show its metrics, and that it does again: one message of the thread, edited."""
    lapses = run.data.get("dashboard", {}).get("lapses", ())
    if not lapses:
        return None
    title, said = words.title(shown.release), watching.lapsed({**lapses[-1], "count": len(lapses)})
    items = (shown.release.playbook or {}).get("checklist", {}).get("after", ())
    if lapses[-1]["until"] is None:
        mark = "📉"
        following = tr("The watch goes on; if it is so at its end, people are asked. Next: open the page.")
    else:
        mark, following = "📈", tr("It shows them again.")
        if any(item.get("proof") == "dashboard" for item in items):
            following += " " + tr("Its item of the checklist stays open: a person looks, and ticks it.")
    text = f"{title}: {said}. {following}"
    blocks = parts.as_dicts([parts.section(f"{mark} *{title}*: {said}"), parts.context(following)])
    return Message(parts.cut(text, parts.TEXT_LIMIT), blocks, in_thread=True)


# ------------------------------------------------------------------ the picture


def pictures(shown: Snapshot, run: StageRun) -> tuple[Attachment, ...]:
    """Every limit's numbers over time: before, in the canary, since; where there are any."""
    limits = shown.release.playbook.get("watch", {}).get("limits", ()) if shown.release.playbook else ()
    panels = [panel for limit in limits if (panel := _panel(shown, limit))]
    if run.name not in ("watch", "canary") or not panels:
        return ()
    title = tr("{title}: measured", title=words.title(shown.release))
    said = {"title": title, "minutes": tr("minutes"), "before": tr("before"), "canary": tr("canary"),
            "now": tr("since"), "most": tr("ceiling"), "promoted": tr("all traffic"),
            "point": measurement(0.5)[1]}  # fmt: skip
    data = {"panels": panels[:MOST_PANELS], "zero": _zero(shown, panels), "words": said,
            "promoted": shown.promoted_at is not None}  # fmt: skip
    alt = "; ".join(watching.before_and_after(run.facts)) or outcome(run)
    return (Attachment("watch.png", title, parts.cut(alt, 1000), Picture("watch", data)),)


def _panel(shown: Snapshot, limit: Mapping[str, Any]) -> dict[str, Any] | None:
    times = 100 if limit.get("kind") == "error-rate" else 1  # shown in percent

    def points(stage: str, side: str) -> list[list[float]]:
        run = shown.runs.get(stage)
        kept = run.data.get("windows", {}).get(side, {}).get(limit.get("name"), ()) if run else ()
        found = [[each[0], each[2] * times] for each in kept if each[2] is not None]
        return found[:: max(1, -(-len(found) // MOST_POINTS))]

    lines = {
        "before": points("measure", "before") + points("canary", "before"),
        "canary": points("canary", "now"),
        "now": points("watch", "now"),
    }
    if not any(lines.values()):
        return None
    most = limit.get("most")
    return {"name": watching.panel(limit), "most": most and most * times, "lines": lines}


def _zero(shown: Snapshot, panels: Sequence[Mapping[str, Any]]) -> float:
    """When minutes begin to count: when all traffic went over, else with the newest number."""
    if shown.promoted_at is not None:
        return shown.promoted_at.timestamp()
    return max(float(point[0]) for panel in panels for line in panel["lines"].values() for point in line)
