"""Reading a flag back as an application does: by an OpenFeature client with the provider that applications have.

Nothing is believed of what was written: what users get is what such a client answers. OpenFeature is loaded at the
first use alone: a bot that starts has no need of it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from pipeline.errors import FlagError, ReadBackError
from pipeline.plain import plain

if TYPE_CHECKING:
    from openfeature.client import OpenFeatureClient
    from openfeature.provider import FeatureProvider

STRANGERS = 4
"""Requests of users that nobody has heard of: rules and shares would tell them apart."""
AGAIN = 0.5
"""Seconds between two looks at a server that may hold its answers back for a moment."""

TALKATIVE = ("openfeature", "UnleashClient", "ldclient")
"""Libraries that log with a traceback what is answered here in words."""

_one_at_a_time = Lock()

MakeProvider = Callable[[], "FeatureProvider"]
"""A new provider, as an application makes it at its start. Called in a thread."""


async def read_back(title: str, make: MakeProvider, key: str, on: bool, patience: float) -> None:
    """Wait until an application gets `on`, for at most `patience` seconds; then raise ReadBackError.

    Blocking parts run in a thread. `title` says whose flag it is.
    """
    deadline = time.monotonic() + patience
    try:
        while answer := await asyncio.to_thread(_difference, title, make, key, on):
            if time.monotonic() >= deadline:
                raise FlagError(answer)
            await asyncio.sleep(AGAIN)
    except FlagError as error:
        word = "on" if on else "off"
        raise ReadBackError(
            f"{plain(key, 80)} of {title} was switched {word}, BUT THAT AN APPLICATION GETS IT COULD NOT BE CONFIRMED:"
            f" {error}. Nobody knows what users get now. Next: look at an instance of the product itself,"
            " switch the flag where it is kept, and take the feature out by a rollback if that is not quick."
        ) from error


def _difference(title: str, make: MakeProvider, key: str, on: bool) -> str | None:
    """What an application gets instead, in words; None when everybody gets `on`."""
    from openfeature import api
    from openfeature.provider.no_op_provider import NoOpProvider

    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _one_at_a_time:  # the SDK keeps the providers of the whole process, by title
        try:
            api.set_provider_and_wait(make(), title)
            return _answers(api.get_client(title), key, on)
        except FlagError:
            raise
        except Exception as error:  # a provider may raise whatever its own client does
            return f"its client does not work ({type(error).__name__}: {plain(str(error))})"
        finally:
            api.set_provider(NoOpProvider(), title)


def _answers(client: "OpenFeatureClient", key: str, on: bool) -> str | None:
    from openfeature.evaluation_context import EvaluationContext

    for _ in range(STRANGERS):
        # Asked with the other value as the application's own default: that is never taken for an answer.
        found = client.get_boolean_details(key, not on, EvaluationContext(f"nobody-{uuid4()}"))
        if found.error_code is not None:
            return f"{found.error_code.value}: {plain(str(found.error_message))}"
        if found.value is not on:
            return f"it gets {'on' if found.value else 'off'} ({found.reason})"
    return None
