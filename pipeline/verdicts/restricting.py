"""Constraints and unique indexes that refuse what could be written before. Pure.

One that is added without looking at the rows there are (NOT VALID, or a unique index made CONCURRENTLY) is the first
step of the safe way: it is noted, and not held against the migration. New rows are checked at once all the same.
"""

import re
from collections.abc import Callable

from pipeline.verdicts.model import Reason, reason
from pipeline.verdicts.schema import Change, Snapshot, Thing, short


def restriction(
    change: Change, states: tuple[Snapshot, Snapshot, Snapshot], gently: Callable[[Thing], bool]
) -> tuple[list[Reason], list[Reason]]:
    """A new rule for columns that the version in service writes: held against the migration, or only noted.

    `states` are before, after, and what the version in service knows; `gently`: whether a rule was first made so.
    """
    before, after, deployed = states
    new = change.after
    if new is None or not _is_rule(new) or not _on_old_columns(new, deployed, after):
        return [], []
    if _says_the_same(change.before, new) or _follows(new, before):
        return [], []
    told = [reason("new_constraint", table=short(new.of), name=new.name, rule=_rule_text(new))]
    gentle = not new.facts["valid"] or gently(new)
    return ([], told) if gentle else (told, [])


def freed(change: Change, after: Snapshot) -> tuple[list[Reason], list[Reason]]:
    """A key that is gone: an upsert that names its columns fails then. Noted only, where it is not the primary key."""
    old = change.thing
    unique = old.facts["unique"] if old.kind == "index" else old.facts["type"] in ("p", "u")
    columns = set(old.facts["columns"] or ())
    others = [set(one.facts["columns"] or ()) for one in after.parts(old.of, "index") if one.facts["unique"]]
    if not unique or columns in others:
        return [], []
    told = [reason("key_gone", table=short(old.of), name=old.name)]
    return (told, []) if old.facts.get("type") == "p" else ([], told)


def _says_the_same(old: Thing | None, new: Thing) -> bool:
    return old is not None and old.facts.get("def") == new.facts.get("def")


def _is_rule(thing: Thing) -> bool:
    if thing.kind == "index":
        return bool(thing.facts["unique"] and not thing.facts["constraint"])
    return True


def _on_old_columns(rule: Thing, before: Snapshot, after: Snapshot) -> bool:
    """Whether rows that the version in service writes can meet it: not where a column is new and stays empty."""
    if rule.facts.get("on") == "domain":
        return any(t.name == rule.of for t in before.all("domain"))
    table = after.named("table", rule.of)
    if table is None or not _is_known(table, before):
        return False
    columns = [after.named("column", name, rule.of) for name in rule.facts["columns"] or ()]
    old = [column for column in columns if column and _is_known(column, before)]
    return len(old) == len(columns) or (bool(old) and rule.facts.get("type") == "c")


def _is_known(thing: Thing, schema: Snapshot) -> bool:
    return schema.knows(thing) or schema.named(thing.kind, thing.name, thing.of) is not None


def _follows(new: Thing, before: Snapshot) -> bool:
    """Whether an index or a constraint from before says the same already."""
    columns = new.facts["columns"]
    unique = new.kind == "index" or new.facts["type"] in ("p", "u")
    if unique and columns and not new.facts.get("partial"):
        others = [i for i in before.parts(new.of, "index") if i.facts["unique"] and not i.facts["partial"]]
        return any(set(i.facts["columns"] or ()) <= set(columns) and i.facts["columns"] for i in others)
    return any(_as_strict(one, new) for one in before.parts(new.of, "constraint"))


def _as_strict(old: Thing, new: Thing) -> bool:
    """Whether the constraint from before refuses all that the new one does: a longer list of values is laxer."""
    if old.facts["type"] != new.facts["type"]:
        return False
    if new.facts["type"] == "f":  # what happens when the other row goes is no matter of writing this one
        return (
            re.split(r" ON | DEFERR", old.facts["def"])[0] == re.split(r" ON | DEFERR", new.facts["def"])[0]
        )
    (form, had), (now, has) = _listed(old.facts["def"]), _listed(new.facts["def"])
    return form == now and had <= has


def _listed(definition: str) -> tuple[str, frozenset[str]]:
    values = re.findall(r"'(?:[^']|'')*'", definition)
    form = re.sub(r"ARRAY\[.*?\]", "ARRAY", definition) if "ARRAY[" in definition else definition
    return form, frozenset(values)


def _rule_text(thing: Thing) -> str:
    if thing.kind == "index":
        return f"UNIQUE ({', '.join(thing.facts['columns'] or ['…'])})"
    return str(thing.facts["def"]).replace("public.", "")[:120]
