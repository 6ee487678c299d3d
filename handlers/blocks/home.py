"""The Home tab: what waits for the reader, what runs, what is deployed where, what was."""

from collections.abc import Sequence

from handlers.blocks import outlook, overview, parts, schedule
from handlers.blocks.approval import decision_buttons
from handlers.blocks.parts import Part
from handlers.text import ids, words
from handlers.text import metrics as figures
from handlers.text.language import tr
from pipeline.metrics import Metrics
from pipeline.models import ChecklistItem, Deployment
from pipeline.outlook import Outlook
from pipeline.overview import Standing
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE

MOST_ITEMS = 10
"""Open checklist items shown of one release; the rest is counted."""
LIMIT = 100
"""Slack's limit for the blocks of a Home tab."""

ENVIRONMENTS = {"production": "🟢", "staging": "🧪"}


def start_button() -> Part:
    button = parts.button(
        tr("Start a release…"), ids.START, "", means=tr("Start a release; opens a form"), style="primary"
    )
    return parts.actions("start", button)


def waiting(shown: Snapshot, tasks: Sequence[str]) -> list[Part]:
    """What one release wants of the reader: `tasks` are of approve, tick, decide."""
    title = words.title(shown.release)
    blocks: list[Part] = []
    if "approve" in tasks:
        blocks += [
            parts.section(words.bold(tr("Approve {title} for production?", title=title))),
            decision_buttons(shown),
        ]
    if "tick" in tasks:
        open_ = [item for item in shown.items if not item.done]
        blocks += [_item(shown, item) for item in open_[:MOST_ITEMS]]
        if len(open_) > MOST_ITEMS:
            blocks.append(parts.context(parts.and_more(len(open_) - MOST_ITEMS)))
    if "decide" in tasks:
        text = tr("{title} needs a decision", title=title)
        blocks.append(parts.section(f"🙋 {words.bold(text)}"))
    return blocks


def _item(shown: Snapshot, item: ChecklistItem) -> Part:
    title = words.safe(item.title, 150)
    tick = parts.button(
        tr("Mark done"),
        ids.TICK,
        ids.value(shown.release.id, item.id),
        means=tr("Mark done: {item}", item=item.title),
    )
    return parts.section(f"⬜ *{title}* · {words.title(shown.release)}", accessory=tick)


def product(standing: Standing, ahead: Outlook, measured: Metrics, channel: str) -> list[Part]:
    """One product: its state, its environments, what keeps releases out, what waits, its last releases, its figures."""
    name, closed = words.bold(standing.product), outlook.lines(ahead)
    if standing.current is None:
        return [*parts.lines([f"{name}\n" + tr("Nothing has been released yet."), *closed])]
    running = standing.current.release.status in ACTIVE
    rows = [
        f"{name} · <#{channel}>",
        *([overview.state(standing.current)] if running else []),
        *(_deployed(one) for one in standing.deployed),
        *closed,
    ]
    return [
        *parts.lines(rows),
        schedule.halted_actions(standing.product, ahead.wishes),
        parts.context(tr("The last releases")),
        *parts.lines(overview.rows(standing.recent)),
        parts.context(figures.short(measured)) if measured.deployments else None,
    ]


def _deployed(deployment: Deployment) -> str:
    since = words.when(deployment.at, "{date_short_pretty} {time}")
    facts = {"version": deployment.version, "time": since}
    mark = ENVIRONMENTS.get(deployment.environment, "•")
    if deployment.environment == "production":
        return f"{mark} " + tr("production: *{version}* since {time}", **facts)
    return f"{mark} " + tr("staging: *{version}* since {time}", **facts)
