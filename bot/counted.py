"""The Slack client that counts its calls, so that `/metrics` can say what Slack answered."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.answers import is_rate_limited


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

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        if self.calls is None:
            return await super().api_call(api_method, **arguments)
        with self.calls.seconds.time():
            outcome = "unreachable"
            try:
                answer = await super().api_call(api_method, **arguments)
                outcome = "ok"
            except SlackApiError as error:
                outcome = "rate_limited" if is_rate_limited(error) else "refused"
                raise
            finally:
                self.calls.ended.labels(api_method, outcome).inc()
        return answer
