"""The feed: a topic of a release becomes a message, posted once and then edited in place."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blocks import announcements, asks, card, notes
from handlers.blocks.parts import Message
from pipeline.config import Product
from pipeline.events import ANNOUNCEMENT, CARD, RESULT, WAY_BACK
from pipeline.outbox import NeverSent, NotNow, Parcel, Sent
from pipeline.snapshot import Snapshot

BETWEEN_POSTS = 1.0
"""Seconds between two posts to one channel (Slack: chat.postMessage, one a second and channel)."""

LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
"""Answers to an edit that mean: post it anew."""

NEVER = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "account_inactive",
        "token_revoked",
        "invalid_auth",
    }
)
"""Answers that a later attempt will not change; an operator has to."""


class Feed:
    """Sends parcels to Slack (the outbox's Sender)."""

    def __init__(
        self,
        client: AsyncWebClient,
        product: Callable[[str], Product],
        between_posts: float = BETWEEN_POSTS,
    ) -> None:
        self.client, self.product, self.between_posts = client, product, between_posts
        self._free_at: dict[str, float] = {}

    async def send(self, parcel: Parcel) -> Sent | None:
        """Post or edit one message. Raises NotNow, NeverSent."""
        message = render(parcel.topic, parcel.snapshot, self.product(parcel.snapshot.release.product))
        if message is None:
            return None
        try:
            return await self._edit(parcel, message) if parcel.ts else await self._post(parcel, message)
        except SlackApiError as error:
            raise _meaning(error) from error
        except (ClientError, TimeoutError, OSError) as error:
            raise NotNow(5, f"Slack cannot be reached: {type(error).__name__}") from error

    async def _edit(self, parcel: Parcel, message: Message) -> Sent:
        at = Sent(str(parcel.channel), str(parcel.ts))
        try:
            await self.client.chat_update(
                channel=at.channel,
                ts=at.ts,
                text=message.text,
                blocks=message.blocks,
                metadata=_metadata(parcel),
            )
        except SlackApiError as error:
            if _code(error) not in LOST:
                raise
            return await self._post(parcel, message)
        return at

    async def _post(self, parcel: Parcel, message: Message) -> Sent:
        channel = parcel.channel or parcel.snapshot.release.channel
        if parcel.maybe_posted and (found := await self._find(channel, parcel)):
            return found
        thread = parcel.card_ts if message.in_thread else None
        await self._wait_for(channel)
        answer = await self.client.chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=message.blocks,
            thread_ts=thread,
            reply_broadcast=message.broadcast if thread else None,
            metadata=_metadata(parcel),
            unfurl_links=False,
            unfurl_media=False,
        )
        return Sent(str(answer["channel"]), str(answer["ts"]))

    async def _wait_for(self, channel: str) -> None:
        now = time.monotonic()
        free_at = max(now, self._free_at.get(channel, 0.0))
        self._free_at[channel] = free_at + self.between_posts
        await asyncio.sleep(free_at - now)

    async def _find(self, channel: str, parcel: Parcel) -> Sent | None:
        """An earlier sender died after its post, perhaps: look for the message before posting again.

        Without the *:history scopes (they are optional) Slack does not let us look: then it is posted
        again, which is the one documented case of a doubled message.
        """
        try:
            if parcel.card_ts:
                answer = await self.client.conversations_replies(
                    channel=channel, ts=parcel.card_ts, include_all_metadata=True, limit=200
                )
            else:
                answer = await self.client.conversations_history(
                    channel=channel, include_all_metadata=True, limit=200
                )
        except SlackApiError as error:
            if _code(error) in ("missing_scope", "thread_not_found"):
                return None
            raise
        messages: list[dict[str, Any]] = answer.get("messages", [])
        return next(
            (Sent(channel, m["ts"]) for m in messages if m.get("metadata") == _metadata(parcel)), None
        )


def _metadata(parcel: Parcel) -> dict[str, Any]:
    """What a message is about, for machines: the same for every rendering of one topic."""
    payload = {"release_id": parcel.snapshot.release.id, "topic": parcel.topic}
    return {"event_type": "release_message", "event_payload": payload}


def _code(error: SlackApiError) -> str:
    return str(error.response.get("error", ""))


def _meaning(error: SlackApiError) -> Exception:
    """What an answer of Slack means for the message."""
    code = _code(error)
    if error.response.status_code == 429 or code == "ratelimited":
        return NotNow(float(error.response.headers.get("Retry-After", 30)), "rate limited")
    if code in NEVER:
        return NeverSent(f"Slack answered {code}; look at the channel and the bot's token")
    if error.response.status_code >= 500:
        return NotNow(5, f"Slack answered {error.response.status_code}")
    return NeverSent(f"Slack answered {code}: {error.response.get('response_metadata')}")


def render(topic: str, shown: Snapshot, product: Product) -> Message | None:
    """The message of a topic as the release is now; None when it has nothing to show."""
    kind, _, rest = topic.partition(":")
    if topic == CARD:
        return card.card(shown, product)
    if kind == "checklist":
        return asks.checklist(shown, rest)
    if topic == WAY_BACK:
        return announcements.turned_back(shown)
    if topic in (ANNOUNCEMENT, RESULT):
        return announcements.released(shown, product) if topic == ANNOUNCEMENT else announcements.ended(shown)
    return _of_run(kind, rest, shown, product)


def _of_run(kind: str, rest: str, shown: Snapshot, product: Product) -> Message | None:
    run = shown.runs.get(rest.split(":")[0]) if kind == "note" else shown.run_by_id(int(rest))
    if run is None:
        return None
    if kind == "approval":
        return asks.approval(shown, product, run)
    return asks.decision(shown, run) if kind == "decision" else notes.note(shown, run)
