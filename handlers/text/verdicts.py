"""What the judge found of a migration, in sentences: why each label holds, and the way that does "
"not need it."""

from collections.abc import Mapping
from typing import Any

from handlers.text.language import listed, mark, tr
from pipeline.verdicts import Label, Reason, Verdict, label_of

LABEL_WORDS: Mapping[Label, str] = {
    "safe": mark("safe to run"),
    "needs-window": mark("needs a window"),
    "destructive": mark("loses data"),
    "irreversible": mark("no way back"),
    "breaks-old-version": mark("breaks the version in service"),
    "fails-to-apply": mark("does not run"),
    "unknown": mark("a person has to look"),
}

KINDS: Mapping[str, str] = {
    "table": mark("the table"),
    "foreign": mark("the foreign table"),
    "column": mark("the column"),
    "view": mark("the view"),
    "matview": mark("the materialized view"),
    "function": mark("the function"),
    "enum": mark("the type"),
    "domain": mark("the type"),
    "composite": mark("the type"),
    "range": mark("the type"),
    "type": mark("the type"),
    "sequence": mark("the sequence"),
    "schema": mark("the schema"),
    "extension": mark("the extension"),
}

SENTENCES: Mapping[str, str] = {
    # fails-to-apply
    "fails": mark("It fails: {said}."),
    "fails_with_rows": mark("It fails as soon as there are rows: {said}."),
    "not_kept": mark("It runs, and nothing of it is kept: env.py does not commit."),
    # breaks-old-version
    "gone": mark("The version in service may still use {kind} {thing}, which is gone."),
    "renamed": mark("The version in service knows {kind} {thing}, which is called {to} now."),
    "values_gone": mark(
        "The version in service may write {values}, which the type {thing} does not take any more."
    ),
    "required_column": mark(
        "Each new row of {table} must have {column}, which the version in service does not know and no "
        "default gives."
    ),
    "default_gone": mark(
        "{table}.{column} must have a value, and its default, which the version in service needs, is gone."
    ),
    "not_null": mark("{table}.{column} takes no NULL any more, which the version in service may write."),
    "new_constraint": mark(
        "{table} gets the rule {name} ({rule}), which rows of the version in service may break."
    ),
    "key_gone": mark(
        "The key {name} of {table} is gone: an upsert of the version in service that names its columns fails."
    ),
    "type_changed": mark(
        "{table}.{column} becomes {after} instead of {before}: the version in service reads and writes "
        "the old type."
    ),
    "written_by_database": mark(
        "{table}.{column} is written by the database now, and refuses what the version in service writes."
    ),
    "trigger_refuses": mark("The trigger {name} on {table} may refuse what the version in service writes."),
    "trigger_gone": mark(
        "The trigger {name} on {table}, on whose work the version in service may rely, is gone."
    ),
    "rule_added": mark(
        "The rule {name} on {table} puts something else in the place of what the version in service does."
    ),
    "row_security": mark(
        "Row-level security on {table} hides rows from the version in service, and refuses others."
    ),
    "policy_changed": mark(
        "The policy {name} on {table} may hide rows from the version in service, or refuse them."
    ),
    "revoked": mark("Rights on {thing} are taken away that the version in service may need: {rights}."),
    "owner_changed": mark(
        "{thing} belongs to {to} now: the version in service may have lost its rights on it."
    ),
    "result_changed": mark("{thing} takes or gives something else than the version in service expects."),
    "sequence_back": mark("The sequence {thing} goes back, and gives numbers again that rows have already."),
    "not_updatable": mark("{thing} does not take all the writes of the version in service any more."),
    "rows_hidden": mark("The rows of {part} cannot be found in {table} any more."),
    "old_write_refused": mark("{table} does not take rows as the version in service writes them: {said}."),
    # destructive
    "drops": mark("The data in {kind} {thing} is lost."),
    "truncates": mark("All rows of {table} are lost."),
    "deletes": mark("Rows of {table} are deleted."),
    "overwrites": mark("Values in {table} ({columns}) are overwritten, and kept nowhere."),
    "may_change": mark(
        "It may delete or change rows of {table}: what it runs is put together as it runs ({statement})."
    ),
    "unrun": mark("It deletes or changes rows in line {line}, which did not run in the trial."),
    "loses_values": mark("Rows cannot keep {values}: the type {thing} does not have it any more."),
    "narrows": mark(
        "{table}.{column} becomes {after} instead of {before}: what does not fit is lost, or stops the "
        "migration."
    ),
    "unlogged": mark("{table} becomes unlogged: its rows are lost when the server crashes."),
    # irreversible
    "downgrade_unreadable": mark("Its file cannot be read as Python, so that no way back is known."),
    "downgrade_missing": mark("It has no downgrade()."),
    "downgrade_empty": mark("Its downgrade() does nothing."),
    "downgrade_raises": mark("Its downgrade() raises {error} (line {line})."),
    "downgrade_fails": mark("Its downgrade() fails: {said}."),
    "downgrade_partial": mark("Its downgrade() does not put everything back: {left}."),
    "data_not_back": mark("Its downgrade() does not bring the data back: {what}."),
    "up_again_fails": mark("After its downgrade() it cannot run again: {said}."),
    # needs-window
    "window_rewrite": mark(
        "{table} is written anew as a whole, and nobody can read or write it meanwhile: {statement}."
    ),
    "window_scan": mark("{table} is read as a whole under a lock that {stops}: {statement}."),
    "window_update": mark(
        "The rows of {table} are changed in one go, and stay locked until its end: {statement}."
    ),
    "window_lock": mark("{table} is locked until the end of the migration: {statement}."),
    "window_reindex": mark(
        "The index {index} is built anew, and {table} takes no writes meanwhile: {statement}."
    ),
    "window_refresh": mark("{table} is filled anew, and nobody can read it meanwhile: {statement}."),
    "window_lint": mark("It may hold a lock for as long as a table takes to be read ({rule}): {statement}."),
    # unknown
    "not_measured": mark("It was not tried on a database: {why}."),
    "not_rendered": mark("Its SQL cannot be told without running it."),
    "too_slow": mark("It did not end: {said}."),
    "unread": mark("What this does was not understood: {statement}."),
    "edited": mark(
        "{file} was changed after it was released: databases that have it already do not get the change."
    ),
    "environment": mark("env.py does not run here ({said}); it was tried without env.py."),
    "other_database": mark("It is for {name}: only what its words tell is known."),
    "here_missing": mark(
        "The server that it was tried on lacks something that the product's may have: {said}."
    ),
    "several_heads": mark("There are several heads ({heads}): `alembic upgrade head` refuses; merge them."),
}

ADVICE: Mapping[str, str] = {
    "column": mark(
        "Expand, then contract: release a version that does not use {thing}, list it in its playbook under "
        "[migrations] contractions, and drop it in the release after that."
    ),
    "gone": mark(
        "Expand, then contract: release a version that does not use {thing}, list it in its playbook under "
        "[migrations] contractions, and take it away in the release after that."
    ),
    "renamed": mark(
        "Do not rename what is in use: add {to} beside {thing}, write both, copy the old values, read the "
        "new one; drop {thing} in "
        "a later release. A table can be renamed behind a view of its old name."
    ),
    "values_gone": mark(
        "Stop writing the values in one release, change the rows, and take the values away in the next one."
    ),
    "required_column": mark(
        "Give the column a default, or let it be NULL: fill it, have the application write it, and "
        "require it in the next release."
    ),
    "default_gone": mark("Keep the default until no version that leaves the column out is in service."),
    "not_null": mark(
        "Release a version that always writes the column; then add CHECK (... IS NOT NULL) NOT VALID, "
        "validate it in a migration "
        "of its own, and set NOT NULL in the release after that."
    ),
    "new_constraint": mark(
        "Have the application keep the rule for one release; then add it NOT VALID (a unique one as an "
        "index made CONCURRENTLY), "
        "and validate it in a migration of its own."
    ),
    "type_changed": mark(
        "Add a column of the new type beside it, write both, copy in batches, read the new one; drop the "
        "old one in a later release."
    ),
    "trigger_refuses": mark(
        "Have the application keep the rule for one release before the database refuses what breaks it."
    ),
    "deletes": mark("Keep what goes: copy it to another table first, and drop that one in a later release."),
    "overwrites": mark("Write to a new column, and leave the old one as it is until a later release."),
    "window_rewrite": mark(
        "Without a window: add a new column, fill it in batches, and switch over; never rewrite a large "
        "table in place."
    ),
    "window_index": mark(
        "Without a window: CREATE INDEX CONCURRENTLY, in op.get_context().autocommit_block()."
    ),
    "window_scan": mark(
        "Without a window: add the constraint NOT VALID, and VALIDATE it in a migration of its own, which "
        "locks nobody out."
    ),
    "window_update": mark(
        "Without a window: update in batches of some thousand rows, each in a transaction of its own."
    ),
    "window_reindex": mark("Without a window: REINDEX ... CONCURRENTLY."),
    "window_refresh": mark(
        "Without a window: REFRESH MATERIALIZED VIEW CONCURRENTLY (it needs a unique index)."
    ),
    "downgrade_empty": mark(
        "Write a downgrade() that undoes each step, or say in the release's notes why there is none."
    ),
    "edited": mark("Put the file back as it was released, and make the change in a new revision."),
}

_STOPS = {"all": mark("keeps everybody out"), "writes": mark("keeps all writes out")}
_SAME = {
    "drops": "",
    "downgrade_missing": "downgrade_empty",
    "downgrade_raises": "downgrade_empty",
    "narrows": "type_changed",
    "not_updatable": "gone",
    "policy_changed": "trigger_refuses",
    "result_changed": "gone",
    "revoked": "gone",
    "row_security": "trigger_refuses",
    "trigger_gone": "gone",
    "truncates": "deletes",
    "written_by_database": "type_changed",
}
"""Reasons with another one's advice."""


def sentence(reason: Reason) -> str:
    """Why a label holds (or what is to be known besides), as plain text."""
    return tr(SENTENCES[reason.code], **_words(reason))


def advice(reason: Reason) -> str:
    """What to do instead; "" where there is nothing more to say."""
    key = _SAME.get(reason.code, reason.code)
    if key == "gone" and reason.facts.get("kind") == "column":
        key = "column"
    if key == "window_scan" and " index " in f" {reason.facts['statement']} ".lower():
        key = "window_index"
    return tr(ADVICE[key], **{"to": "", "thing": _thing(reason), **_words(reason)}) if key in ADVICE else ""


def advices(verdict: Verdict) -> list[str]:
    """The advice on a verdict, each once."""
    return list(dict.fromkeys(filter(None, (advice(one) for one in verdict.reasons))))


def sentences(verdict: Verdict) -> list[tuple[str, str]]:
    """Every reason as its label and its sentence, worst first."""
    return [(label_of(one.code), sentence(one)) for one in verdict.reasons]


def _thing(reason: Reason) -> str:
    facts = reason.facts
    return str(facts.get("thing") or ".".join(str(facts[key]) for key in ("table", "column") if key in facts))


def _words(reason: Reason) -> dict[str, Any]:
    """The facts of a reason as words."""
    words = {name: _word(name, fact) for name, fact in reason.facts.items()}
    return {
        name: word.rstrip(".") if name in ("said", "why", "statement") else word
        for name, word in words.items()
    }


def _word(name: str, fact: Any) -> str:
    if name == "kind":
        return tr(KINDS[fact]) if fact in KINDS else str(fact)
    if name == "stops":
        return tr(_STOPS[fact])
    if name == "left":
        return listed([f"{one['thing']}" for one in fact]) or "?"
    return listed([str(one) for one in fact]) if isinstance(fact, list | tuple) else str(fact)
