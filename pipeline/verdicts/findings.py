"""What is known of a revision before it is judged, and what of it a reader can check the verdict by. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.verdicts import static, windows
from pipeline.verdicts.losses import State
from pipeline.verdicts.model import Reason
from pipeline.verdicts.schema import Snapshot
from pipeline.verdicts.windows import Record


@dataclass(frozen=True)
class Failure:
    """An action that failed: what was said, PostgreSQL's code for it if it was PostgreSQL's, and the statement."""

    said: str
    kind: str = ""
    sqlstate: str | None = None
    statement: str = ""


@dataclass(frozen=True)
class Measured:
    """What was seen when the revision ran on a scratch database.

    `before` and `after` are with rows where that worked (`filled`). `back` is after its downgrade, `again` after
    another upgrade. `with_rows` is the failure that only rows brought about; `refused` are tables that took rows of
    the version in service before, and take none after, with what was said.
    """

    before: State
    after: State | None
    records: tuple[Record, ...] = ()
    failure: Failure | None = None
    filled: bool = False
    with_rows: Failure | None = None
    back: State | None = None
    again: State | None = None
    down_failure: Failure | None = None
    again_failure: Failure | None = None
    seconds: float = 0.0
    empty: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Findings:
    """All that is known of one revision.

    `texts` is its SQL as rendered offline (None: it could not be). `downgrade` is what the source tells of the way
    back, `written` the statements in the source of upgrade(), also those that did not run. `deployed` has the things
    that users are on, where those are fewer than what is there before. `doubts` ask a human.
    """

    revision: str
    title: str
    texts: tuple[str, ...] | None
    downgrade: Reason | None
    calls: tuple[static.Call, ...] = ()
    written: tuple[str, ...] = ()
    measured: Measured | None = None
    deployed: Snapshot | None = None
    doubts: tuple[Reason, ...] = ()
    lint: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


def told(findings: Findings) -> dict[str, Any]:
    """What a reader can check the verdict by: statements with their locks, times, and what was not measured."""
    seen = findings.measured
    said: dict[str, Any] = {"measured": seen is not None and seen.after is not None}
    if findings.lint:
        said["lint"] = [{"rule": one["rule"], "statement": one["statement"]} for one in findings.lint[:10]]
    if seen is None:
        return said | {"sql": [windows.told(text) for text in (findings.texts or ())[:20]]}
    tables = {t.key[0]: t.full for t in seen.before.schema.all("table", "matview")}
    said["statements"] = [_statement(one, tables) for one in seen.records[:20]]
    said["seconds"] = round(seen.seconds, 3)
    counts = seen.before.data.counts if seen.before.data else {}
    said["rows"] = {tables[key[0]]: count for key, count in sorted(counts.items()) if key[0] in tables}
    if seen.empty:
        said["tables without rows"] = [name.removeprefix("public.") for name in seen.empty]
    if seen.with_rows is not None:
        said["failed with rows"] = windows.told(seen.with_rows.said, 300)
    return said


def _statement(one: Record, tables: Mapping[int, str]) -> dict[str, Any]:
    locks = [f"{mode} on {tables[oid]}" for oid, mode in one.taken if oid in tables]
    return {"sql": windows.told(one.text), "seconds": one.seconds, "locks": locks}
