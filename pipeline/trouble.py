"""What becomes of a stage that could not do its work. Trouble is no verdict on the release.

Before production a stage fails: nothing is lost. The way back is tried again before it is given up. What comes
after a good promotion asks a person: a log that cannot be read is no reason to send healthy production back.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from pipeline.context import Failed, Outcome, Waiting
from pipeline.events import request
from pipeline.models import StageRun

OnTrouble = Literal["fails", "tries again", "asks"]

TRIES = 4
FIRST_PAUSE = timedelta(seconds=2)
"""Before the second try; twice as long before each further one."""
LOOK_AGAIN = timedelta(minutes=1)
"""Between two looks at a release that this version of the bot cannot go on with."""


def came_of(on_trouble: OnTrouble, run: StageRun, code: str, facts: dict[str, Any], now: datetime) -> Outcome:
    """The outcome of a stage that ended in an error. Counts its tries in the run's data."""
    if on_trouble == "asks":
        return Waiting(code, facts, asks=request("decision", run.id))
    tries = run.data.get("tries", 0) + 1
    if on_trouble == "tries again" and tries < TRIES:
        run.data = run.data | {"tries": tries}
        return Waiting(code, facts, due_at=now + FIRST_PAUSE * 2 ** (tries - 1))
    return Failed(code, facts)


def unknown(stage: str, now: datetime) -> Waiting:
    """A stage of another version of the bot: parked until a version comes that knows it."""
    return Waiting("unknown_stage", {"stage": stage}, due_at=now + LOOK_AGAIN)


def unreadable(product: str, now: datetime) -> Waiting:
    """A release whose product or playbook this bot cannot read: parked until one comes that can."""
    error = (
        f"The release cannot go on: {product} is not in bot.toml, or its playbook was kept by another version "
        "of the bot. Put the product back, or run the version that started the release."
    )
    return Waiting("trouble", {"error": error}, due_at=now + LOOK_AGAIN)
