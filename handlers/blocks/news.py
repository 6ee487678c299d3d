"""What is told of a product itself, outside of any release: one message for each fact. Pure.

A fact of a product gets its sentence here by its event's kind; how it gets there: pipeline.events.record_of_product.
"""

from collections.abc import Callable, Mapping

from handlers.blocks import closures, digest, flags, schedule
from handlers.blocks.parts import Message
from pipeline.models import Event

NEWS: Mapping[str, Callable[[Event], Message]] = {
    **closures.NEWS,
    **schedule.NEWS,
    "digest_told": digest.digest,
    "flag_switched": flags.switched,
    "flag_switch_unconfirmed": flags.unconfirmed,
}
"""The message of each kind of fact."""


def knows(event: Event) -> bool:
    """Whether this version of the bot has a message for such a fact."""
    return event.kind in NEWS


def message(event: Event) -> Message:
    """The message of a fact."""
    return NEWS[event.kind](event)
