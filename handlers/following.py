"""Following a release, or hearing no more of it: by a command, or by the shortcut on its message."""

from handlers import grammar
from handlers.desk import Desk, Request
from handlers.text import ids, words
from handlers.text.language import tr
from handlers.working import current, of_version
from pipeline import following
from pipeline.snapshot import Snapshot

DONE = {"follow": following.follow, "mute": following.mute, "unfollow": following.usual}


async def follow(desk: Desk, request: Request, product: str, typed: grammar.Follow) -> None:
    """`/release follow|mute|unfollow [version]`"""
    found = await of_version(desk, product, typed.version) if typed.version else await current(desk, product)
    await _carry_out(desk, request, found, typed.how)


async def of_message(desk: Desk, request: Request) -> None:
    """The shortcut on a message of a release."""
    release = ids.parts(str(request.fields.get("value") or ""))[0]
    found = (
        await desk.service.snapshot(release)
        if release
        else await current(desk, desk.service.product_of(request.channel))
    )
    await _carry_out(desk, request, found, "follow")


async def _carry_out(desk: Desk, request: Request, found: Snapshot, how: str) -> None:
    await DONE[how](desk.service, request.actor, found.release.id)
    title = words.title(found.release)
    said = {
        "follow": tr("I tell you what becomes of {title}, here in Slack and you alone.", title=title),
        "mute": tr("I remind you of {title} no more.", title=title),
        "unfollow": tr("You hear of {title} as everybody does.", title=title),
    }
    await desk.tell(request, f"🔔 {said[how]}")
