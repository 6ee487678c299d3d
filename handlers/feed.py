"""The feed: a topic of a release becomes a message, posted once and then edited in place."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import attachments
from handlers.answers import UNREACHABLE, code, is_rate_limited, retry_after, status
from handlers.blocks import (
    news,
)
from handlers.blocks.parts import Attachment, Message
from handlers.rendering import knows, render
from handlers.text.language import spoken_in
from pipeline.config import Product
from pipeline.models import Release
from pipeline.parcel import NeverSent, NotNow, Parcel, Sent
from pipeline.snapshot import Snapshot

LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
"""Answers to an edit that mean: post it anew."""

LOST_THREADS = frozenset({"thread_not_found", "message_not_found"})
"""Answers to a reply that mean: somebody deleted the card; it goes into the channel itself."""

LOOKED_AT = 200
"""Messages of a channel or thread that are looked through for one that may have been posted."""

MOST_REMEMBERED = 500
"""Messages whose content is remembered, so that an edit that changes nothing is not sent."""

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


TROUBLE = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
"""Answers that are Slack's own trouble and pass."""


NEWER = 60.0
"""Seconds until a message of a newer version of the bot is looked at again: by then one of that version may take it."""


class Feed:
    """Sends parcels to Slack (the outbox's Sender)."""

    def __init__(
        self, client: AsyncWebClient, product: Callable[[str], Product], folder: Callable[[Release], Path]
    ) -> None:
        self.client, self.product, self.folder = client, product, folder
        self._shown: dict[tuple[str, str], tuple[int, Message]] = {}

    async def send(self, parcel: Parcel) -> Sent | None:
        """Post or edit one message, or upload a file that one carries. Raises NotNow, NeverSent."""
        with spoken_in(self.product(parcel.product).language):
            return await self._send(parcel)

    async def _send(self, parcel: Parcel) -> Sent | None:
        message = self._message(parcel)
        if message is None:
            return None
        try:
            if parcel.file:
                return await self._upload(parcel, message.files)
            if isinstance(parcel.shown, Snapshot):
                message = attachments.with_losses(message, parcel.topic, parcel.shown.undelivered)
            sent = await (self._edit if parcel.ts else self._post)(parcel, message)
            return replace(sent, files=tuple(file.name for file in message.files))
        except SlackApiError as error:
            raise _meaning(error) from error
        except (*UNREACHABLE, SlackRequestError) as error:
            raise NotNow(5, f"Slack cannot be reached: {type(error).__name__}") from error

    def _message(self, parcel: Parcel) -> Message | None:
        """None when it has nothing to show. Raises NotNow for what only a newer bot, of a mixed pair, can tell."""
        shown, topic = parcel.shown, parcel.message_topic
        if not (knows(topic) if isinstance(shown, Snapshot) else news.knows(shown)):
            raise NotNow(NEWER, f"only a newer version of the bot knows the message {topic}")
        if not isinstance(shown, Snapshot):
            return news.message(shown)
        return render(topic, shown, self.product(parcel.product))

    async def _edit(self, parcel: Parcel, message: Message) -> Sent:
        at = Sent(str(parcel.channel), str(parcel.ts))
        shown = self._shown.pop((at.channel, at.ts), None)
        if shown == (parcel.sent, message) and not parcel.in_doubt:
            return self._remember(at, parcel, message)  # an edit would spend a call and show nothing new
        parcel.guard()
        try:
            await self.client.chat_update(
                channel=at.channel,
                ts=at.ts,
                text=message.text,
                blocks=message.blocks,
                metadata=_metadata(parcel),
            )
        except SlackApiError as error:
            if code(error) not in LOST:
                raise
            return await self._post(parcel, message)
        return self._remember(at, parcel, message)

    async def _post(self, parcel: Parcel, message: Message) -> Sent:
        channel = parcel.home
        thread = parcel.card_ts if message.in_thread else None
        if parcel.in_doubt and (found := await self._find(channel, thread, parcel)):
            # It shows what was true then, which may be long ago.
            return await self._edit(
                replace(parcel, channel=found.channel, ts=found.ts, in_doubt=False), message
            )
        try:
            return await self._post_into(channel, thread, parcel, message)
        except SlackApiError as error:
            if thread is None or code(error) not in LOST_THREADS:
                raise
            return await self._post_into(channel, None, parcel, message)

    async def _post_into(self, channel: str, thread: str | None, parcel: Parcel, message: Message) -> Sent:
        parcel.guard()
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
        return self._remember(Sent(str(answer["channel"]), str(answer["ts"])), parcel, message)

    def _remember(self, at: Sent, parcel: Parcel, message: Message) -> Sent:
        """What this bot showed last, and for which event: another bot may have shown something since."""
        self._shown[at.channel, at.ts] = parcel.wanted, message
        if len(self._shown) > MOST_REMEMBERED:
            del self._shown[next(iter(self._shown))]
        return at

    # ---------------------------------------------------------------- files

    async def _upload(self, parcel: Parcel, files: tuple[Attachment, ...]) -> Sent | None:
        """Send one file into the release's thread, unless it was sent before."""
        file = next((file for file in files if file.name == parcel.file), None)
        channel = parcel.home
        if file is None or parcel.ts:
            return Sent(channel, parcel.ts) if parcel.ts else None
        name = attachments.file_name(file, parcel.id)
        if parcel.in_doubt and (found := await self._find_file(channel, parcel.card_ts, name)):
            return found
        content = await attachments.content(file, self.folder(parcel.release))
        try:
            return await self._upload_into(channel, parcel.card_ts, parcel, file, content)
        except SlackApiError as error:
            if code(error) not in LOST_THREADS:
                raise
            return await self._upload_into(channel, None, parcel, file, content)

    async def _upload_into(
        self, channel: str, thread: str | None, parcel: Parcel, file: Attachment, content: bytes
    ) -> Sent:
        parcel.guard()
        answer = await self.client.files_upload_v2(
            channel=channel,
            thread_ts=thread,
            file=content,
            filename=attachments.file_name(file, parcel.id),
            title=file.title,
            alt_txt=file.alt or None,
        )
        return Sent(channel, str(answer["files"][0]["id"]))

    async def _find_file(self, channel: str, thread: str | None, name: str) -> Sent | None:
        """As `_find`, for a file."""
        for place in (thread, None) if thread else (None,):
            for message in await self._newest(channel, place):
                for file in message.get("files") or ():
                    if file.get("name") == name:
                        return Sent(channel, str(file["id"]))
        return None

    # -------------------------------------------------------------- looking

    async def _find(self, channel: str, thread: str | None, parcel: Parcel) -> Sent | None:
        """An earlier sender died after its post, perhaps: look for the message before posting again.

        Without the *:history scopes (they are optional) Slack does not let us look: then it is posted
        again, which is the one documented case of a doubled message.
        """
        # The channel itself too: a reply whose thread is gone was posted there.
        for place in (thread, None) if thread else (None,):
            for message in await self._newest(channel, place):
                if message.get("metadata") == _metadata(parcel):
                    return Sent(channel, message["ts"])
        return None

    async def _newest(self, channel: str, thread: str | None) -> list[dict[str, Any]]:
        """The newest messages of a thread or of the channel itself, as far as Slack lets us look."""
        client = self.client
        try:
            if thread:
                answer = await client.conversations_replies(
                    channel=channel, ts=thread, include_all_metadata=True, limit=LOOKED_AT
                )
            else:
                answer = await client.conversations_history(
                    channel=channel, include_all_metadata=True, limit=LOOKED_AT
                )
        except SlackApiError as error:
            if code(error) in ("missing_scope", "thread_not_found"):
                return []
            raise
        found: list[dict[str, Any]] = answer.get("messages", [])
        return found


def _metadata(parcel: Parcel) -> dict[str, Any]:
    """What a message is about, for machines: the same for every rendering of one topic."""
    about = "release_id" if isinstance(parcel.shown, Snapshot) else "product"
    payload = {about: parcel.about, "topic": parcel.topic}
    return {"event_type": "release_message", "event_payload": payload}


def _meaning(error: SlackApiError) -> Exception:
    """What an answer of Slack means for the message."""
    said = code(error)
    if is_rate_limited(error):
        return NotNow(retry_after(error), "rate limited", everybody=True)
    if said in NEVER:
        return NeverSent(f"Slack answered {said}; look at the channel and the bot's token")
    if status(error) != 200 or said in TROUBLE:
        return NotNow(5, f"Slack answered {said}")
    return NeverSent(f"Slack answered {said}: {error.response.get('response_metadata')}")
