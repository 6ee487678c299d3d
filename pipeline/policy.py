"""Who may do what, and when a release may start. Deny by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from pipeline.config import Product
from pipeline.errors import PipelineError, Refused
from pipeline.ports import Directory, Person
from pipeline.version import Version

Action = Literal["start", "approve", "rollback", "tick", "lock", "flags", "override", "announce"]
ACTIONS: tuple[Action, ...] = get_args(Action)

OLDEST = {"tick": 60.0}
"""Seconds that a group's membership may be old, by action. Slack answers usergroups.users.list 20 times a
minute (Tier 2): a checklist ticked quickly must not use that up. What touches production asks anew."""

_OTHERS = {
    "tick": ("start", "approve", "rollback"),
    "lock": ("approve", "rollback"),
    "flags": ("approve", "rollback"),
    "override": ("approve",),
    "announce": ("approve",),
}
"""Who an action is for where bot.toml names nobody: whoever may do one of these."""


@dataclass(frozen=True)
class Actor:
    """Whoever asks: user and workspace as the signed request named them, and the channel where they asked.

    `source` is from where they ask in words, `origin` their request's own id: for the audit log alone.
    """

    user: str
    team: str
    channel: str = ""
    source: str = ""
    origin: str = ""


async def may(
    actor: Actor, action: Action, product: Product, directory: Directory, environment: str = "production"
) -> Person:
    """Raise Refused unless the person is known, of an allowed workspace, and listed for the action.

    Also refused: a channel that is shared with another organisation. There buttons are shown to strangers, and
    what a release is about is told to them.
    """
    if actor.team not in product.teams:
        raise Refused("stranger", user=actor.user)
    entries = listed(action, product, environment)
    try:
        person = await directory.person(actor.user)
        allowed = await members(entries, directory, OLDEST.get(action, 0.0))
        shared = bool(actor.channel) and await directory.is_shared(actor.channel)
    except PipelineError as error:
        raise Refused("lookup_failed", error=str(error)) from error
    if not person.trusted:
        raise Refused("untrusted", why=person.why_not)
    if actor.user not in allowed:
        raise Refused(f"may_not_{action}", who=mentions(entries))
    if shared:
        raise Refused("shared_channel", channel=product.channel)
    return person


def listed(action: Action, product: Product, environment: str = "production") -> tuple[str, ...]:
    """Who is listed for an action: for the environment, else for the product, else for what stands in for it."""
    here = getattr(product.environments, environment).people
    named: tuple[str, ...] = getattr(here, action, ()) or getattr(product.people, action, ())
    if named or action not in _OTHERS:
        return named
    others = (listed(other, product, environment) for other in _others(action))
    return tuple(dict.fromkeys(entry for entries in others for entry in entries))


def _others(action: Action) -> Iterable[Action]:
    return [known for known in ACTIONS if known in _OTHERS[action]]


async def members(entries: Iterable[str], directory: Directory, oldest: float = 0.0) -> frozenset[str]:
    """The users that a list of users and groups means. Raises PipelineError when a group cannot be read."""
    users: set[str] = set()
    for entry in entries:
        users |= await directory.members(entry, oldest) if entry.startswith("S") else {entry}
    return frozenset(users)


def mentions(entries: Iterable[str]) -> str:
    """The list as Slack mentions (which notify nobody in an ephemeral message)."""
    return ", ".join(f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>" for who in entries)


def not_own_release(actor: Actor, requested_by: str) -> None:
    """Four eyes: who asked for a release cannot approve it."""
    if actor.user == requested_by:
        raise Refused("own_release")


def not_an_author(person: Person, authors: Iterable[str]) -> None:
    """Nobody approves commits of their own. Who cannot be told from the authors is refused: deny by default."""
    if not person.email:
        raise Refused("author_unknown")
    if person.email.casefold() in {author.casefold() for author in authors}:
        raise Refused("own_commits", email=person.email)


def newer(version: Version, live: Version | None, tagged: Version | None) -> None:
    """A release must be newer than what is live and than every version that was ever tagged."""
    if live is not None and version == live:
        raise Refused("already_live", version=version.tag)
    if tagged is not None and version == tagged:
        raise Refused("tag_exists", version=version.tag)
    last = max((known for known in (live, tagged) if known), default=None)
    if last is not None and version < last:
        raise Refused("older", version=version.tag, last=last.tag)
