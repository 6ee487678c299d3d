"""The audit log in a terminal: entries as lines, and what is wrong with a chain."""

import json
import re
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

from handlers.text.refusals import plain as refusal_sentence
from handlers.text.stages import sentence
from pipeline.chain import Broken, Entry, Why
from pipeline.errors import Refused
from pipeline.plain import plain

Facts = dict[str, Any]

WIDEST = 200
"""Characters of what an entry says; its export has all of it."""

_MARKUP = re.compile(r"<!date\^[^|>]*\|([^>]*)>|<[@#!](?:subteam\^)?([^>|]*)(?:\|[^>]*)?>")

_NEXT = (
    "Next: keep the database as it is, compare it with a backup or an export from before, and find out who could"
    " write to it."
)

_BROKEN: Mapping[Why, str] = {
    "changed": "it is not as it was written",
    "missing": "it is missing{until}",
    "order": "it does not follow the entry before it",
    "head": "it is not the one that the log ended with",
    "beyond": "the log ended before it, or where it ended was taken away",
    "unsealed": "it was written without the key. If RELEASEBOT_AUDIT_KEY was set later, say with which entry that"
    " began: --sealed-from NUMBER (the bot's log has it)",
    "other_key": "it was sealed with {key}",
}


def broken(product: str, found: Broken, has_key: bool) -> str:
    """Where a chain is not as it was written, and what next."""
    key = "another key than RELEASEBOT_AUDIT_KEY" if has_key else "a key, and RELEASEBOT_AUDIT_KEY is not set"
    until = f", as are all up to {found.until:,}" if found.until > found.seq else ""
    why = _BROKEN[found.why].format(until=until, key=key)
    before = f"The {found.seq - 1:,} before it are as they were written. " if found.seq > 1 else ""
    return f"The audit log of {product} is broken at entry {found.seq:,}: {why}.\n{before}{_NEXT}"


def told(entry: Entry) -> str:
    """One line: when, which entry, who and from where, what, of which version at which commit."""
    at = entry.at[:19].replace("T", " ")
    who = f"{entry.actor} ({entry.source})" if entry.source not in ("", entry.actor) else entry.actor
    of = f" {entry.version}" if entry.version else ""
    commit = f" at {entry.commit[:10]}" if entry.commit else ""
    what = entry.kind.replace("_", " ")
    said = _said(entry)
    return plain(
        f"{at} UTC  {entry.product} {entry.seq}  {who}: {what}{of}{commit}{': ' * bool(said)}{said}", 400
    )


def _said(entry: Entry) -> str:
    """What the payload says, in words; what a later version or another hand wrote is shown as it stands."""
    try:
        return plain(_SAYS.get(entry.kind, _usual)(json.loads(entry.payload)), WIDEST)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return plain(entry.payload, WIDEST)


def _stage(facts: Facts) -> str:
    return f"{facts['stage']}: {_unmarked(sentence(facts['code'], facts['facts']))}"


def _refused(facts: Facts) -> str:
    asked = f"{facts['asked']} {facts['typed']}".strip()
    return f"{asked}: {_unmarked(refusal_sentence(Refused(facts['code'], **facts['facts'])))}"


def _counted(facts: Facts) -> str:
    codes = ", ".join(f"{code} {times} times" for code, times in facts["codes"].items())
    return f"{codes}, since {facts['since'][:19].replace('T', ' ')} UTC"


def _deployed(facts: Facts) -> str:
    return f"{facts['kind']}: {facts['environment']} serves {facts['version']}"


def _usual(facts: Facts) -> str:
    """The words of a fact that has some: a reason, a note, what was ticked, a stage."""
    words = (str(facts[name]) for name in ("stage", "title", "reason", "note", "found_by") if facts.get(name))
    return ", ".join(words)


_SAYS: Mapping[str, Callable[[Facts], str]] = {
    "stage_succeeded": _stage,
    "stage_failed": _stage,
    "stage_skipped": _stage,
    "request_refused": _refused,
    "requests_refused": _counted,
    "version_deployed": _deployed,
}


def _unmarked(text: str) -> str:
    """A sentence for Slack without its markup."""
    return unescape(_MARKUP.sub(lambda found: found[1] or found[2], text)).replace("`", "")
