"""`python -m tests.benchmarks`: measure everything beside its baseline, print a table, write build/bench.json."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import psutil

from tests.benchmarks import (
    acks,
    docker,
    edits,
    engine,
    figures,
    load,
    many,
    migrations,
    release,
    rollback,
    startup,
    watch,
)
from tests.benchmarks.figures import Figure

Measure = Callable[[Path, bool], Awaitable[list[Figure]]]

MEASURES: Mapping[str, Measure] = {
    "acks": acks.measure,
    "docker": docker.measure,
    "edits": edits.measure,
    "engine": engine.measure,
    "load": load.measure,
    "many": many.measure,
    "migrations": migrations.measure,
    "release": release.measure,
    "rollback": rollback.measure,
    "startup": startup.measure,
    "watch": watch.measure,
}
RESULT = Path("build/bench.json")


async def _run(names: Sequence[str], quick: bool) -> list[Figure]:
    found: list[Figure] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", ignore_cleanup_errors=True) as folder:
            began = time.monotonic()
            found += await MEASURES[name](Path(folder), quick)
            print(f"{name}: measured in {time.monotonic() - began:.0f} s", flush=True)
    return found


def main() -> None:
    """Measure what was asked for; everything by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="only this one (repeatable)")
    parser.add_argument("--quick", action="store_true", help="few samples: does it work, not how fast it is")
    options = parser.parse_args()
    load = psutil.getloadavg()[0]
    found = asyncio.run(_run(options.only or list(MEASURES), options.quick))
    figures.write(found, RESULT)
    print(f"\n{figures.table(found)}\n")
    print(f"Load before: {load:.1f} on {psutil.cpu_count()} cores. Written to {RESULT}.")


if __name__ == "__main__":
    main()
