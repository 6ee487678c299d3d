"""When people are told again that they are needed, and the daily digest: parts of bot.toml."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import Field

from pipeline.config_people import Entries
from pipeline.config_values import Duration, Model
from pipeline.config_windows import DAYS, Day, WindowOfTime

Pause = Annotated[Duration, Field(ge=timedelta(minutes=1))]


class Reminders(Model):
    """A request that nobody answers is told again `after` a time, then `every` so long, to those it waits for.

    In `quiet` windows nobody is told, unless something in production waits. After `escalate_after` the people of
    `escalate_to` are named too.
    """

    after: Pause = timedelta(hours=1)
    every: Pause = timedelta(hours=4)
    quiet: tuple[WindowOfTime, ...] = ()
    escalate_after: Pause = timedelta(hours=8)
    escalate_to: Entries = ()


class Digest(Model):
    """A message a day: what is deployed, what waits, what is locked, what went out since the last one."""

    at: time
    days: tuple[Day, ...] = DAYS
