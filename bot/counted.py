"""The Slack client that counts its calls, for `/metrics`, and hands those of releases over as spans of their traces."""

from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.answers import is_rate_limited
from pipeline.ports import Span, Trace, untraced


class Calls:
    """Calls of the Web API by method and how they ended, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter(
            "releasebot_slack_calls", "Calls of Slack's Web API", ["method", "outcome"], registry=registry
        )
        self.seconds = Histogram(
            "releasebot_slack_call_seconds", "How long calls of Slack's Web API took", registry=registry
        )


class CountedClient(AsyncWebClient):
    """A client whose calls are counted where `calls` is set: ok, rate_limited, refused (Slack said no), unreachable."""

    calls: Calls | None = None
    trace: Trace = staticmethod(untraced)

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        if self.calls is None:
            return await super().api_call(api_method, **arguments)
        with self.calls.seconds.time():
            outcome, begin = "unreachable", datetime.now(UTC)
            try:
                answer = await super().api_call(api_method, **arguments)
                outcome = "ok"
            except SlackApiError as error:
                outcome = "rate_limited" if is_rate_limited(error) else "refused"
                raise
            finally:
                self.calls.ended.labels(api_method, outcome).inc()
                self._trace(api_method, outcome, begin)
        return answer

    def _trace(self, method: str, outcome: str, begin: datetime) -> None:
        """A call is of the release that the log's lines name at this moment; of none, it is not traced."""
        if release := structlog.contextvars.get_contextvars().get("release"):
            said = {"releasebot.release": release, "slack.method": method, "releasebot.outcome": outcome}
            error = "" if outcome == "ok" else outcome
            now, key = datetime.now(UTC), f"slack:{token_hex(8)}"
            self.trace(Span(release, key, f"slack {method}", begin, now, said, error, is_call=True))
