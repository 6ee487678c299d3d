"""Jobs: claimed by one worker, finished once, claimed again when abandoned."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from core_hub import charges, queue
from core_hub.database import jobs
from core_hub.reader import read
from core_hub.signing import Session
from core_hub.worker import do_one

KEY = "a-key-for-tests-only"
DANA = Session("dana", tester=False)
TEXT = "Workshop, EUR 10.00"


def queued(engine: Engine, dry_run: bool = False) -> int:
    number = charges.create(engine, DANA, "Example Ltd", TEXT, read(TEXT), approve=False)
    charges.approve(engine, DANA, number)
    charges.send(engine, DANA, number, dry_run)
    return number


def status(engine: Engine, number: int) -> tuple[object, object]:
    charge = next(c for c in charges.newest(engine, DANA) if c["id"] == number)
    return charge["status"], charge["delivery"]


def test_a_charge_is_sent(engine: Engine) -> None:
    number = queued(engine)
    assert status(engine, number) == ("sending", "queued")
    assert do_one(engine, "w1", KEY, 10)
    assert status(engine, number) == ("sent", "done")
    assert not do_one(engine, "w1", KEY, 10)


def test_a_dry_run_leaves_the_charge_approved(engine: Engine) -> None:
    number = queued(engine, dry_run=True)
    assert do_one(engine, "w1", KEY, 10)
    assert status(engine, number) == ("approved", "done")


def test_a_claimed_job_is_not_claimed_twice(engine: Engine) -> None:
    queued(engine)
    assert queue.claim(engine, "w1")
    assert queue.claim(engine, "w2") is None


def test_an_abandoned_job_is_claimed_again_and_finished_once(engine: Engine) -> None:
    number = queued(engine)
    first = queue.claim(engine, "w1")
    with engine.begin() as connection:
        connection.execute(sa.update(jobs).values(claimed_at=datetime.now(UTC) - 2 * queue.LEASE))
    second = queue.claim(engine, "w2")
    assert first is not None
    assert second is not None
    assert not queue.finish(engine, first, "too late")
    assert queue.finish(engine, second, "receipt")
    assert status(engine, number) == ("sent", "done")
