"""How long a deployment took, measured when it happens: it stays when events are tidied away (docs/metrics.md).

Lead time: the median, over a release's changes, from the commit to all traffic. Time to restore: from the first user
of a faulty version to all traffic on a good one, which comes by going back or by a hotfix.
"""

from collections.abc import Mapping
from datetime import datetime
from statistics import median

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.changes import GROUPS
from pipeline.models import Deployment, Release, StageRun

BOOKKEEPING = GROUPS[-1]
Seconds = float | None


async def of(
    session: AsyncSession, release: Release, runs: Mapping[str, StageRun], kind: str, at: datetime
) -> tuple[Seconds, Seconds]:
    """Lead time and time to restore of a deployment of this kind, in seconds; None where there is none."""
    if release.direction == "adoption":
        return None, None
    if kind == "rollback":
        began = _first_user(runs) or await _took_traffic(session, release.id)
        return None, _since(began, at)
    mended = release.base_release if release.hotfix else None
    return lead(runs, at), _since(await _took_traffic(session, mended), at) if mended else None


def lead(runs: Mapping[str, StageRun], at: datetime) -> Seconds:
    """The median age of the changes that a release brings, at a moment; merges and the bot's own commits left out."""
    kept = runs["preflight"].data.get("changes", ()) if "preflight" in runs else ()
    made = [change["at"] for change in kept if change.get("at") and change["group"] != BOOKKEEPING]
    return max(0.0, at.timestamp() - median(made)) if made else None


def _first_user(runs: Mapping[str, StageRun]) -> datetime | None:
    since = runs["canary"].data.get("since") if "canary" in runs else None
    return datetime.fromisoformat(since) if since else None


async def _took_traffic(session: AsyncSession, release_id: str) -> datetime | None:
    forward = (
        Deployment.cause == release_id,
        Deployment.kind == "release",
        Deployment.environment == "production",
    )
    found: datetime | None = await session.scalar(select(Deployment.at).where(*forward))
    return found


def _since(began: datetime | None, at: datetime) -> Seconds:
    return max(0.0, (at - began).total_seconds()) if began else None
