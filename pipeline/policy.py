"""Who may do what, and when a release may start. Deny by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipeline.config import Product
from pipeline.errors import PipelineError, Refused
from pipeline.models import Lock
from pipeline.ports import Directory
from pipeline.version import Version

Action = Literal["start", "approve", "rollback"]
ACTIONS: tuple[Action, ...] = ("start", "approve", "rollback")


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
        allowed = await members(getattr(product.people, action), directory)
    except PipelineError as error:
        raise Refused("lookup_failed", error=str(error)) from error
    if not person.trusted:
        raise Refused("untrusted", why=person.why_not)
    if actor.user not in allowed:
        raise Refused(f"may_not_{action}", who=mentions(getattr(product.people, action)))


async def members(listed: Iterable[str], directory: Directory) -> frozenset[str]:
    """The users that a list of users and groups means. Raises PipelineError when a group cannot be read."""
    users: set[str] = set()
    for entry in listed:
        users |= await directory.members(entry) if entry.startswith("S") else {entry}
    return frozenset(users)


def mentions(listed: Iterable[str]) -> str:
    """The list as Slack mentions (which notify nobody in an ephemeral message)."""
    return ", ".join(f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>" for who in listed)


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
        raise Refused("already_running", version=running or "another version", release=lock.release_id)
    raise Refused("locked", reason=lock.reason, by=lock.actor, at=str(int(lock.created_at.timestamp())))
