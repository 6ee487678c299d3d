"""`make chaos`: SEEDS=n seeds (or SEED=k alone), DB=sqlite|postgresql|both, KILLS= per seed, PRODUCTS=, BOTS=."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.run import Plan, Report, play_seed, spread
from tests.postgres import Server, binaries, running_server

RESULT = Path("build/chaos.json")


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name) or otherwise)


def _seeds() -> range:
    if alone := os.environ.get("SEED"):
        return range(int(alone), int(alone) + 1)
    return range(1, _number("SEEDS", 3) + 1)


def _databases() -> list[str]:
    asked = os.environ.get("DB") or "both"
    known = {"both": ["sqlite", "postgresql"], "sqlite": ["sqlite"], "postgresql": ["postgresql"]}
    if asked not in known:
        sys.exit(f"DB={asked} is not known; use sqlite, postgresql or both.")
    return known[asked]


def _plans(server: Server | None, folder: Path) -> Iterator[Plan]:
    for database in _databases():
        for seed in _seeds():
            here = folder / f"{database}-{seed}"
            here.mkdir()
            url = server.create() if database == "postgresql" and server else f"sqlite:///{here}/bot.db"
            bots = _number("BOTS", 3) if database == "postgresql" else 1
            yield Plan(seed, database, url, here, _number("PRODUCTS", 20), bots, _number("KILLS", 25))


def _told(report: Report) -> None:
    print(report.line(), flush=True)
    for finding in report.findings:
        print(f"  FINDING {finding}", flush=True)
    if report.findings:
        (report.plan.folder / "details.txt").write_text("\n".join(report.details))
        print(f"  logs and journal: {report.plan.folder}", flush=True)


def _write(reports: list[Report]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    total = {
        database: {
            "kills": sum(report.happened["kill"] for report in mine),
            "stops": sum(report.happened["stop"] for report in mine),
            "releases": sum(report.releases for report in mine),
            "findings": sum(len(report.findings) for report in mine),
            "takeover_after_kill": spread([time for report in mine for time in report.takeovers]),
            "takeover_after_sigterm": spread([time for report in mine for time in report.handovers]),
        }
        for database in ("sqlite", "postgresql")
        if (mine := [report for report in reports if report.plan.database == database])
    }
    RESULT.write_text(json.dumps({"total": total, "seeds": [r.as_dict() for r in reports]}, indent=2) + "\n")
    print(json.dumps(total, indent=2))


def main() -> int:
    """Play every seed; 1 when there is a finding."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the bots are ended too
    programs = binaries()
    reports: list[Report] = []
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    with ExitStack() as stack:
        server = None
        if "postgresql" in _databases():
            if programs is None:
                sys.exit(
                    "PostgreSQL's server programs are not on this machine. Install them, or use DB=sqlite."
                )
            server = stack.enter_context(running_server(programs))
        for plan in _plans(server, folder):
            reports.append(asyncio.run(play_seed(plan)))
            _told(reports[-1])
    _write(reports)
    return int(any(report.findings for report in reports))


if __name__ == "__main__":
    sys.exit(main())
