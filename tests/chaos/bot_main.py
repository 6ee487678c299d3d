"""The real bot process, with the outside in place of the adapters."""

import asyncio
import os
from functools import partial
from pathlib import Path

from bot.process import run
from bot.settings import load_settings
from tests.chaos.outside import Outside
from tests.chaos.outside_ports import ports


def run_here() -> None:
    """Run it in this process, as its environment says, until SIGTERM."""
    asyncio.run(run(load_settings(), partial(ports, Outside(Path(os.environ["CHAOS_OUTSIDE"])))))
