"""The baseline's program: a Bolt app on Socket Mode that acknowledges everything and does nothing else.

Run as `python -m tests.benchmarks.bare` with SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_API_URL.
"""

import asyncio
import os
import re
import signal
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

CHANNEL = "C0RELEASES"
ACTION = "nothing"
BUTTON: dict[str, Any] = {
    "type": "actions",
    "elements": [
        {
            "type": "button",
            "action_id": ACTION,
            "text": {"type": "plain_text", "text": "Nothing"},
            "value": "1",
        }
    ],
}


async def acknowledge(ack: AsyncAck) -> None:
    await ack()


async def main() -> None:
    """Post one message with a button, connect, and acknowledge until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    address = os.environ["SLACK_API_URL"]
    client = AsyncWebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=address)
    app = AsyncApp(client=client)
    app.command(re.compile(r".*"))(acknowledge)
    app.action(re.compile(r".*"))(acknowledge)
    await client.chat_postMessage(channel=CHANNEL, text="A button", blocks=[BUTTON])
    unnamed = AsyncWebClient(base_url=address)
    # Any: Bolt's handler has no types.
    handler: Any = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"], web_client=unnamed)
    await handler.connect_async()
    await stop.wait()
    await handler.close_async()


if __name__ == "__main__":
    asyncio.run(main())
