"""The yardstick's program: ten empty steps and one approval on DBOS, a library of durable workflows.

`python -m tests.benchmarks.dbos_program measure URL NUMBER POLL` prints the milliseconds of NUMBER workflows at once.
`... hang URL` waits inside a step until it is killed; `... resume URL` prints the seconds until that step runs again.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

from dbos import DBOS, DBOSConfig

HALF = 5
"""Steps before the approval, and after it."""

asked: dict[str, asyncio.Event] = {}
"""Workflows that have reached their approval."""
hanging = os.environ.get("YARDSTICK_HANGS") == "1"
again = asyncio.Event()


@DBOS.step()
async def stage() -> float:
    return time.time()


@DBOS.workflow()
async def release(name: str) -> list[float]:
    before = [await stage() for _ in range(HALF)]
    asked[name].set()
    await DBOS.recv_async("approval", timeout_seconds=600)
    return before + [await stage() for _ in range(HALF)]


@DBOS.step()
async def long_stage() -> None:
    print("here", flush=True)
    again.set()
    if hanging:
        await asyncio.sleep(600)


@DBOS.workflow()
async def interrupted() -> None:
    await long_stage()


async def one(number: int) -> dict[str, float]:
    """Milliseconds per step and from the approval to the next step, of one workflow."""
    name = str(number)
    asked[name] = asyncio.Event()
    began = time.time()
    handle = await DBOS.start_workflow_async(release, name)
    await asked[name].wait()
    await asyncio.sleep(0.05)  # as our approver: not in the very moment in which it asks
    sent = time.time()
    await DBOS.send_async(handle.workflow_id, "approved", "approval")
    times = await handle.get_result()
    spent = times[HALF - 1] - began + times[-1] - sent
    return {"per_stage": spent * 1000 / (2 * HALF), "to_next": (times[HALF] - sent) * 1000}


async def measure(number: int) -> dict[str, Any]:
    await one(-1)  # the first one makes connections
    began = time.time()
    taken = await asyncio.gather(*(one(n) for n in range(number)))
    return {"taken": taken, "seconds": time.time() - began}


def config(url: str, poll: float) -> DBOSConfig:
    made: DBOSConfig = {
        "name": "yardstick",
        "system_database_url": url,
        "log_level": "ERROR",
        "executor_id": "one",
        "application_version": "1",
    }
    if poll:
        made["notification_listener_polling_interval_sec"] = poll
    return made


async def main(what: str, url: str, *rest: str) -> None:
    began = time.time()
    DBOS(config=config(url, float(rest[1]) if len(rest) > 1 else 0))
    DBOS.launch()
    if what == "measure":
        print(json.dumps(await measure(int(rest[0]))), flush=True)
    elif what == "hang":
        await (await DBOS.start_workflow_async(interrupted)).get_result()
    else:
        await again.wait()
        print(json.dumps({"resumed": time.time() - began}), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
