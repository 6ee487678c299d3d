"""Slack's rate limits, per method and workspace, as a sliding minute; off unless a test or person asks.

Source: Slack's rate limit reference. Tier n allows that many calls a minute; chat.postMessage has its own
rule of about one message a second in each channel.
"""

from collections import defaultdict, deque
from collections.abc import Callable

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
METHOD_TIER = {
    "apps.connections.open": 1,
    "auth.test": 4,
    "chat.update": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.getPermalink": 4,
    "conversations.list": 2,
    "conversations.info": 3,
    "conversations.open": 3,
    "conversations.history": 3,
    "conversations.replies": 3,
    "files.getUploadURLExternal": 4,
    "files.completeUploadExternal": 4,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "users.info": 4,
    "users.list": 2,
    "views.open": 4,
    "views.push": 4,
    "views.update": 4,
    "views.publish": 4,
}
MINUTE = 60.0
POST_SECONDS = 1.0


class RateLimiter:
    """Counts calls. Socket Mode may open many connections while starting, hence no limit of tier 1 there."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def wait(self, method: str, channel: str) -> float:
        """Seconds until this call is allowed; 0 counts it as made."""
        if method == "chat.postMessage":
            return self._take(f"{method} {channel}", 1, POST_SECONDS)
        tier = METHOD_TIER.get(method)
        if tier is None or tier == 1:
            return 0.0
        return self._take(method, TIERS[tier], MINUTE)

    def _take(self, key: str, most: int, window: float) -> float:
        now, calls = self._clock(), self._calls[key]
        while calls and now - calls[0] >= window:
            calls.popleft()
        if len(calls) >= most:
            return max(window - (now - calls[0]), 0.001)
        calls.append(now)
        return 0.0
