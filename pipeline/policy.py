"""Who may do what, and when a release may start. Deny by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipeline.config import Product
from pipeline.errors import PipelineError, Refused
from pipeline.models import Lock
from pipeline.ports import Directory
from pipeline.version import Version

Action = Literal["start", "approve", "rollback", "tick"]
ACTIONS: tuple[Action, ...] = ("start", "approve", "rollback", "tick")

OLDEST = {"tick": 60.0}
"""Seconds that a group's membership may be old, by action. Slack answers usergroups.users.list 20 times a
minute (Tier 2): a checklist ticked quickly must not use that up. What touches production asks anew."""


@dataclass(frozen=True)
class Actor:
    """Whoever asks: user and workspace as the signed request named them."""

    user: str
    team: str


async def may(actor: Actor, action: Action, product: Product, directory: Directory) -> None:
    """Raise Refused unless the person is known, of an allowed workspace, and listed for the action."""
    if actor.team not in product.teams:
        raise Refused("stranger", user=actor.user)
    try:
        person = await directory.person(actor.user)
        allowed = await members(listed(action, product), directory, OLDEST.get(action, 0.0))
    except PipelineError as error:
        raise Refused("lookup_failed", error=str(error)) from error
    if not person.trusted:
        raise Refused("untrusted", why=person.why_not)
    if actor.user not in allowed:
        raise Refused(f"may_not_{action}", who=mentions(listed(action, product)))


def listed(action: Action, product: Product) -> tuple[str, ...]:
    """Who is listed for an action. Whoever may start, approve or roll back belongs to the team, and may tick."""
    people = product.people
    if action == "tick":
        return tuple(dict.fromkeys((*people.start, *people.approve, *people.rollback)))
    return {"start": people.start, "approve": people.approve, "rollback": people.rollback}[action]


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


def newer(version: Version, live: Version | None, tagged: Version | None) -> None:
    """A release must be newer than what is live and than every version that was ever tagged."""
    if live is not None and version == live:
        raise Refused("already_live", version=version.tag)
    if tagged is not None and version == tagged:
        raise Refused("tag_exists", version=version.tag)
    last = max((known for known in (live, tagged) if known), default=None)
    if last is not None and version < last:
        raise Refused("older", version=version.tag, last=last.tag)


def unlocked(lock: Lock | None, running: str | None) -> None:
    """Raise Refused when a release runs (named by `running`) or a lock with a reason stands."""
    if lock is None:
        return
    if lock.release_id is not None:
        raise Refused("already_running", version=running or "another", release=lock.release_id)
    raise Refused("locked", reason=lock.reason, by=lock.actor, at=str(int(lock.created_at.timestamp())))
