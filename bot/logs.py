"""Logging: one line an event, with the release's id; secrets never get that far."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]


def configure(form: Literal["text", "json"], level: Level, redact: Callable[[str], str]) -> None:
    """Set structlog and the standard library's logging up, both redacted."""

    def hide(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}

    last = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,  # a module's logger must follow when this is called again
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
