"""What a refused person reads: what, why, and what next. Keys are the codes of pipeline.errors.Refused."""

from collections.abc import Mapping

from handlers.text.words import STATES, person, safe
from pipeline.config import SlackNames
from pipeline.errors import Refused

Sentences = tuple[str, str, str]

AUTHORITY: Mapping[str, Sentences] = {
    "stranger": (
        "You cannot do that here.",
        "Your workspace is not one that this bot takes orders from.",
        "Ask somebody of the team that owns the product.",
    ),
    "untrusted": (
        "You cannot do that.",
        "This account {why}.",
        "Ask a full member of the team to do it.",
    ),
    "lookup_failed": (
        "I could not check who you are, so I did nothing.",
        "Slack answered: {error}.",
        "Try again in a minute; if it stays, tell the bot's operator.",
    ),
    "may_not_start": ("You cannot start a release.", "It is for {who}.", "Ask one of them."),
    "may_not_approve": ("You cannot decide this.", "Approvals are for {who}.", "Ask one of them."),
    "may_not_rollback": (
        "You cannot roll back.",
        "It is for {who}.",
        "Ask one of them now.",
    ),
    "may_not_tick": (
        "You cannot tick this item.",
        "It is for those who may start, approve or roll back releases of this product.",
        "Ask one of them.",
    ),
    "own_evaluation": (
        "You cannot overrule the evaluation of this release.",
        "You started {version}, and four eyes see more than two: whoever starts a release overrules nothing of it.",
        "Ask another approver, or run the evaluation again.",
    ),
    "own_release": (
        "You cannot approve this release.",
        "You started it, and four eyes see more than two: whoever starts a release never approves it.",
        "Ask another approver; rejecting it is open to you.",
    ),
}

VERSIONS: Mapping[str, Sentences] = {
    "bad_version": ("`{text}` is not a version.", "It cannot be read: {why}", "{following}"),
    "version_missing": (
        "Which version?",
        "`{command}` needs a version.",
        "Type for example `{command} {example}`.{candidates}",
    ),
    "bad_command": (
        "I do not know `{text}`.",
        "It is neither a version such as v0.2.0 nor one of my commands.",
        "{near}`{command} help` lists everything.",
    ),
    "already_live": (
        "{version} is live already.",
        "There is nothing to release: production serves exactly this version.",
        "Release a newer version, or look with `/release status`.",
    ),
    "tag_exists": (
        "{version} was released before.",
        "Its tag exists, and a tag is never moved.",
        "Release the next patch version instead.",
    ),
    "older": (
        "{version} is older than {last}.",
        "A release only goes forward; the way back is a rollback.",
        "Use `/rollback`, or release a version after {last}.",
    ),
    "unknown_commit": (
        "There is no commit `{ref}`.",
        "The repository has no branch, tag or commit of this name.",
        "Look at the name, or leave it out to release the candidate tag or the tip of main.",
    ),
    "not_on_main": (
        "{version} cannot be released from `{commit}`.",
        "The commit (`{ref}`) is not on {branch}: it was not merged by a reviewed pull request.",
        "Merge it to {branch} first, then release again.",
    ),
}

STATE: Mapping[str, Sentences] = {
    "already_running": (
        "Another release is under way: {version}.",
        "One product has one release at a time, and `{release}` holds the lock.",
        "Look with `/release status`; wait for it, or stop it with `/release abort`.",
    ),
    "locked": (
        "Production is locked.",
        "Nothing was started. The lock of {by} says: {reason}.",
        "When the cause is dealt with, an approver types `/release unlock`.",
    ),
    "not_locked": (
        "Nothing is locked.",
        "{product} has no lock on production.",
        "Go on; the next release can start.",
    ),
    "lock_held": (
        "This lock cannot be opened now.",
        "{version} is under way and holds it.",
        "Wait for it, or stop it with `/release abort`.",
    ),
    "repository_unreadable": (
        "I could not read the repository, so nothing was started.",
        "{error}",
        "Check `repository` in bot.toml and the bot's access, then try again.",
    ),
    "playbook_missing": (
        "There is no `{path}` at commit `{commit}`.",
        "Without a playbook I do not know how to test and deploy it.",
        "Write one with `releasebot init` and merge it.",
    ),
    "playbook_wrong": (
        "The playbook cannot be used.",
        "{error}",
        "Mend it on main; `releasebot check` tells the same on your machine.",
    ),
    "which_product": (
        "Which product?",
        "This channel belongs to none, and I release {products}.",
        "Use the product's own channel.",
    ),
    "unknown_release": (
        "I do not know this release.",
        "There is no `{release}`.",
        "Look at `/release list`.",
    ),
    "out_of_date": (
        "That button or form was out of date.",
        "{version} has moved on since; nothing was changed.",
        "Look at the release's message, or type `/release status`.",
    ),
    "already_decided": (
        "This was decided already.",
        "{by} has {decision} it. Your click changed nothing.",
        "Follow the release's message.",
    ),
    "nothing_to_approve": (
        "There is nothing to approve now.",
        "{version}: {status}.",
        "I ask in the channel when an approval is needed.",
    ),
    "nothing_released": (
        "Nothing has been released yet.",
        "I know of no version in production.",
        "Start with `/release` and a version, such as `/release v0.1.0`.",
    ),
    "already_rolling_back": (
        "{version} is going back already.",
        "Somebody was faster.",
        "Follow the release's message.",
    ),
    "already_ended": (
        "{version} has ended: {status}.",
        "There is nothing left to stop or turn back.",
        "See `/release status`.",
    ),
    "already_stopping": (
        "{version} is being stopped already.",
        "It failed, or somebody stopped it a moment ago; what it prepared is being taken away.",
        "See `/release status`.",
    ),
    "not_in_production": (
        "{version} has not reached production.",
        "No user has seen it, so there is nothing to roll back.",
        "Stop it with `/release abort`.",
    ),
    "in_production": (
        "{version} has reached production.",
        "Stopping half-way would leave two versions serving.",
        "Use `/rollback`: it goes back in about a second while the previous version is warm.",
    ),
    "not_live": (
        "{version} is not live.",
        "Production serves {live}.",
        "Use `/rollback` for the version that is live.",
    ),
    "went_back_to_it": (
        "Production has just gone back to {version}.",
        "A second step back is not one press away: the version before it is neither warm nor looked at.",
        "Release a fix, when the lock is open again.",
    ),
    "nothing_to_go_back_to": (
        "{version} has no version before it.",
        "It is the first one that I put into production.",
        "Switch the feature off by its flag, or release a fix.",
    ),
    "reason_missing": (
        "A reason is needed.",
        "It goes into the announcement and the record.",
        "Write one sentence.",
    ),
    "press_again": (
        "Please press or type it again.",
        "I was busy or restarting, and Slack gives a form only three seconds to open.",
        "Nothing was changed; the same button works again.",
    ),
    "stale": (
        "I did not do what you asked a while ago.",
        "I was away, and by now it may not be what you want any more.",
        "Look at `/release status`, then ask again.",
    ),
    "trouble": (
        "That did not work; nothing was changed.",
        "{error}",
        "Try again in a minute; if it stays, tell the bot's operator.",
    ),
    "slack_trouble": (
        "I could not show you the form; nothing was changed.",
        "Slack answered: {error}.",
        "Try again in a minute; if it stays, tell the bot's operator.",
    ),
    "broken": (
        "Something of mine broke while I dealt with this.",
        "It is a mistake of the bot, not yours; part of it may be done.",
        "Look at `/release status`, and tell the bot's operator the reference `{reference}`.",
    ),
    "database_gone": (
        "I could not finish this yet.",
        "My database stopped answering; I go on with it as soon as it is back.",
        "Look at `/release status` in a minute, and ask again if nothing has changed.",
    ),
    "not_recorded": (
        "I could not record this, and nothing was started.",
        "My database does not answer.",
        "Try again in a minute; if it stays, tell the bot's operator.",
    ),
}

REFUSALS: Mapping[str, Sentences] = {**AUTHORITY, **VERSIONS, **STATE}

_USUAL = SlackNames()

_WORDS: Mapping[str, Mapping[str, str]] = {
    "status": {status.value: said for status, (_, said) in STATES.items()},
    "decision": {"approve": "approved", "reject": "rejected", "overrule": "overruled"},
}
"""Facts that are the pipeline's own words, as people say them."""

_MENTIONS = frozenset({"who", "candidates"})
"""Facts that we made ourselves and that carry markup; everything else is outside text."""


def sentences(refusal: Refused, names: SlackNames = _USUAL) -> Sentences:
    """What, why and what next, filled in, with the commands' `names`; an unknown code still says what it knows."""
    facts = {name: _shown(name, fact) for name, fact in refusal.facts.items()}
    found = REFUSALS.get(refusal.code, (refusal.code, "{facts}", "Tell the bot's operator."))
    known = _Known(facts, facts=", ".join(facts.values()))
    what, why, following = (_renamed(part, names).format_map(known) for part in found)
    return what, why, following


def _renamed(sentence: str, names: SlackNames) -> str:
    """Commands are written by their usual names above; the operator may have chosen others."""
    return sentence.replace("`/rollback", f"`{names.rollback}").replace("`/release", f"`{names.release}")


class _Known(dict[str, str]):
    """A sentence whose fact is missing is still better than none."""

    def __missing__(self, name: str) -> str:
        return f"({name} unknown)"


def _shown(name: str, fact: str) -> str:
    if name in _MENTIONS:
        return fact
    if name in _WORDS:
        return _WORDS[name].get(fact, safe(fact))
    return person(fact) if name == "by" else safe(fact, 600) or "(empty)"


def plain(refusal: Refused) -> str:
    """One line for a terminal or a log."""
    return " ".join(part.replace("`", "") for part in sentences(refusal))
