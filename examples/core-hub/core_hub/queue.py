"""The queue: a table. A job is claimed by one UPDATE, so two workers never hold the same one."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from core_hub.database import charges, jobs

LEASE = timedelta(minutes=2)
"""After this time a claimed job is taken to be abandoned (its worker was killed) and may be claimed again."""


@dataclass(frozen=True)
class Job:
    """A claimed job. `run` counts the claims: with it a worker that lost its lease cannot finish the job."""

    id: int
    charge_id: int
    amount_cents: int
    dry_run: bool
    run: int


def claim(engine: Engine, worker: str) -> Job | None:
    """Take the oldest job that is free, or None when there is none."""
    now = datetime.now(UTC)
    abandoned = sa.and_(jobs.c.state == "running", jobs.c.claimed_at < now - LEASE)
    free = sa.or_(jobs.c.state == "queued", abandoned)
    oldest = sa.select(jobs.c.id).where(free).order_by(jobs.c.id).limit(1).scalar_subquery()
    # `free` stands here again: where two UPDATEs run at once (PostgreSQL) the second then finds nothing.
    take = (
        sa.update(jobs)
        .where(jobs.c.id == oldest, free)
        .values(state="running", claimed_by=worker, claimed_at=now, runs=jobs.c.runs + 1)
        .returning(jobs.c.id, jobs.c.charge_id, jobs.c.dry_run, jobs.c.runs)
    )
    with engine.begin() as connection:
        row = connection.execute(take).one_or_none()
        if row is None:
            return None
        amount = sa.select(charges.c.amount_cents).where(charges.c.id == row.charge_id)
        cents = int(connection.execute(amount).scalar_one())
    return Job(row.id, row.charge_id, cents, row.dry_run, row.runs)


def finish(engine: Engine, job: Job, receipt: str) -> bool:
    """Store the receipt and, unless it was a dry run, mark the charge as sent; one transaction.

    False when the lease was lost meanwhile: then another worker finishes the job and nothing changes.
    """
    done = (
        sa.update(jobs)
        .where(jobs.c.id == job.id, jobs.c.runs == job.run, jobs.c.state == "running")
        .values(state="done", finished_at=datetime.now(UTC), receipt=receipt)
    )
    with engine.begin() as connection:
        if not connection.execute(done).rowcount:
            return False
        if not job.dry_run:
            sent = sa.update(charges).where(charges.c.id == job.charge_id).values(status="sent")
            connection.execute(sent)
    return True
