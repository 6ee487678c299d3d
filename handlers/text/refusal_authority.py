"""What a refusal says about who may do what: three lines each (what, why, what next)."""

from collections.abc import Mapping

from handlers.text.language import mark

AUTHORITY: Mapping[str, str] = {
    "stranger": mark(
        "You cannot do that here.\n"
        "Your workspace is not one that this bot takes orders from.\n"
        "Ask somebody of the team that owns the product."
    ),
    "untrusted": mark("You cannot do that.\nThis account {why}.\nAsk a full member of the team to do it."),
    "lookup_failed": mark(
        "I could not check who you are, so I did nothing.\n"
        "Slack answered: {error}.\n"
        "Try again in a minute; if it stays, tell the bot's operator."
    ),
    "may_not_start": mark("You cannot do that.\nIt is for who may start releases: {who}.\nAsk one of them."),
    "may_not_approve": mark("You cannot decide this.\nApprovals are for {who}.\nAsk one of them."),
    "may_not_rollback": mark("You cannot roll back.\nIt is for {who}.\nAsk one of them now."),
    "may_not_tick": mark(
        "You cannot do that.\n"
        "It is for those who may start, approve or roll back releases of this product.\n"
        "Ask one of them."
    ),
    "may_not_lock": mark("You cannot lock or unlock this.\nIt is for {who}.\nAsk one of them."),
    "may_not_override": mark(
        "You cannot overrule this.\n"
        "It is for {who}, for it goes past a rule.\n"
        "Ask one of them, with the reason."
    ),
    "may_not_announce": mark("You cannot tell customers.\nIt is for {who}.\nAsk one of them."),
    "shared_channel": mark(
        "I take no orders in this channel.\n"
        "It is shared with another organisation, and what I say here is read there.\n"
        "Use <#{channel}>, or a channel of your own workspace."
    ),
    "own_commits": mark(
        "You cannot approve this release.\n"
        "Commits of yours are in it ({email}), and nobody approves their own.\n"
        "Ask another approver; rejecting it is open to you."
    ),
    "author_unknown": mark(
        "You cannot approve this release yet.\n"
        "Nobody approves commits of their own, and Slack does not tell me your e-mail address.\n"
        "Ask the bot's operator to grant the scope users:read.email, or another approver."
    ),
    "approved_by_you": mark(
        "You have approved this already.\n"
        "It needs {needed} different people, and has {got}.\n"
        "Ask another approver; follow the release's message."
    ),
    "own_evaluation": mark(
        "You cannot overrule the evaluation of this release.\n"
        "You started {version}, and four eyes see more than two: whoever starts a release overrules nothing of it.\n"
        "Ask another approver, or run the evaluation again."
    ),
    "own_release": mark(
        "You cannot approve this release.\n"
        "You started it, and four eyes see more than two: whoever starts a release never approves it.\n"
        "Ask another approver; rejecting it is open to you."
    ),
}
