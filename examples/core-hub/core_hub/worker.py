"""The worker: sends charges, one job at a time. SIGTERM: it finishes the job in hand and takes no new one."""

import logging
import os
import signal
import socket
import time

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from core_hub import log as logs
from core_hub import queue, settings, signing
from core_hub.database import connect

PAUSE = 0.2
"""Seconds between two looks into an empty queue, and the longest wait for a stop."""

log = logging.getLogger("core_hub.worker")


class Stop:
    """Whether somebody asked the worker to stop. A plain flag: a signal handler may take no lock."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request)

    def _request(self, _number: int, _frame: object) -> None:
        self.requested = True


def work(engine: Engine, signing_key: str, rounds: int, stop: Stop) -> None:
    """Do jobs until the stop is requested. A failing database is waited for, with an ERROR line."""
    name = f"{socket.gethostname()}:{os.getpid()}"
    while not stop.requested:
        try:
            if not do_one(engine, name, signing_key, rounds):
                time.sleep(PAUSE)
        except SQLAlchemyError as error:
            log.error("the queue could not be read or written: %s. Trying again.", error)
            time.sleep(PAUSE * 5)


def do_one(engine: Engine, name: str, signing_key: str, rounds: int) -> bool:
    """Claim and finish one job; False when there was none."""
    job = queue.claim(engine, name)
    if job is None:
        return False
    receipt = signing.receipt(signing_key, job.charge_id, job.amount_cents, job.dry_run, rounds)
    if queue.finish(engine, job, receipt):
        log.info("job %d: charge %d sent%s", job.id, job.charge_id, " as a dry run" if job.dry_run else "")
    else:
        log.error("job %d: took longer than its lease; another worker has it now.", job.id)
    return True


def main() -> None:
    """Run the worker of this environment until SIGTERM or SIGINT."""
    stop = Stop()
    config = settings.load_or_exit("worker", os.environ)
    logs.start(config.component, config.version)
    engine = connect(config.database_url)
    log.info("ready: takes jobs (%s)", config.environment)
    try:
        work(engine, config.signing_key, config.receipt_rounds, stop)
    finally:
        engine.dispose()
        log.info("stopped")


if __name__ == "__main__":
    main()
