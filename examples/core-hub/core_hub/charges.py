"""What can be done with a charge: each step one transaction, each change of status one conditional UPDATE."""

from collections.abc import Mapping
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from core_hub.database import READ, charges, jobs
from core_hub.problems import Problem
from core_hub.reader import Reading
from core_hub.signing import Session

NEWEST = 200
"""How many charges a list shows."""

_COLUMNS = [column for column in charges.c if column.name != "text"]


def create(engine: Engine, who: Session, customer: str, text: str, reading: Reading, approve: bool) -> int:
    """Store a charge and return its id. Raises Problem (422) when the text names no amount.

    `approve` says that the flags let an unsuspicious charge through without a human.
    """
    if reading.amount_cents is None:
        raise Problem(
            422,
            "The charge was not created.",
            "Its text names no amount with a currency.",
            "Write the amount like `EUR 12.50` and send it again.",
        )
    now = datetime.now(UTC)
    approved = approve and not reading.suspicious and not who.tester
    row = {
        "customer": customer,
        "text": text,
        "category": reading.category,
        "amount_cents": reading.amount_cents,
        "suspicious": reading.suspicious,
        "status": "approved" if approved else "created",
        "created_by": _owner(who),
        "created_at": now,
        "approved_by": "auto-approval" if approved else None,
        "approved_at": now if approved else None,
    }
    with engine.begin() as connection:
        return int(connection.execute(sa.insert(charges).values(row).returning(charges.c.id)).scalar_one())


def approve(engine: Engine, who: Session, charge_id: int) -> None:
    """Approve a created charge. Raises Problem: 404 unknown, 409 approved before."""
    change = sa.update(charges).values(
        status="approved", approved_by=_owner(who), approved_at=datetime.now(UTC)
    )
    with engine.begin() as connection:
        _move(connection, who, charge_id, change, "created", "approved")


def send(engine: Engine, who: Session, charge_id: int, dry_run: bool) -> int:
    """Queue the sending of an approved charge and return the job's id; a dry run leaves its status.

    Raises Problem: 403 a tester without dry run, 404 unknown, 409 not approved or on its way.
    """
    if who.tester and not dry_run:
        raise Problem(
            403, "Nothing was sent.", "A tester can send only as a dry run.", "Send again with ?dry_run=true."
        )
    change = sa.update(charges).values(status="approved" if dry_run else "sending")
    with engine.begin() as connection:
        _move(connection, who, charge_id, change, "approved", "sent")
        job = {"charge_id": charge_id, "dry_run": dry_run, "state": "queued", "runs": 0}
        return int(connection.execute(sa.insert(jobs).values(job).returning(jobs.c.id)).scalar_one())


def newest(engine: Engine, who: Session) -> list[dict[str, object]]:
    """The newest charges that this session may see, newest first, each with its newest job's state."""
    other = jobs.alias()
    job = sa.select(sa.func.max(other.c.id)).where(other.c.charge_id == charges.c.id).scalar_subquery()
    query = (
        sa.select(*_COLUMNS, jobs.c.state.label("delivery"), jobs.c.dry_run, jobs.c.receipt)
        .join_from(charges, jobs, jobs.c.id == job, isouter=True)
        .where(_visible(who))
        .order_by(charges.c.id.desc())
        .limit(NEWEST)
    )
    with engine.connect().execution_options(**READ) as connection:
        return [_plain(row) for row in connection.execute(query).mappings()]


def jobs_by_state(engine: Engine) -> Mapping[str, int]:
    """How many jobs are in each state. Also the proof that the schema is there."""
    query = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
    with engine.connect().execution_options(**READ) as connection:
        return {str(state): int(count) for state, count in connection.execute(query)}


def _move(
    connection: Connection, who: Session, charge_id: int, change: sa.Update, status: str, word: str
) -> None:
    mine = sa.and_(charges.c.id == charge_id, _visible(who))
    if connection.execute(change.where(mine, charges.c.status == status)).rowcount:
        return
    found = connection.execute(sa.select(charges.c.status).where(mine)).scalar()
    if found is None:
        raise Problem(
            404,
            f"Charge {charge_id} was not {word}.",
            "You have no charge of this number.",
            "Look at GET /api/charges.",
        )
    raise Problem(
        409,
        f"Charge {charge_id} was not {word}.",
        f"It is {found}; it would have to be {status}.",
        "Look at GET /api/charges; a charge is created, then approved, then sent.",
    )


def _owner(who: Session) -> str:
    return f"tester:{who.user}" if who.tester else who.user


def _visible(who: Session) -> sa.ColumnElement[bool]:
    return charges.c.created_by.startswith("tester:") if who.tester else sa.true()


def _plain(row: Mapping[str, object] | sa.RowMapping) -> dict[str, object]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
