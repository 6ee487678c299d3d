"""Many releases at a glance: the list, and where a product stands."""

from collections.abc import Sequence

from handlers.blocks.card import traffic
from handlers.text import words
from handlers.text.language import tr
from pipeline.models import Release
from pipeline.snapshot import Snapshot
from pipeline.states import ACTIVE, ReleaseStatus


def rows(releases: Sequence[Release]) -> list[str]:
    """One line per release, newest first. Of those that succeeded only the newest can be live."""
    succeeded = [r.id for r in releases if r.status is ReleaseStatus.SUCCEEDED]
    entering = any(r.production_touched and r.status in ACTIVE for r in releases)
    return [_row(release, succeeded[:1], entering) for release in releases]


def _row(release: Release, newest: list[str], entering: bool) -> str:
    mark, state = words.state(release.status)
    if release.status is ReleaseStatus.SUCCEEDED and release.id not in newest:
        state = tr("was live")
    elif release.status is ReleaseStatus.SUCCEEDED and entering:
        state = tr("the version before")
    at = words.when(release.created_at, "{date_short_pretty} {time}")
    by = tr("{time} by {who}", time=at, who=words.person(release.requested_by))
    return f"{mark} *{words.title(release)}* {state} · {by}"


def state(shown: Snapshot) -> str:
    """What happens to a release under way, and which version its users get."""
    mark, word = words.state(shown.release.status)
    step = tr("step {step} of {steps}", step=min(shown.done + 1, len(shown.steps)), steps=len(shown.steps))
    where = tr("traffic: {where}", where=traffic(shown))
    return f"{mark} *{shown.release.version}* {word} · {step} · {where}"
