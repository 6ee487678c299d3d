"""What a release would do, for the person who asks."""

from handlers.blocks import parts
from handlers.blocks.changes import listed_changes, risks
from handlers.blocks.parts import Message
from handlers.blocks.risks import sized
from handlers.text import refusals, words
from handlers.text.language import tr, trn
from handlers.text.plan import detail
from handlers.text.stages import problem
from pipeline import playbook
from pipeline.config import Product, SlackNames
from pipeline.errors import Refused
from pipeline.plan import Plan
from pipeline.standing import applying


def plan(found: Plan, product: Product, names: SlackNames) -> Message:
    """Version, commit, what stands in the way, changes, risks, and the steps."""
    title = f"{found.product} {found.version.tag}"
    count = len(found.changes.items)
    since = found.base.version if found.base else tr("nothing")
    changed = trn("{count} change since {version}", "{count} changes since {version}", count, version=since)
    obstacles = [*(_obstacle(refused, names) for refused in found.obstacles), *map(problem, found.problems)]
    state = (
        (tr("It could not start now:") if found.obstacles else tr("It would fail at once:"))
        if obstacles
        else tr("Nothing stands in its way.")
    )
    blocks = [
        parts.header("🗺️ " + tr("Plan of {title}", title=title)),
        parts.section(_found(found)),
        *parts.lines([words.bold(state), *(f"⛔ {one}" for one in obstacles)], most=4),
        parts.section(words.bold(changed)),
        listed_changes(found.changes.items, product),
        *parts.lines([words.bold(tr("Risks")), *_risks(found)], most=6),
        *parts.lines([words.bold(tr("Steps")), *_steps(found)], most=4),
        parts.context(
            tr(
                "Nothing was done. `{command} {version}` starts it.",
                command=names.release,
                version=found.version.tag,
            )
        ),
    ]
    text = f"{tr('Plan of {title}', title=title)}: {changed}. {state} {'; '.join(obstacles)}"
    return Message(parts.cut(text.strip(), parts.TEXT_LIMIT), parts.as_dicts(blocks))


def _risks(found: Plan) -> list[str]:
    extent = found.extent
    size = sized(len(extent.paths), extent.added, extent.removed)
    return risks(found.changes.items, applying(found.found.playbook, extent.paths), [f"• {size}"])


def _found(found: Plan) -> str:
    commit, by = words.short(found.found.commit), words.safe(found.found.found_by, 80)
    base = found.base.version if found.base else tr("nothing")
    return tr(
        "{base} → *{version}*, commit `{commit}` ({ref})",
        base=base,
        version=found.version.tag,
        commit=commit,
        ref=by,
    )


def _obstacle(refused: Refused, names: SlackNames) -> str:
    what, _, following = refusals.sentences(refused, names)
    return f"{what} {following}"


def _steps(found: Plan) -> list[str]:
    return [
        f"{number}. {tr(stage.phrase)}"
        + (f": {said}" if (said := detail(stage.name, found.found.playbook)) else "")
        for number, stage in enumerate(playbook.RELEASE, 1)
    ]
