"""What a revision does only sometimes: its source says it, and the trial did not run it. Pure."""

import re
from collections.abc import Iterator, Sequence

from pipeline.verdicts import sql, static
from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.schema import Snapshot
from pipeline.verdicts.static import Call
from pipeline.verdicts.windows import Record

_DROPS = re.compile(r"\bdrop\b", re.IGNORECASE)


def not_run(
    calls: Sequence[Call], records: Sequence[Record], before: Snapshot, after: Snapshot
) -> Iterator[Reason]:
    """What a condition kept from running: things that it drops and that are there still, and changes of rows."""
    dropping = [call for call in calls if call.name in ("drop_table", "drop_column") or _executes_drop(call)]
    for one in static.by_calls(dropping):
        if one.code in ("drops", "gone") and _is_there(str(one.facts["thing"]), before, after):
            yield one
    done = {act.verb for record in records for act in sql.acts(record.text)}
    deletes = [call for call in calls if call.name == "delete"]
    if deletes and "delete" not in done:
        yield reason("unrun", line=deletes[0].line)
    updates = [call for call in calls if call.name == "update" and not call.arguments]
    if updates and "update" not in done and not _fills_new_ones(calls, before):
        yield reason("unrun", line=updates[0].line)


def _executes_drop(call: Call) -> bool:
    return call.name == "execute" and any(_DROPS.search(text) for text in call.arguments)


def _is_there(thing: str, before: Snapshot, after: Snapshot) -> bool:
    """Whether a table, or a column of it, is the same after as before."""
    table, _, column = thing.partition(".")
    old, new = before.named("table", f"public.{table}"), after.named("table", f"public.{table}")
    if not old or not new or old.key != new.key or not column:
        return bool(old and new and old.key == new.key)
    was, stays = (state.named("column", column, old.name) for state in (before, after))
    return bool(was and stays and was.key == stays.key)


def _fills_new_ones(calls: Sequence[Call], before: Snapshot) -> bool:
    """Whether all that is written by name are columns that were not there before."""
    named = {name for call in calls if call.name == "values" for name in call.names}
    return bool(named) and not named & {column.name for column in before.all("column")}
