"""`python -m bot.sandbox`: the sandbox on its own, for a bot that is started separately."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from bot.sandbox.errors import SandboxError
from bot.sandbox.manifest import read_manifest
from bot.sandbox.people import Command, Shortcut
from bot.sandbox.sandbox import Sandbox


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parsed = argparse.ArgumentParser(prog="python -m bot.sandbox", description=__doc__)
    parsed.add_argument("--port", type=int, default=8484, help="port on the loopback (0: a free one)")
    parsed.add_argument("--manifest", type=Path, help="app manifest with the slash commands and shortcuts")
    parsed.add_argument("--request-url", help="deliver by signed HTTP to this URL instead of Socket Mode")
    return parsed


async def serve(sandbox: Sandbox) -> None:
    """Run until interrupted."""
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with sandbox:
        print(welcome(sandbox), flush=True)  # noqa: T201 - a program's own output
        await stop.wait()


def welcome(sandbox: Sandbox) -> str:
    """What a person needs to open the page and to start the bot."""
    return (
        f"The sandbox is at {sandbox.page_url}\n"
        "Start the bot with:\n"
        f"  SLACK_API_URL={sandbox.api_url}\n"
        f"  SLACK_BOT_TOKEN={sandbox.bot_token}\n"
        f"  SLACK_APP_TOKEN={sandbox.app_token}\n"
        f"  SLACK_SIGNING_SECRET={sandbox.signing_secret}\n"
        "Stop with Ctrl+C."
    )


def main() -> int:
    """Parse, serve, and explain what went wrong; the exit code is 0 or 2."""
    options = parser().parse_args()
    commands: list[Command] = []
    shortcuts: list[Shortcut] = []
    try:
        if options.manifest:
            commands, shortcuts = read_manifest(options.manifest)
        request_url = options.request_url
        asyncio.run(
            serve(Sandbox(options.port, commands=commands, shortcuts=shortcuts, request_url=request_url))
        )
    except SandboxError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's own output
        return 2
    except OSError as error:
        print(f"The sandbox cannot listen on port {options.port}: {error}. Try --port 0.", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
