"""Traces as an option: on where OpenTelemetry's own variables name an endpoint (docs/operations.md)."""

from collections.abc import Callable
from typing import Protocol

from bot.settings import Settings
from pipeline.errors import ConfigError
from pipeline.ports import Span


class Traces(Protocol):
    """Takes spans, and sends them beside the bot's work."""

    def __call__(self, span: Span) -> None:
        """Take a span; never waits, never raises."""

    async def stop(self) -> None:
        """Send what is left, for some seconds at most."""


class NoTraces:
    """Nobody collects any."""

    def __call__(self, span: Span) -> None:
        return

    async def stop(self) -> None:
        return


MakeTraces = Callable[[Settings, Callable[[str], str], str], Traces]
"""Of the settings, what masks secrets, and who we are among the bots."""


def no_traces(settings: Settings, redact: Callable[[str], str], owner: str) -> Traces:
    return NoTraces()


def traces(settings: Settings, redact: Callable[[str], str], owner: str) -> Traces:
    """What the environment asks for. Raises ConfigError when it cannot be had."""
    if not settings.traces_url:
        return NoTraces()
    try:
        from bot.otlp import OtlpTraces
    except ImportError as error:
        raise ConfigError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and the extra otel is not installed ({error})."
            " Next: pip install 'releasebot[otel]' where the bot runs, or set OTEL_SDK_DISABLED=true."
        ) from error
    return OtlpTraces(settings, redact, owner)
