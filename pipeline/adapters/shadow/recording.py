"""What a migration does to a PostgreSQL database, statement by statement: part of the program driver.py.

Locks are looked up by the migration's own connection, within its own transaction. Needs the standard library alone.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

MOST_STATEMENTS = 500
MOST_TEXT = 20_000  # characters of one statement
PROBING = 2.0  # seconds for looking at locks, in one action

PROBE = """SELECT json_build_object(
  'xid', txid_current_if_assigned()::text,
  'locks', (SELECT json_agg(json_build_array(relation::bigint, mode)) FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
  'counts', (SELECT json_agg(json_build_array(relid::bigint, seq_scan, seq_tup_read + coalesce(idx_tup_fetch, 0),
    n_tup_ins, n_tup_upd, n_tup_del)) FROM pg_stat_xact_user_tables
    WHERE seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del > 0),
  'files', (SELECT json_agg(json_build_array(oid::bigint, relfilenode::bigint)) FROM pg_class
    WHERE oid >= 16384 AND relfilenode <> 0 AND relkind IN ('r', 'm', 'i')))::text"""


class Recorder:
    """What a step executes: text, seconds, and what it locked, read, wrote and rewrote."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin a new page."""
        self.active = False
        self.own: re.Pattern[str] | None = None  # statements on the version table are Alembic's
        self.statements: list[dict[str, Any]] = []
        self.more = 0
        self._skipped = 0
        self.failed = ""
        self._spent = 0.0
        self._began = 0.0
        self._seen: dict[str, dict[Any, Any]] = {}

    def begin(self, version_table: str) -> None:
        """Write down what is executed from here on, but for Alembic's own."""
        self.active = True
        verbs = r"INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|SELECT [^()]{0,99} FROM"
        self.own = re.compile(
            rf'\s*(?:{verbs})\s+(?:"?\w+"?\.)?"?{re.escape(version_table)}"?(?!\w)', re.IGNORECASE
        )

    def before(self, conn: Any, *_: Any) -> None:
        if self.active and not self._seen:
            self._seen = self._probe(conn) or {}
        self._began = time.monotonic()

    def after(self, conn: Any, cursor: Any, text: str, *_: Any) -> None:
        if not self.active:
            return
        if self.own and self.own.match(text):  # what a loop did since the last look still belongs to it
            if self.statements and self._skipped:
                self._add(self.statements[-1], conn)
            return
        seconds = time.monotonic() - self._began
        last = self.statements[-1] if self.statements else {}
        if last.get("text") == text[:MOST_TEXT]:
            self._repeated(last, seconds, cursor.rowcount, conn)
        elif len(self.statements) >= MOST_STATEMENTS:
            self.more += 1
        else:
            entry = {
                "text": text[:MOST_TEXT],
                "seconds": round(seconds, 4),
                "rows": cursor.rowcount,
                "times": 1,
            }
            self.statements.append(entry)
            self._add(entry, conn)

    def _repeated(self, entry: dict[str, Any], seconds: float, rows: int, conn: Any) -> None:
        """The same statement again, as in a loop: looked at after 2, 4, 8, ... times."""
        entry["times"] += 1
        entry["seconds"] = round(entry["seconds"] + seconds, 4)
        entry["rows"] += max(rows, 0)
        self._skipped += 1
        if entry["times"] & (entry["times"] - 1) == 0:
            self._add(entry, conn)

    def _add(self, entry: dict[str, Any], conn: Any) -> None:
        """Add to a statement what its connection holds and has done since the last look."""
        self._skipped = 0
        change = self._change(conn)
        if change is None:
            return
        counts = entry.get("counts", {})
        for oid, row in change["counts"].items():
            counts[oid] = [a + b for a, b in zip(counts.get(oid, [0] * 5), row)]  # noqa: B905 - older Pythons
        entry.update(open=change["open"], held=change["held"], counts=counts)
        for name in ("taken", "rewritten"):
            entry[name] = [*entry.get(name, ()), *change[name]]

    def error(self, context: Any) -> None:
        if not self.failed:
            self.failed = (context.statement or "")[:MOST_TEXT]

    def _change(self, conn: Any) -> dict[str, Any] | None:
        """What the statement added to the locks, the counts and the files of its connection."""
        now, then = self._probe(conn), self._seen
        if now is None:
            return None
        self._seen = now
        counts = {
            oid: [a - b if a >= b else a for a, b in zip(row, then.get("counts", {}).get(oid, [0] * 5))]  # noqa: B905 - older Pythons
            for oid, row in now["counts"].items()
        }
        return {
            "open": now["open"],
            "held": list(now["locks"]),
            "taken": [lock for lock in now["locks"] if lock not in then.get("locks", {})],
            "counts": {oid: row for oid, row in counts.items() if any(row)},
            "rewritten": [
                oid for oid, file in now["files"].items() if then.get("files", {}).get(oid, file) != file
            ],
        }

    def _probe(self, conn: Any) -> Any:
        if conn.dialect.name != "postgresql" or self._spent > PROBING:
            return None
        began = time.monotonic()
        cursor = conn.connection.cursor()
        cursor.execute(PROBE)
        found = json.loads(cursor.fetchone()[0])
        cursor.close()
        self._spent += time.monotonic() - began
        return {
            "open": found["xid"] is not None,
            "locks": dict.fromkeys(((oid, mode) for oid, mode in found["locks"] or ()), True),
            "counts": {oid: row for oid, *row in found["counts"] or ()},
            "files": dict(found["files"] or ()),
        }
