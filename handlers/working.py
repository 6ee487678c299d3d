"""Commands on a release that is under way or has just failed: try again, skip, pause, resume."""

from handlers import forms, grammar
from handlers.desk import Desk, Request
from handlers.text import words
from handlers.text.language import tr
from pipeline import deciding, retrying
from pipeline.errors import Refused
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from pipeline.version import parse_version, suggestions


async def current(desk: Desk, product: str) -> Snapshot:
    """The release that a command without a version means. Raises Refused."""
    found = await desk.service.current(product)
    if found is None:
        raise Refused("nothing_released")
    return found


async def latest(desk: Desk, product: str) -> Snapshot:
    """The release that was asked for last, however it went. Raises Refused."""
    newest = await desk.service.recent(product, 1)
    if not newest:
        raise Refused("nothing_released")
    return await desk.service.snapshot(newest[0].id)


async def of_version(desk: Desk, product: str, text: str) -> Snapshot:
    """The newest release of a version. Raises Refused with the nearest known ones."""
    version = parse_version(text)
    found = await desk.service.of_version(product, version.tag)
    if found is None:
        known = [release.version for release in await desk.service.recent(product, 50)]
        raise Refused("unknown_version", version=version.tag, near=",".join(suggestions(version.tag, known)))
    return found


async def retry(desk: Desk, request: Request, product: str, typed: grammar.Retry) -> None:
    """Whatever is stuck: a step that asks to be tried again, a way back that failed, a release that failed."""
    found = await latest(desk, product)
    if run := _asks_again(found):
        await deciding.settle(desk.service, request.actor, found.release.id, run.id, "again", request.origin)
    elif found.release.status is ReleaseStatus.FAILED and found.release.production_touched:
        await forms.open_rollback(desk, request, product, found.release.id)
    else:
        await retrying.retry(desk.service, request.actor, found.release.id, request.origin)
        await _tell_begun(desk, request, found)


def _asks_again(found: Snapshot) -> StageRun | None:
    """The step in production that waits for somebody to try it again."""
    waiting = (run for run in found.runs.values() if run.status is StageStatus.WAITING)
    return next((run for run in waiting if run.code in ("trouble", "crashed", "publish_failed")), None)


async def _tell_begun(desk: Desk, request: Request, found: Snapshot) -> None:
    said = tr("{title} is tried again from where it failed.", title=words.title(found.release))
    await desk.tell(request, f"🔁 {said}")


async def skip(desk: Desk, request: Request, product: str, typed: grammar.Skip) -> None:
    release = (await latest(desk, product)).release
    await retrying.skip(desk.service, request.actor, release.id, typed.stage, typed.reason, request.origin)
    await desk.tell(
        request, "⏭️ " + tr("{stage} of {title} is skipped.", stage=typed.stage, title=words.title(release))
    )


async def pause(desk: Desk, request: Request, product: str, typed: grammar.Pause) -> None:
    release = (await current(desk, product)).release
    await retrying.pause(desk.service, request.actor, release.id, typed.reason, request.origin)
    await desk.tell(
        request, "⏸️ " + tr("The canary of {title} is held at its share.", title=words.title(release))
    )


async def resume(desk: Desk, request: Request, product: str, typed: grammar.Resume) -> None:
    release = (await current(desk, product)).release
    await retrying.resume(desk.service, request.actor, release.id, request.origin)
    await desk.tell(request, "▶️ " + tr("The canary of {title} goes on.", title=words.title(release)))
