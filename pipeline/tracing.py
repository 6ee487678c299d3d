"""A release as spans of a trace: one for each attempt of a stage, and the release around them. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pipeline import playbook
from pipeline.decided import Step
from pipeline.lease import Claim
from pipeline.models import Release, StageRun
from pipeline.ports import Span
from pipeline.states import ENDED_STAGE, ReleaseStatus, StageStatus

ENDINGS = {f"release_{status.value}": status for status in ReleaseStatus}
GOOD = frozenset({ReleaseStatus.SUCCEEDED, ReleaseStatus.CANCELLED})


def spans(held: Claim, step: Step, ended_before: bool) -> Iterator[Span]:
    """What ended at a boundary that is written. `ended_before`: whether the release had, when it was claimed."""
    ended = {run.id: run for run in step.changed if run.status in ENDED_STAGE and run.finished_at}
    for run in ended.values():
        yield _stage(held.release, run)
    for fact in step.facts:
        if fact.kind in ENDINGS and held.release.finished_at:
            yield _release(held, ENDINGS[fact.kind], ended_before)


def _stage(release: Release, run: StageRun) -> Span:
    said = _of(release) | {
        "releasebot.stage": run.name,
        "releasebot.attempt": run.generation,
        "releasebot.status": run.status.value,
        "releasebot.outcome": run.code,
    }
    error = _error(run) if run.status is StageStatus.FAILED else ""
    end = run.finished_at or run.started_at
    return Span(release.id, f"{run.name}:{run.generation}", run.name, run.started_at, end, said, error)


def _error(run: StageRun) -> str:
    """The code of what went wrong, and the error's own words where it has some."""
    words = run.facts.get("error") or run.facts.get("reference") or ""
    return f"{run.code}: {words}" if words else run.code


def _release(held: Claim, status: ReleaseStatus, ended_before: bool) -> Span:
    """The release at its end. One that ends again, by a further attempt or a way back, is a span within the first."""
    release = held.release
    again = ended_before or any(run.generation > 1 for run in held.runs)
    end = release.finished_at or release.created_at
    error = "" if status in GOOD else status.value + (f": {release.reason}" if release.reason else "")
    said = _of(release) | {"releasebot.status": status.value, "releasebot.direction": release.direction}
    if again:
        key, name, begin = f"ended:{end.isoformat()}", release.direction, _begun(held)
    else:
        key, name, begin = "", "release", release.created_at
    return Span(release.id, key, name, begin, end, said, error)


def _begun(held: Claim) -> datetime:
    """When the plan in force began, as the last attempts of its stages tell."""
    planned = {stage.name for stage in playbook.stored(held.release.plan)}
    latest = {run.name: run.started_at for run in held.runs if run.name in planned}
    return min(latest.values(), default=held.release.created_at)


def _of(release: Release) -> dict[str, Any]:
    return {
        "releasebot.product": release.product,
        "releasebot.version": release.version,
        "releasebot.release": release.id,
        "releasebot.commit": release.commit,
    }
