"""A refusal as a person reads it: its sentences, filled in with its facts."""

from collections.abc import Callable, Mapping

from handlers.text import times
from handlers.text.language import listed, mark, number, tr
from handlers.text.refusal_sentences import REFUSALS
from handlers.text.words import STATES, person, safe
from pipeline.config import SlackNames
from pipeline.errors import Refused

Sentences = tuple[str, str, str]

_USUAL = SlackNames()

_WORDS: Mapping[str, Mapping[str, str]] = {
    "status": {status.value: said for status, (_, said) in STATES.items()},
    "decision": {
        "approve": mark("approved"),
        "reject": mark("rejected"),
        "overrule": mark("overruled"),
        "alone": mark("let go on alone"),
    },
    "version": {
        "production": mark("Production"),
        "the product": mark("The product"),
        "another": mark("another version"),
    },
    "live": {"nothing": mark("nothing")},
    "environment": {"production": mark("Production"), "staging": mark("Staging")},
    "state": {
        "started": mark("has started"),
        "cancelled": mark("was taken back"),
        "refused": mark("could not be started"),
        "": mark("has ended"),
    },
    "where": {"production": mark("production"), "staging": mark("staging")},
    "why": {
        "deactivated": mark("is deactivated"),
        "guest": mark("is a guest"),
        "stranger": mark("belongs to another organisation"),
        "bot": mark("is a bot"),
        "no_output": mark("None of its commands wrote anything, or it was tidied away since."),
        "no_such_output": mark("I keep nothing called “{log}” of it."),
        "no_version": mark("no version was given."),
        "too_long": mark("it has {length} characters; a version has at most {most}."),
        "pre_release": mark(
            "releases are stable versions without a pre-release or build part; candidates are tags such as "
            "{candidate}, which the bot makes itself."
        ),
        "not_ascii": mark("it holds characters other than plain ASCII."),
        "not_three": mark("a version has three numbers without leading zeros: vMAJOR.MINOR.PATCH."),
    },
}
"""Facts that are the pipeline's own words, as people say them."""

_TIMES: Mapping[str, Callable[[str], str]] = {"until": times.end_of_fact, "due": times.due_of_fact}
"""Facts that are moments."""

_MENTIONS = frozenset({"who"})
"""Facts that we made ourselves and that carry markup; everything else is outside text."""


def sentences(refusal: Refused, names: SlackNames = _USUAL) -> Sentences:
    """What, why and what next, filled in, with the commands' `names`; an unknown code still says what it knows."""
    shown = {name: _shown(name, fact) for name, fact in refusal.facts.items() if name != "why"}
    if "why" in refusal.facts:
        shown["why"] = _shown("why", refusal.facts["why"]).format_map(_Known(shown))
    found = REFUSALS.get(refusal.code, mark("{code}\n{facts}\nTell the bot's operator."))
    composed = {
        "code": refusal.code,
        "facts": ", ".join(shown.values()),
        "near": _near(refusal.facts.get("near", "")),
        "following": _following(refusal.facts.get("suggestion", "")),
        "candidates": _candidates(refusal.facts.get("candidates", "")),
        "allowed_steps": _allowed(refusal.facts.get("allowed", "")),
        "freeze": _freeze(refusal.facts),
        "hotfix": _hotfix(refusal.facts),
    }
    known = _Known(shown | composed)
    what, why, following = (line.format_map(known) for line in _renamed(tr(found), names).split("\n"))
    return what, why, following


def _renamed(sentence: str, names: SlackNames) -> str:
    """Commands are written by their usual names above; the operator may have chosen others."""
    return sentence.replace("`/rollback", f"`{names.rollback}").replace("`/release", f"`{names.release}")


class _Known(dict[str, str]):
    """A sentence whose fact is missing is still better than none."""

    def __missing__(self, name: str) -> str:
        return tr("({name} unknown)", name=name)


def _near(names: str) -> str:
    if not names:
        return ""
    return tr("Did you mean {names}?", names=listed(names.split(","), alternatives=True)) + " "


def _following(suggestion: str) -> str:
    if not suggestion:
        return tr("Write it as v0.2.0.")
    return tr("Did you mean {names}?", names=safe(suggestion))


def _allowed(steps: str) -> str:
    if not steps:
        return tr("The playbook of this release lets nothing be skipped.")
    return tr(
        "The playbook of this release allows {steps}.",
        steps=listed([f"`{step}`" for step in steps.split(",")]),
    )


def _candidates(tags: str) -> str:
    """Versions that could be released, as the end of a sentence."""
    if not tags:
        return ""
    return " " + tr(
        "Ready to be released: {versions}.", versions=", ".join(f"`{t}`" for t in tags.split(","))
    )


def _freeze(facts: Mapping[str, str]) -> str:
    """Which freeze it is, and why."""
    reason, by, name = (
        safe(facts.get("reason", ""), 300),
        facts.get("by", ""),
        safe(facts.get("name", ""), 80),
    )
    who = tr("{who} froze it", who=person(by)) if by else tr("The freeze is “{name}”", name=name)
    return f"{who}: {reason.rstrip('.')}." if reason else f"{who}."


def _hotfix(facts: Mapping[str, str]) -> str:
    if not facts.get("hotfix"):
        return ""
    return " " + tr("A hotfix may pass: `/release hotfix {version}`.", version=safe(facts.get("version", "")))


def _shown(name: str, fact: str) -> str:
    if name in _MENTIONS:
        return fact
    if name in _TIMES:
        return _TIMES[name](fact)
    if fact in _WORDS.get(name, {}):
        return tr(_WORDS[name][fact])
    if name in ("length", "most"):
        return number(int(fact))
    return person(fact) if name == "by" else safe(fact, 600) or tr("(empty)")


def plain(refusal: Refused) -> str:
    """One line for a terminal or a log."""
    return " ".join(part.replace("`", "") for part in sentences(refusal))
