"""Refusals about breaking the glass: a hotfix, and going on with it alone."""

from collections.abc import Mapping

from handlers.text.language import mark

HOTFIX: Mapping[str, str] = {
    "hotfix_reason_missing": mark(
        "A hotfix needs a reason.\n"
        "It goes past rules, and everybody who is called by it reads why.\n"
        "Type for example `/release hotfix {version} orders are lost`."
    ),
    "alone_not_allowed": mark(
        "{version} cannot go on without a second person.\n"
        "That is for hotfixes alone, and only where bot.toml has `alone_after`.\n"
        "Ask an approver, or go back with `/rollback`."
    ),
    "alone_not_yours": mark(
        "You cannot record that nobody could be reached.\n"
        "Only {by}, who started the hotfix, can say so.\n"
        "You may approve or reject it, if you are an approver."
    ),
    "alone_too_early": mark(
        "It is too early to go on alone with {version}.\n"
        "A second person has time {until}.\n"
        "Try to reach the approvers; the request has a button then."
    ),
}
