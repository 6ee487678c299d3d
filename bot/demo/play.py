"""`releasebot demo`: a page to try everything on, or the whole story without one."""

import asyncio
import signal
import sys
from pathlib import Path

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


async def page(state: Path, port: int) -> int:
    """Run until SIGTERM or Ctrl+C."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print("Building a product with a history and putting v0.1.0 into production...", flush=True)
    async with open_house(state, port) as house:
        print(WELCOME.format(page=house.sandbox.page_url, site=house.url, state=state), flush=True)
        await stop.wait()
        print("Stopping the product, the router and the bot...", flush=True)
    return 0


async def headless(state: Path) -> int:
    """Play release v0.2.0, approval, canary, announcement, rollback. 0 only if production served both as told."""
    async with open_house(state, 0, canary=4, watch=6) as house:
        told = await Story(house).play()
    for problem in told.problems:
        print(f"PROBLEM  {problem}", file=sys.stderr)
    return 1 if told.problems else 0
