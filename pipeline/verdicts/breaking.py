"""What the version in service meets on the new schema: the difference, as its reads and writes feel it. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.verdicts import sql, types
from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.restricting import freed, restriction
from pipeline.verdicts.schema import Change, Snapshot, Thing, short

ALL_WRITES = 28
"""pg_relation_is_updatable: insert, update and delete."""

BEFORE_INSERT = 2 | 4
"""pg_trigger.tgtype: before, and insert."""


@dataclass
class Found:
    """Reasons, and notes that stand beside them."""

    reasons: list[Reason] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)


def breaking(
    changes: list[Change],
    before: Snapshot,
    after: Snapshot,
    deployed: Snapshot,
    gently: Callable[[Thing], bool],
) -> Found:
    """Why the version in service, which knows `deployed`, may fail; `gently`: whether a rule was made by steps."""
    found = Found()
    for change in changes:
        found.reasons += _RULES.get((change.kind, change.what), _nothing)(change, before, after)
        if change.what in ("changed", "renamed"):
            found.reasons += _rights(change)
        if change.kind in ("constraint", "index"):
            for held, noted in _of_rules(change, (before, after, deployed), gently):
                found.reasons += held
                found.notes += noted
    return found


def _of_rules(
    change: Change, states: tuple[Snapshot, Snapshot, Snapshot], gently: Callable[[Thing], bool]
) -> Iterator[tuple[list[Reason], list[Reason]]]:
    if change.what == "removed" or change.fact("columns")[0] not in (None, change.fact("columns")[1]):
        yield freed(change, states[1])
    if change.what != "removed":
        yield restriction(change, states, gently)


Rule = Callable[[Change, Snapshot, Snapshot], Iterator[Reason]]


def _nothing(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    return iter(())


def _gone(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    """Something that can be named in a query, unless something of the same name stands in for it."""
    thing = change.thing
    if thing.kind == "function" and thing.facts["trigger"]:
        return
    if (
        thing.kind in ("table", "view", "matview", "foreign")
        and (code := _stand_in(thing, before, after)) != "gone"
    ):
        if code:
            yield reason(code, thing=thing.full, kind=thing.kind)
        return
    if thing.kind == "sequence" and _came_with_column(thing, before, after):
        return
    yield reason("gone", kind=thing.kind, thing=thing.full)


def _renamed(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    old, new = change.sides
    if old.kind in ("table", "view", "matview", "foreign"):
        code = _stand_in(old, before, after)
        if code != "gone":
            yield from [reason(code, thing=old.full, kind=old.kind)] if code else []
            return
    yield reason("renamed", kind=old.kind, thing=old.full, to=short(new.name))
    if old.kind == "column":
        yield from _column(change, before, after)


def _stand_in(old: Thing, before: Snapshot, after: Snapshot) -> str:
    """ "" when another relation of the same name has all its columns and takes all its writes, else what is wrong."""
    now = next((t for t in after.all("table", "view", "matview", "foreign") if t.name == old.name), None)
    if now is None:
        return "gone"
    columns = {column.name: column for column in after.parts(now.name, "column")}
    for column in before.parts(old.name, "column"):
        there = columns.get(column.name)
        if there is None or types.kind_of(column.facts["type"], there.facts["type"]) not in ("same", "wider"):
            return "gone"
    writable = (now.facts.get("updatable") or 0) & (old.facts.get("updatable") or 0)
    return "" if writable == (old.facts.get("updatable") or 0) else "not_updatable"


def _came_with_column(sequence: Thing, before: Snapshot, after: Snapshot) -> bool:
    """Whether it only made the values of a column that still makes its own (serial became identity)."""
    fed = [c for c in before.all("column") if f"'{sequence.name}'" in (c.facts["default"] or "")]
    now = [after.by_key.get(("column", c.key)) for c in fed]
    return bool(fed) and all(c is None or c.facts["identity"] or c.facts["default"] for c in now)


def _new_column(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    column = change.thing
    made = column.facts["default"] or column.facts["generated"] or column.facts["identity"]
    is_table = after.named("table", column.of) is not None
    if is_table and column.facts["required"] and not made and not _filled_by_trigger(column, after):
        yield reason("required_column", table=short(column.of), column=column.name)


def _filled_by_trigger(column: Thing, schema: Snapshot) -> bool:
    """Whether a trigger gives every new row a value for this column."""
    triggers = [
        t for t in schema.parts(column.of, "trigger") if t.facts["kind"] & BEFORE_INSERT == BEFORE_INSERT
    ]
    return any(
        re.search(rf"new\.\"?{re.escape(column.name)}\"?\s*:?=", t.facts["body"], re.I) for t in triggers
    )


def _column(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    old, new = change.sides
    named = {"table": short(old.of), "column": old.name}
    a, b = old.facts, new.facts
    differs = types.kind_of(a["type"], b["type"]) in ("narrower", "other")
    if differs and not _same_values(a["type"], b["type"], before, after):
        yield reason("type_changed", **named, before=short(a["type"]), after=short(b["type"]))
    if b["required"] and not a["required"] and not never_null(old, before):
        yield reason("not_null", **named)
    if b["required"] and _makes(a) and not _makes(b) and not _filled_by_trigger(new, after):
        yield reason("default_gone", **named)
    if (b["generated"] and not a["generated"]) or (b["identity"] == "a" and a["identity"] != "a"):
        yield reason("written_by_database", **named)


def _makes(facts: Mapping[str, object]) -> bool:
    return bool(facts["default"] or facts["generated"] or facts["identity"])


def _same_values(old: str, new: str, before: Snapshot, after: Snapshot) -> bool:
    """Whether one enum took the place of another that has all its values."""
    a, b = before.named("enum", old.replace('"', "")), after.named("enum", new.replace('"', ""))
    return bool(a and b and set(a.facts["values"]) <= set(b.facts["values"]))


def never_null(column: Thing, schema: Snapshot) -> bool:
    """Whether a check refuses NULL in this column already."""
    pattern = rf'\(?"?{re.escape(column.name)}"? IS NOT NULL\)?'
    checks = [one.facts["def"] for one in schema.parts(column.of, "constraint") if one.facts["type"] == "c"]
    return any(re.fullmatch(rf"CHECK \(\(*{pattern}\)*\)", check) for check in checks)


def _values(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    """An enum's values are those from before, and more of them."""
    had, has = change.fact("values")
    if gone := [value for value in had or () if value not in (has or ())]:
        yield reason("values_gone", thing=change.thing.full, values=gone)


def _table(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    a, b = change.fact("row security")
    if b and (not a or change.fact("forced") == (False, True)):
        yield reason("row_security", table=change.thing.full)
    if (
        change.fact("updatable")[0]
        and (change.fact("updatable")[1] or 0) & ALL_WRITES < change.fact("updatable")[0]
    ):
        yield reason("not_updatable", thing=change.thing.full, kind=change.thing.kind)
    if change.fact("parents")[0] and set(change.fact("parents")[0]) - set(change.fact("parents")[1] or ()):
        for parent in sorted(set(change.fact("parents")[0]) - set(change.fact("parents")[1] or ())):
            yield reason("rows_hidden", table=short(parent), part=change.thing.full)


def _trigger(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    new = change.after
    assert new is not None  # rules for what is gone are others
    was_on = change.before is not None and change.before.facts["enabled"] != "D"
    if new.facts["enabled"] == "D":
        yield from [reason("trigger_gone", table=short(new.of), name=new.name)] if was_on else []
    elif before.named("table", new.of) and sql.refuses(new.facts["body"]) and not _refused(change.before):
        yield reason("trigger_refuses", table=short(new.of), name=new.name)


def _refused(trigger: Thing | None) -> bool:
    return trigger is not None and trigger.facts["enabled"] != "D" and sql.refuses(trigger.facts["body"])


def _trigger_gone(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    yield reason("trigger_gone", table=short(change.thing.of), name=change.thing.name)


def _rule(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    yield reason("rule_added", table=short(change.thing.of), name=change.thing.name)


def _policy(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    """On a table whose rows are guarded: fewer rows may be seen or written than before."""
    table = before.named("table", change.thing.of)
    guarded = bool(table and table.facts["row security"])
    harmless = change.what == "added" and change.thing.facts["permissive"]
    harmless = harmless or (change.what == "removed" and not change.thing.facts["permissive"])
    if guarded and not harmless:
        yield reason("policy_changed", table=short(change.thing.of), name=change.thing.name)


def _function(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    fewer_defaults = (change.fact("defaults")[1] or 0) < (change.fact("defaults")[0] or 0)
    if "result" in change.fields or "kind" in change.fields or fewer_defaults:
        yield reason("result_changed", thing=change.thing.full)


def _sequence(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    if "maximum" in change.fields and change.fact("maximum")[1] < change.fact("maximum")[0]:
        yield reason("result_changed", thing=change.thing.full)


def _domain(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    if change.fact("required") == (False, True):
        yield reason("not_null", table=change.thing.full, column="VALUE")


def _composite(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Reason]:
    had, has = change.fact("attributes")
    if had and (has or [])[: len(had)] != had:
        yield reason("result_changed", thing=change.thing.full)


def _rights(change: Change) -> Iterator[Reason]:
    had, has = change.fact("acl")
    owner, now = change.fact("owner")
    if owner != now:
        yield reason("owner_changed", kind=change.kind, thing=change.thing.full, to=str(now))
    elif had is not None and set(had) - set(has or ()):
        rights = sorted({entry.partition(":")[2] for entry in set(had) - set(has or ())})
        yield reason("revoked", kind=change.kind, thing=change.thing.full, rights=rights)


_NAMED = ("table", "view", "matview", "foreign", "column", "function", "enum", "domain", "composite", "range",
          "sequence", "schema")  # fmt: skip
_RULES: Mapping[tuple[str, str], Rule] = {
    **{(kind, "removed"): _gone for kind in (*_NAMED, "extension")},
    **{(kind, "renamed"): _renamed for kind in _NAMED},
    ("column", "added"): _new_column,
    ("column", "changed"): _column,
    ("enum", "changed"): _values,
    ("table", "changed"): _table,
    ("view", "changed"): _table,
    ("trigger", "added"): _trigger,
    ("trigger", "changed"): _trigger,
    ("trigger", "renamed"): _nothing,
    ("trigger", "removed"): _trigger_gone,
    ("rule", "added"): _rule,
    ("rule", "changed"): _rule,
    ("policy", "added"): _policy,
    ("policy", "changed"): _policy,
    ("policy", "removed"): _policy,
    ("function", "changed"): _function,
    ("sequence", "changed"): _sequence,
    ("domain", "changed"): _domain,
    ("composite", "changed"): _composite,
}
