"""What a refused person reads: what, why, and what next, a line each. Keys are the codes of Refused."""

from collections.abc import Mapping

from handlers.text import flags
from handlers.text.language import mark
from handlers.text.refusal_authority import AUTHORITY
from handlers.text.refusal_hotfix import HOTFIX
from handlers.text.refusal_times import TIME

VERSIONS: Mapping[str, str] = {
    "bad_version": mark("`{text}` is not a version.\nIt cannot be read: {why}\n{following}"),
    "version_missing": mark(
        "Which version?\n`{command}` needs a version.\nType for example `{command} {example}`.{candidates}"
    ),
    "bad_command": mark(
        "I do not know `{text}`.\n"
        "It is neither a version such as v0.2.0 nor one of my commands.\n"
        "{near}`{command} help` lists everything."
    ),
    "too_much": mark(
        "I do not understand `{text}`.\n"
        "A version takes at most one commit after it.\n"
        "Leave the rest away, or look at what `{command} help` lists."
    ),
    "bad_days": mark(
        "`{text}` is no number of days.\n"
        "The metrics look back over whole days, 1 to {most}.\n"
        "Type `{command} metrics 30`, for example."
    ),
    "note_empty": mark(
        "The text in {language} is empty.\n"
        "Customers are told in each language that bot.toml names, or not at all.\n"
        "Write it, or leave the draft as it is."
    ),
    "note_sent": mark(
        "Customers have been told of {version} already.\n"
        "<@{by}> sent it, and it is sent only once.\n"
        "Write to them yourself where something is to be added."
    ),
    "note_not_live": mark(
        "Customers cannot be told of {version}.\n"
        "It is not in production any more, or not yet.\n"
        "Wait for the release that brings it back."
    ),
    "nothing_measured": mark(
        "There is nothing to measure.\n"
        "No release has met users in the last {days} days.\n"
        "Name more days, such as `{command} metrics 365`."
    ),
    "already_live": mark(
        "{version} is live already.\n"
        "There is nothing to release: production serves exactly this version.\n"
        "Release a newer version, or look with `/release status`."
    ),
    "tag_exists": mark(
        "{version} was released before.\n"
        "Its tag exists, and a tag is never moved.\n"
        "Release the next patch version instead."
    ),
    "older": mark(
        "{version} is older than {last}.\n"
        "A release only goes forward; the way back is a rollback.\n"
        "Use `/rollback`, or release a version after {last}."
    ),
    "unknown_commit": mark(
        "There is no commit `{ref}`.\n"
        "The repository has no branch, tag or commit of this name.\n"
        "{near}Look at the name, or leave it out to release the candidate tag or the tip of main."
    ),
    "unknown_version": mark(
        "{version} has never been released.\n"
        "I know no release of this version.\n"
        "{near}`/release list` shows the last ones."
    ),
    "not_on_main": mark(
        "{version} cannot be released from `{commit}`.\n"
        "The commit (`{ref}`) is not on {branch}: it was not merged by a reviewed pull request.\n"
        "Merge it to {branch} first, then release again."
    ),
}

STATE: Mapping[str, str] = {
    "already_running": mark(
        "Another release is under way: {version}.\n"
        "One product has one release at a time, and `{release}` holds the lock.\n"
        "Look with `/release status`; wait for it, or stop it with `/release abort`."
    ),
    "locked": mark(
        "Production is locked.\n"
        "Nothing was started. The lock of {by} says: {reason}.\n"
        "When the cause is dealt with, an approver types `/release unlock`."
    ),
    "not_locked": mark(
        "Nothing is locked.\n{product} has no lock on {where}.\nGo on; the next release can start."
    ),
    "lock_held": mark(
        "This lock cannot be opened now.\n"
        "{version} is under way and holds it.\n"
        "Wait for it, or stop it with `/release abort`."
    ),
    "repository_unreadable": mark(
        "I could not read the repository, so nothing was started.\n"
        "{error}\n"
        "Check `repository` in bot.toml and the bot's access, then try again."
    ),
    "playbook_missing": mark(
        "There is no `{path}` at commit `{commit}`.\n"
        "Without a playbook I do not know how to test and deploy it.\n"
        "Write one with `releasebot init` and merge it."
    ),
    "playbook_wrong": mark(
        "The playbook cannot be used.\n"
        "{error}\n"
        "Mend it on main; `releasebot check` tells the same on your machine."
    ),
    "which_product": mark(
        "Which product?\n"
        "This channel does not say it, and I release {products}.\n"
        "Use the product's own channel."
    ),
    "nothing_to_choose": mark(
        "There is nothing to choose from.\n"
        "`{command}` finds nothing of {product} that it could be done to.\n"
        "Look with `/release status`."
    ),
    "unknown_release": mark(
        "I do not know this release.\nThere is no `{release}`.\nLook at `/release list`."
    ),
    "out_of_date": mark(
        "That button or form was out of date.\n"
        "{version} has moved on since; nothing was changed.\n"
        "Look at the release's message, or type `/release status`."
    ),
    "already_decided": mark(
        "This was decided already.\n"
        "{by} has {decision} it. Your click changed nothing.\n"
        "Follow the release's message."
    ),
    "nothing_to_approve": mark(
        "There is nothing to approve now.\n"
        "{version}: {status}.\n"
        "I ask in the channel when an approval is needed."
    ),
    "no_logs": mark(
        "{version} has no output of that name.\n{why}\n{near}`/release logs` lists what there is."
    ),
    "nothing_released": mark(
        "Nothing has been released yet.\n"
        "I know of no version in production.\n"
        "Start with `/release` and a version, such as `/release v0.1.0`."
    ),
    "already_rolling_back": mark(
        "{version} is going back already.\nSomebody was faster.\nFollow the release's message."
    ),
    "already_ended": mark(
        "{version} has ended: {status}.\nThere is nothing left to stop or turn back.\nSee `/release status`."
    ),
    "already_stopping": mark(
        "{version} is being stopped already.\n"
        "It failed, or somebody stopped it a moment ago; what it prepared is being taken away.\n"
        "See `/release status`."
    ),
    "proven": mark(
        "This item cannot be opened again by hand.\n"
        "I have proven it, and look again by myself: {title}.\n"
        "If it is wrong, stop the release with `/release abort`."
    ),
    "nothing_to_retry": mark(
        "There is nothing to try again.\n"
        "{version}: {status}.\n"
        "A release that failed before production can be tried again; see `/release status`."
    ),
    "too_old_to_retry": mark(
        "{version} cannot be tried again.\n"
        "What it had prepared is no longer kept.\n"
        "Release it anew with `/release {version}`."
    ),
    "already_retried": mark(
        "{version} is being tried again already.\nSomebody was faster.\nFollow the release's message."
    ),
    "newer_has_begun": mark(
        "{version} cannot be tried again.\n"
        "{newer} has been asked for since.\n"
        "Release it anew with `/release {version}`, if it is still wanted."
    ),
    "skip_incomplete": mark(
        "Which step, and why?\n"
        "Skipping goes past a check, so that it needs a reason.\n"
        "Type for example `/release skip staging-checks the test itself is wrong`."
    ),
    "not_skippable": mark(
        "`{stage}` may not be skipped.\n"
        "{allowed_steps}\n"
        "{near}Mend what it found, and `/release retry`; what may be skipped is decided in playbook.toml."
    ),
    "not_to_be_skipped_now": mark(
        "`{stage}` of {version} cannot be skipped now.\n"
        "It neither waits nor has failed.\n"
        "See `/release status`."
    ),
    "no_canary": mark(
        "{version} has no canary now.\n"
        "Only a canary that takes its share can be paused or resumed.\n"
        "See `/release status`; `/release abort` stops before production, `/rollback` goes back after it."
    ),
    "already_paused": mark(
        "{version} is paused already.\nSomebody was faster.\nGo on with `/release resume`."
    ),
    "not_paused": mark("{version} is not paused.\nIts canary goes on by itself.\nSee `/release status`."),
    "not_in_production": mark(
        "{version} has not reached production.\n"
        "No user has seen it, so there is nothing to roll back.\n"
        "Stop it with `/release abort`."
    ),
    "in_production": mark(
        "{version} has reached production.\n"
        "Stopping half-way would leave two versions serving.\n"
        "Use `/rollback`: it goes back in about a second while the previous version is warm."
    ),
    "not_live": mark(
        "{version} is not live.\nProduction serves {live}.\nUse `/rollback` for the version that is live."
    ),
    "went_back_to_it": mark(
        "Production has just gone back to {version}.\n"
        "A second step back is not one press away: the version before it is neither warm nor looked at.\n"
        "Release a fix, when the lock is open again."
    ),
    "nothing_to_go_back_to": mark(
        "{version} has no version before it.\n"
        "It is the first one that I put into production.\n"
        "Switch the feature off by its flag, or release a fix."
    ),
    "reason_missing": mark(
        "A reason is needed.\nIt goes into the announcement and the record.\nWrite one sentence."
    ),
    "press_again": mark(
        "Please press or type it again.\n"
        "I was busy or restarting, and Slack gives a form only three seconds to open.\n"
        "Nothing was changed; the same button works again."
    ),
    "stale": mark(
        "I did not do what you asked a while ago.\n"
        "I was away, and by now it may not be what you want any more.\n"
        "Look at `/release status`, then ask again."
    ),
    "trouble": mark(
        "That did not work; nothing was changed.\n"
        "{error}\n"
        "Try again in a minute; if it stays, tell the bot's operator."
    ),
    "slack_trouble": mark(
        "I could not show you the form; nothing was changed.\n"
        "Slack answered: {error}.\n"
        "Try again in a minute; if it stays, tell the bot's operator."
    ),
    "broken": mark(
        "Something of mine broke while I dealt with this.\n"
        "It is a mistake of the bot, not yours; part of it may be done.\n"
        "Look at `/release status`, and tell the bot's operator the reference `{reference}`."
    ),
    "database_gone": mark(
        "I could not finish this yet.\n"
        "My database stopped answering; I go on with it as soon as it is back.\n"
        "Look at `/release status` in a minute, and ask again if nothing has changed."
    ),
    "not_recorded": mark(
        "I could not record this, and nothing was started.\n"
        "My database does not answer.\n"
        "Try again in a minute; if it stays, tell the bot's operator."
    ),
}

REFUSALS: Mapping[str, str] = {
    **AUTHORITY,
    **VERSIONS,
    **STATE,
    **TIME,
    **HOTFIX,
    **flags.REFUSALS,
}
