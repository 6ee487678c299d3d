"""What people read of feature flags."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from handlers.text.language import mark, tr
from handlers.text.words import person, plain_when, safe, when

REFUSALS: Mapping[str, str] = {
    "may_not_flags": mark("You cannot switch flags.\nIt is for {who}.\nAsk one of them now."),
    "no_flags": mark(
        "There are no flags in {where} yet.\n"
        "The first release with a flags file brings them there.\n"
        "Release one, or see docs/flags.md for how to begin by hand."
    ),
    "unknown_flag": mark(
        "There is no flag `{key}` in {where}.\n"
        "Its name has to be written exactly.\n"
        "{near}`/release flags` lists them all."
    ),
    "unknown_environment": mark(
        "There is no environment `{environment}`.\nThis product has {known}.\n{near}Leave it out for production."
    ),
    "flags_usage": mark(
        "I did not understand that.\n"
        "`/release flags` lists the flags; to switch one I need its name and on or off.\n"
        "Type for example `/release flags {key} off production too many complaints`."
    ),
    "flag_failed": mark(
        "I could not switch `{key}` in {where}.\n"
        "{error}\n"
        "Look at `/release flags`; docs/flags.md says how to switch it by hand."
    ),
    "flag_unconfirmed": mark(
        "I switched `{key}` in {where}, and could NOT confirm it.\n"
        "{error}\n"
        "I said so in the channel too; docs/flags.md says how to switch it by hand."
    ),
}

PROBLEMS: Mapping[str, str] = {
    "flag_on": mark("in {environment} the flag {flag} is on; safe is {safe}"),
    "flag_off": mark("in {environment} the flag {flag} is off; safe is {safe}"),
    "flag_rules": mark("in {environment} the flag {flag} has rules: not everyone gets the safe {safe}"),
    "flag_disabled": mark(
        "in {environment} the flag {flag} is disabled: each application's own default holds, not the safe {safe}"
    ),
    "flag_value": mark("in {environment} the flag {flag} is neither on nor off; safe is {safe}"),
    "flag_missing": mark("in {environment} the flag {flag} is missing; safe is {safe}"),
    "flags_unreadable": mark("the flags of {environment} cannot be read: {error}"),
    "flag_unsafe": mark("flag: {problem}"),
}
"""Why flags are not safe; the facts of pipeline.flags fill them in."""


def word(on: bool) -> str:
    return tr("on") if on else tr("off")


def state(on: bool | None, doubt: str, variant: str) -> str:
    """What everybody gets, in a word or a few."""
    if on is not None:
        return word(on)
    if doubt == "rules":
        return tr("rules decide, else {variant}", variant=safe(variant, 60))
    if doubt == "disabled":
        return tr("disabled: each application's own default")
    return tr("not on or off: {variant}", variant=safe(variant, 60))


def stands(on: bool | None, safe_state: bool | None) -> str:
    """A mark with its word: whether that is safe, as far as the playbook says."""
    if safe_state is None:
        return "▫️ " + tr("the playbook has no safe state for it")
    if on is safe_state:
        return "✅ " + tr("safe")
    return "⚠️ " + tr("not safe: that is {state}", state=word(safe_state))


def changed(by: str | None, at: datetime | None, reason: str, plainly: bool = False) -> str:
    """Who changed it last, when and why, as far as anybody knows; `plainly`: without Slack's markup."""
    if by is None and at is None:
        return tr("as it was deployed, or changed by hand")
    who = tr("somebody") if by is None else safe(by, 60) if plainly else person(safe(by, 60))
    moment = plain_when(at) if plainly else when(at, "{date_short_pretty} {time}")
    said = tr("switched by {who} {when}", who=who, when=moment)
    return f"{said}: {safe(reason, 150)}" if reason else said


def problems(found: Sequence[Mapping[str, str]]) -> str:
    """Why flags are not safe now."""
    return "; ".join(_problem(one).rstrip(".") for one in found[:4])


def _problem(found: Mapping[str, str]) -> str:
    facts = {name: safe(fact, 300) for name, fact in found.items()}
    if "safe" in found:
        facts["safe"] = word(found["safe"] == "on")
    said = PROBLEMS.get(found["code"])
    return tr(said, **facts) if said else safe(found["code"])


def ready(facts: Mapping[str, object]) -> str:
    """What preflight says of a commit that is ready, and of flags that are people's doing."""
    said = tr("commit `{commit}` is ready", commit=facts["commit"])
    flags = facts.get("flags")
    return f"{said} · ⚠️ {problems(flags)}" if isinstance(flags, list) and flags else said
