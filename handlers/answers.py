"""What Slack answered when it did not do what was asked, also when a proxy answered in its place."""

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError

UNREACHABLE = (ClientError, TimeoutError, OSError)
"""What slack_sdk lets through when there is no answer at all."""

PATIENCE = 30.0
"""Seconds to wait after a rate limit that does not say how long it lasts."""

GONE_TRIGGERS = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"})
"""Answers to views.open that mean: too late (Slack gives three seconds), or opened already."""

NOT_THERE = frozenset({"not_in_channel", "user_not_in_channel", "channel_not_found", "is_archived"})
"""Answers to chat.postEphemeral that mean: not in this channel."""


def status(error: SlackApiError) -> int:
    """The HTTP status; slack_sdk gives its own response, or aiohttp's for a body that is no JSON."""
    found = getattr(error.response, "status_code", None)
    return int(found if found is not None else error.response.status)


def code(error: SlackApiError) -> str:
    """Slack's error code; `http_502` and the like for an answer that is not Slack's."""
    data = getattr(error.response, "data", None)
    said = data.get("error") if isinstance(data, dict) else None
    return str(said) if said else f"http_{status(error)}"


def is_rate_limited(error: SlackApiError) -> bool:
    return status(error) == 429 or code(error) == "ratelimited"


def retry_after(error: SlackApiError) -> float:
    """Seconds that a rate limit asks to wait."""
    said = str(error.response.headers.get("Retry-After", ""))
    return float(said) if said.isascii() and said.isdecimal() else PATIENCE
