"""`releasebot demo`: a page to try everything on, or the whole story without one."""

import asyncio
import signal
import sys
from pathlib import Path

from bot.demo.containers import Containers
from bot.demo.house import open_house
from bot.demo.story import Story

WELCOME = """
The demo is running.

  1. Open {page}
  2. In #releases, as Dana (release manager), type   /release v0.2.0
  3. Tick the checklist; then act as Lee (DRI) and approve it.
  4. Watch the canary take 10 % and then everything at {site}
  5. Try /rollback. Then v0.3.0 (its evaluation fails) and v0.4.0 (it goes wrong in production).

Ctrl+C stops everything. Files are in {state}
"""

IMAGES = "docker images --filter label=releasebot.image.product=core-hub"


async def made_ready(keeps_images: bool) -> Containers:
    """What a demo with containers needs. Raises ConfigError or BuildError, in words."""
    print("Looking for a Docker engine and a base image with Python...", flush=True)
    found = await Containers.ready(keeps_images)
    print(f"The engine is {found.host}, the base image is {found.base}.", flush=True)
    return found


async def page(state: Path, port: int, containers: Containers | None = None) -> int:
    """Run until SIGTERM or Ctrl+C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print("Building a product with a history and putting v0.1.0 into production...", flush=True)
    async with open_house(state, port, containers=containers, visitors=5) as house:
        print(WELCOME.format(page=house.sandbox.page_url, site=house.url, state=state), flush=True)
        await stop.wait()
        print("Stopping the product, the router and the bot...", flush=True)
    _tell_images(containers)
    return 0


async def headless(state: Path, containers: Containers | None = None) -> int:
    """Play release v0.2.0, approval, canary, announcement, rollback. 0 only if production served both as told."""
    async with open_house(state, 0, canary=4, watch=6, containers=containers) as house:
        told = await Story(house).play()
    _tell_images(containers)
    for problem in told.problems:
        print(f"PROBLEM  {problem}", file=sys.stderr)
    return 1 if told.problems else 0


def _tell_images(containers: Containers | None) -> None:
    if containers and containers.keeps_images:
        print(f"Containers and networks are gone; the images are kept: {IMAGES}", flush=True)
