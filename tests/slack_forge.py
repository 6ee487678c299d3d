"""Requests that no page would send: clicks on buttons that are gone, tampered values and metadata."""

import secrets
from copy import deepcopy
from typing import Any

from bot.sandbox import payloads
from bot.sandbox.delivery import Delivered
from bot.sandbox.workspace import Message, View
from tests.slack_house import SlackHouse

Json = dict[str, Any]


def kept(message: Message) -> Message:
    """The message as it is now, whatever is edited later."""
    return deepcopy(message)


async def press_forged(
    house: SlackHouse, user: str, message: Message, action: str, value: object
) -> Delivered:
    """Click on a button that the message need not have, with any value."""
    core, button = house.sandbox.core, {"type": "button", "block_id": "forged", "action_id": action}
    clicked = button | {"action_ts": payloads.action_ts(), "value": value}
    payload = payloads.message_click(core, core.workspace.user(user), message, clicked, {})
    return await house.sandbox.courier.deliver("interactive", payload)


async def submit_forged(house: SlackHouse, user: str, view: View, state: Json, **changed: Any) -> Delivered:
    """Submit a form with other fields than it has, such as `private_metadata`."""
    core = house.sandbox.core
    forged = deepcopy(view)
    forged.id = f"V{secrets.token_hex(5).upper()}"  # each is a form of its own, and no doubled delivery
    forged.content |= changed
    payload = payloads.submission(core, core.workspace.user(user), forged, state)
    return await house.sandbox.courier.deliver("interactive", payload)
