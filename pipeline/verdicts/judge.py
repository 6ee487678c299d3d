"""From findings to a verdict: what was measured decides; what could not be is told by the words alone. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pipeline.verdicts import losses, sql, static, windows
from pipeline.verdicts.breaking import breaking
from pipeline.verdicts.findings import Failure, Findings, Measured, told
from pipeline.verdicts.guarded import not_run
from pipeline.verdicts.losses import State
from pipeline.verdicts.model import Reason, Verdict, label_of, reason, verdict_of
from pipeline.verdicts.schema import Change, Snapshot, Thing, compare, leftovers, short

_CONCURRENT = re.compile(r"create\s+unique\s+index\s+concurrently", re.IGNORECASE)
_NOT_VALID = re.compile(
    r"add\s+constraint\s+\"?(\w+)(?:(?!add\s+constraint)[^;])*?\bnot\s+valid\b", re.IGNORECASE
)

LOSING = ("drops", "truncates", "deletes", "overwrites", "may_change", "unrun", "loses_values")
"""Reasons after which the data is gone, whatever the way back makes anew."""


def judge(findings: Findings) -> Verdict:
    """The verdict on one revision."""
    seen = findings.measured
    if seen is None or seen.after is None:
        reasons, notes = _by_words(findings)
        if seen is not None and seen.failure is not None:
            besides = [one for one in reasons if label_of(one.code) not in ("unknown", "needs-window")]
            reasons = [_failed(seen.failure), *besides]
    else:
        reasons, notes = _by_measure(findings, seen, seen.after)
    evidence = {**findings.evidence, **told(findings)}
    return verdict_of(findings.revision, findings.title, [*reasons, *findings.doubts], evidence, notes)


def _failed(failure: Failure) -> Reason:
    statement = windows.told(failure.statement)
    if failure.kind == "Timeout":
        return reason("too_slow", said=failure.said)
    if failure.kind == "NotKept":
        return reason("not_kept")
    return reason(
        "fails", said=windows.told(failure.said, 300), sqlstate=failure.sqlstate or "", statement=statement
    )


def _by_measure(findings: Findings, seen: Measured, after: State) -> tuple[list[Reason], list[Reason]]:
    changes = compare(seen.before.schema, after.schema)
    felt = [one for change in changes if (one := _felt(change, findings.deployed, seen.before.schema))]
    texts = [*(one.text for one in seen.records), *findings.written]
    users = findings.deployed or seen.before.schema
    broken = breaking(felt, seen.before.schema, after.schema, users, _gently(texts))
    bodies = _bodies(seen, after, texts)
    lost = _lost(findings, seen, after, felt, texts, bodies)
    never = list(_with_rows(seen, after))
    waits = (
        []
        if never
        else windows.windows(seen.records, _on(findings, seen.before.schema), _rows(seen.before), bodies)
    )
    back = list(_way_back(findings, seen, after, changes, lost))
    refused = [] if broken.reasons or never else list(_refused(seen, broken.notes))
    reasons = [*broken.reasons, *refused, *_sequences(seen, after), *lost, *back, *waits, *never]
    return reasons, broken.notes


def _felt(change: Change, deployed: Snapshot | None, before: Snapshot) -> Change | None:
    """The change as the version in service feels it: not of what an earlier revision of this release has made.

    A column of a table that it knows is new to it, whatever becomes of the column meanwhile.
    """
    if deployed is None:
        return change
    of = change.thing.of
    owner = (
        next((thing for thing in before.things if thing.name == of and not thing.of), None) if of else None
    )
    if owner is not None and not deployed.knows(owner):
        return None
    if change.before is None or deployed.knows(change.before):
        return change
    return Change("added", "column", None, change.after) if change.kind == "column" and change.after else None


def _on(findings: Findings, before: Snapshot) -> Snapshot:
    """What is there before, without what nobody uses yet."""
    if findings.deployed is None:
        return before
    new = {thing.name for thing in before.all("table", "matview") if not findings.deployed.knows(thing)}
    return Snapshot(thing for thing in before.things if thing.name not in new and thing.of not in new)


def _rows(state: State) -> Mapping[tuple[int, ...], int]:
    return state.data.counts if state.data else {}


def _gently(texts: Sequence[str]) -> Callable[[Thing], bool]:
    """Which rules were made by the first step of the safe way: an index CONCURRENTLY, a constraint NOT VALID."""
    concurrent = any(_CONCURRENT.search(text) for text in texts)
    later = {name for text in texts for name in _NOT_VALID.findall(text)}
    return lambda rule: (concurrent and rule.facts.get("type", "u") in ("u", "p")) or rule.name in later


def _lost(
    findings: Findings,
    seen: Measured,
    after: State,
    felt: list[Change],
    texts: Sequence[str],
    bodies: dict[str, str],
) -> list[Reason]:
    on = State(_on(findings, seen.before.schema), seen.before.data)
    words = list(losses.by_words(texts, on, bodies))
    known = {(one.code, one.facts["table"]) for one in words}
    rows = [one for one in losses.by_rows(on, after) if (one.code, one.facts["table"]) not in known]
    if any(one.code == "truncates" for one in words):
        rows = [one for one in rows if one.code != "deletes"]
    hidden = losses.by_locks(seen.records, on, bodies)
    unseen = not_run(findings.calls, seen.records, on.schema, after.schema)
    return [*losses.drops(felt, seen.before, after, seen.back), *words, *rows, *hidden, *unseen]


def _bodies(seen: Measured, after: State, texts: Iterable[str]) -> dict[str, str]:
    """The functions that statements may call: those of before and after, and what is made only to be called."""
    functions = [*seen.before.schema.all("function"), *after.schema.all("function")]
    known = {one.name.partition("(")[0].rpartition(".")[2]: str(one.facts["body"]) for one in functions}
    return known | {name: body for text in texts for name, body in sql.defined(text).items()}


def _way_back(
    findings: Findings, seen: Measured, after: State, changes: list[Change], lost: list[Reason]
) -> Iterable[Reason]:
    """Why there is none. A revision that changes nothing needs none."""
    shown = False
    changed = _changes_anything(seen, after) or bool(lost)
    if findings.downgrade is not None and findings.downgrade.code != "downgrade_partial":
        if changed or findings.downgrade.code == "downgrade_raises":
            yield findings.downgrade
    elif seen.down_failure is not None:
        yield reason("downgrade_fails", said=windows.told(seen.down_failure.said, 300))
    elif seen.back is not None:
        found = list(losses.way_back(seen.before, seen.back))
        shown = any(one.code == "data_not_back" for one in found)
        yield from (*found, *_again(seen, after))
    losing = [one for one in lost if one.code in LOSING]
    if losing and not shown and not _brought_back(seen, after):
        yield reason("data_not_back", what=sorted({_what(one) for one in losing}))


def _changes_anything(seen: Measured, after: State) -> bool:
    found = [c for c in compare(seen.before.schema, after.schema, ("last", "valid")) if c.what != "anew"]
    moved = list(losses.by_rows(seen.before, after)) or list(_sequences(seen, after))
    return bool(found or moved) or _rows_differ(seen.before, after)


def _rows_differ(before: State, after: State) -> bool:
    if before.data is None or after.data is None:
        return False
    return dict(before.data.counts) != dict(after.data.counts) or dict(before.data.columns) != dict(
        after.data.columns
    )


def _again(seen: Measured, after: State) -> Iterable[Reason]:
    """The same upgrade after the downgrade: it works, and gives the same."""
    if seen.again_failure is not None:
        yield reason("up_again_fails", said=windows.told(seen.again_failure.said, 300))
    elif seen.again is not None and leftovers(after.schema, seen.again.schema):
        yield reason("up_again_fails", said="the second upgrade leaves another schema than the first")


def _brought_back(seen: Measured, after: State) -> bool:
    """Whether rows were lost on the way up, and every one of them was there again after the way down."""
    if not seen.filled or seen.back is None or seen.before.data is None:
        return False
    touched = [*losses.by_rows(seen.before, after), *_emptied(seen, after)]
    return bool(touched) and not any(
        one.code == "data_not_back" for one in losses.way_back(seen.before, seen.back)
    )


def _emptied(seen: Measured, after: State) -> Iterable[Change]:
    """Tables and columns with something in them that are gone."""
    data = seen.before.data
    for change in compare(seen.before.schema, after.schema):
        if change.what == "removed" and data is not None:
            bag = data.columns.get(change.thing.key, {})
            if set(bag) - {None} or data.counts.get(change.thing.key):
                yield change


def _what(one: Reason) -> str:
    return str(one.facts.get("thing") or one.facts.get("table") or f"line {one.facts['line']}")


def _refused(seen: Measured, notes: Sequence[Reason]) -> Iterable[Reason]:
    """Tables that take no row of the version in service; not by a rule that is noted already."""
    rules = [str(one.facts["name"]) for one in notes if one.code == "new_constraint"]
    for table, said in seen.refused:
        if not any(rule in said for rule in rules):
            yield reason("old_write_refused", table=short(table), said=windows.told(said))


def _sequences(seen: Measured, after: State) -> Iterable[Reason]:
    """A sequence that gives numbers again which it has given before, while their rows are still there."""
    for old in seen.before.schema.all("sequence"):
        new = after.schema.by_key.get(("sequence", old.key))
        emptied = any(one.verb == "truncate" for record in seen.records for one in sql.acts(record.text))
        if new is not None and not emptied and (new.facts["last"] or 0) < (old.facts["last"] or 0):
            yield reason("sequence_back", thing=old.full)


def _with_rows(seen: Measured, after: State) -> Iterable[Reason]:
    """It works on empty tables only: for sure where a new column must have a value and gets none."""
    failure = seen.with_rows
    if failure is None:
        return
    changes = compare(seen.before.schema, after.schema)
    required = [c for c in changes if c.what == "added" and c.kind == "column" and c.thing.facts["required"]]
    makes_none = [c for c in required if not (c.thing.facts["default"] or c.thing.facts["identity"])]
    if failure.sqlstate == "23502" and makes_none:
        yield reason("fails_with_rows", said=windows.told(failure.said, 300))


def _by_words(findings: Findings) -> tuple[list[Reason], list[Reason]]:
    if findings.texts is None:
        found = list(static.by_calls(findings.calls))
    else:
        found = list(static.by_texts(findings.texts, findings.lint))
    losing = [one for one in found if one.code in LOSING]
    if findings.downgrade is not None and (findings.texts is None or findings.texts or found):
        found.append(findings.downgrade)
    if losing:
        found.append(reason("data_not_back", what=sorted({_what(one) for one in losing})))
    return found, []
