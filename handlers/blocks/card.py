"""The one message of a release: what state it is in, which steps are done, and the few buttons that matter."""

from slack_sdk.models.blocks import ButtonElement, SectionBlock

from handlers.blocks import parts
from handlers.blocks.parts import Message
from handlers.text import ids, words
from handlers.text.language import tr, trn
from handlers.text.stages import outcome
from pipeline.config import Product
from pipeline.models import Release
from pipeline.snapshot import Snapshot, Step
from pipeline.states import PASSED_STAGE, ReleaseStatus, StageStatus

_NOW = frozenset({StageStatus.FAILED, StageStatus.WAITING})
"""What a reader must know at once: it is said in the notification too."""

_TALKATIVE = _NOW | {StageStatus.SKIPPED}
"""Steps that say how they are doing on the card itself; the others' details are in the thread."""

_SHARED = frozenset(
    {
        "canary_holding",
        "canary_asks",
        "canary_paused",
        "canary_frozen",
        "canary_locked_out",
        "canary_passed",
        "canary_overruled",
        "canary_unclear",
        "new_errors",
        "limit_proposed",
    }
)
_WITH_TRAFFIC = frozenset({StageStatus.WAITING, StageStatus.RUNNING, StageStatus.SUCCEEDED})
"""What a canary says, and how it stands, while it has its share of the traffic: until everybody is moved."""

_ENDED = frozenset(
    {ReleaseStatus.SUCCEEDED, ReleaseStatus.FAILED, ReleaseStatus.CANCELLED, ReleaseStatus.ROLLED_BACK}
)


def card(shown: Snapshot, product: Product) -> Message:
    """Render the release's message."""
    release = shown.release
    mark, state = words.state(release.status)
    progress = "" if release.status in _ENDED else f" ({_position(shown)})"
    headline = f"{words.title(release)} — {state}{progress}"
    hotfix = words.hotfix(release)
    blocks = [
        parts.header(f"{mark} {headline}"),
        parts.section(hotfix) if hotfix else None,
        _facts(shown, product),
        *parts.lines(_steps(shown)),
        parts.actions("act", *_buttons(shown, product)),
        parts.context(_footer(release)),
    ]
    return Message(_text(shown, headline), parts.as_dicts(blocks))


def _position(shown: Snapshot) -> str:
    return tr("step {step} of {steps}", step=min(shown.done + 1, len(shown.steps)), steps=len(shown.steps))


def _text(shown: Snapshot, headline: str) -> str:
    by = words.person(shown.release.requested_by)
    current = "; ".join(
        f"{tr(step.phrase)}: {said}"
        for step in shown.steps
        if step.run and step.status in _NOW and (said := outcome(step.run))
    )
    text = tr("Release {headline}. Started by {by}.", headline=headline, by=by)
    return parts.cut(f"{text} {current}".strip(), parts.TEXT_LIMIT)


def _facts(shown: Snapshot, product: Product) -> SectionBlock:
    release = shown.release
    came_from = f"{release.base_version} → " if release.base_version else tr("first release:") + " "
    at = words.when(release.created_at, "{date_short_pretty} {time}")
    return parts.facts(
        {
            tr("Version"): f"{came_from}*{release.version}* (`{words.short(release.commit)}`)",
            tr("Where"): tr("production · {url}", url=product.environments.production.url),
            tr("Started"): tr("{time} by {who}", time=at, who=words.person(release.requested_by)),
            tr("Traffic"): traffic(shown),
        }
    )


def traffic(shown: Snapshot) -> str:
    """Which version the users get, as far as the stages tell."""
    release, old = shown.release, shown.release.base_version or tr("nothing")
    if has_switched_back(shown):
        return tr("{share} % on {version}", share=100, version=old)
    if shown.promoted_at is not None:
        return tr("{share} % on {version}", share=100, version=release.version)
    canary = shown.runs.get("canary")
    if canary and canary.code in _SHARED and canary.status in _WITH_TRAFFIC:
        share = canary.facts["share"]
        mine = tr("{share} % on {version}", share=share, version=release.version)
        return f"{mine}, " + tr("{share} % on {version}", share=100 - share, version=old)
    return tr("{share} % on {version}", share=100, version=old) if release.base_version else tr("none yet")


def has_switched_back(shown: Snapshot) -> bool:
    """Whether production serves the previous version again."""
    run = shown.runs.get("switch-back")
    passed = run is not None and run.status is StageStatus.SUCCEEDED
    return passed or shown.release.status is ReleaseStatus.ROLLED_BACK


def _steps(shown: Snapshot) -> list[str]:
    here = [_row(step) for step in shown.steps]
    why = (
        [words.bold(tr("Why")) + f" {words.safe(shown.release.reason, 300)}"] if shown.release.reason else []
    )
    begun = [step for step in shown.release_steps if step.run]
    match shown.release.direction:
        case "rollback":
            back, before = tr("The way back"), tr("Before it")
            return [*why, f"*{back}*", *here, f"*{before}*", *_summary(begun)]
        case "clean-up":
            return [*why, *[_row(step) for step in begun], words.bold(tr("Cleaning up")), *here]
    return here


def _summary(begun: list[Step]) -> list[str]:
    """At night what went well is a number; what did not is named."""
    done = sum(step.status in PASSED_STAGE for step in begun)
    return [
        "✅ " + trn("{count} step of the release", "{count} steps of the release", done),
        *(_row(step) for step in begun if step.status not in PASSED_STAGE),
    ]


def _row(step: Step) -> str:
    active = step.status in (StageStatus.RUNNING, StageStatus.WAITING)
    phrase = words.bold(tr(step.phrase)) if active else tr(step.phrase)
    detail = _detail(step)
    attempt = step.run.generation if step.run else 1
    again = " · " + tr("attempt {number}", number=attempt) if attempt > 1 else ""
    return f"{_mark(step)} {phrase}{again}{_took(step)}" + (f" — {detail}" if detail else "")


def _mark(step: Step) -> str:
    """Waiting for a time to come needs nobody: only what asks people has the raised hand."""
    timed = step.run is not None and step.run.due_at is not None and "asks" not in step.run.data
    waits = step.status is StageStatus.WAITING
    return words.MARKS[StageStatus.RUNNING if waits and timed else step.status]


def _detail(step: Step) -> str:
    if step.status is StageStatus.CANCELLED:
        return tr("stopped")
    return outcome(step.run) if step.run and step.status in _TALKATIVE else ""


def _took(step: Step) -> str:
    if step.run is None or step.run.finished_at is None or step.status is StageStatus.SKIPPED:
        return ""
    seconds = (step.run.finished_at - step.run.started_at).total_seconds()
    return f" · {words.lasted(seconds)}" if seconds >= 1 else ""


def _buttons(shown: Snapshot, product: Product) -> list[ButtonElement | None]:
    release = shown.release
    return [
        roll_back_button(release, shown) if may_go_back(shown) else _abort(release),
        retry_button(release) or _pause_button(shown),
        changes_link(release, product),
        parts.link(
            tr("Open the site"),
            ids.SITE_LINK,
            product.environments.production.url,
            tr("Open the product in production"),
        ),
    ]


def may_go_back(shown: Snapshot) -> bool:
    """Whether the way back is open: production was touched, there is a version before, nobody goes already."""
    release = shown.release
    open_ = (ReleaseStatus.RUNNING, ReleaseStatus.WAITING, ReleaseStatus.SUCCEEDED, ReleaseStatus.FAILED)
    free = release.status in open_ and not release.turn_to
    return free and release.production_touched and release.base_version is not None


def roll_back_button(release: Release, shown: Snapshot) -> ButtonElement:
    return parts.button(
        tr("Try the way back again…") if release.status is ReleaseStatus.FAILED else tr("Roll back…"),
        ids.ROLLBACK,
        ids.value(release.id),
        means=tr("Roll back to {version}; opens a form", version=release.base_version),
        style="danger",
    )


def retry_button(release: Release) -> ButtonElement | None:
    """For a release that failed before production."""
    if release.status is not ReleaseStatus.FAILED or release.production_touched or release.turn_to:
        return None
    return parts.button(
        tr("Try it again"),
        ids.RETRY,
        ids.value(release.id),
        means=tr("Try {title} again from where it failed", title=words.title(release)),
        confirm=parts.confirm(
            tr("Try {title} again?", title=words.title(release)),
            tr("It goes on from the step that failed, with the same commit and the same images."),
            tr("Try it again"),
            tr("Not now"),
        ),
    )


def _pause_button(shown: Snapshot) -> ButtonElement | None:
    """While a canary takes its share."""
    run, value, title = shown.runs.get("canary"), ids.value(shown.release.id), words.title(shown.release)
    if run is None or run.status is not StageStatus.WAITING or shown.release.turn_to:
        return None
    if run.code == "canary_paused":
        return parts.button(
            tr("Resume"), ids.RESUME, value, means=tr("Let the canary of {title} go on", title=title)
        )
    return parts.button(
        tr("Pause"), ids.PAUSE, value, means=tr("Hold the canary of {title} at its share", title=title)
    )


def _abort(release: Release) -> ButtonElement | None:
    if release.status in _ENDED or release.production_touched or release.status is ReleaseStatus.ROLLING_BACK:
        return None
    return parts.button(
        tr("Stop it"),
        ids.ABORT,
        ids.value(release.id),
        means=tr("Stop the release of {title}", title=words.title(release)),
        confirm=parts.confirm(
            tr("Stop {title}?", title=words.title(release)),
            tr("No user has seen it yet. What was started is taken away again; production stays as it is."),
            tr("Stop it"),
            tr("Keep going"),
        ),
    )


def changes_link(release: Release, product: Product) -> ButtonElement | None:
    """A link to the comparison with the version in service, where the operator gave its form."""
    url = compare_url(release, product)
    means = tr("Open the changes since {version}", version=release.base_version)
    return parts.link(tr("Changes"), ids.CHANGES_LINK, url, means) if url else None


def compare_url(release: Release, product: Product) -> str | None:
    """The address of the comparison with the version in service, where there is one."""
    if not (product.compare_url and release.base_commit):
        return None
    return product.compare_url.replace("{base}", release.base_commit).replace("{head}", release.commit)


def _footer(release: Release) -> str:
    ended = release.finished_at if release.status in _ENDED else None
    took = words.lasted((ended - release.created_at).total_seconds()) if ended else ""
    shown = [f"`{release.id}`", tr("took {time}", time=took) if took else "", tr("details are in the thread")]
    return " · ".join(filter(None, shown))
