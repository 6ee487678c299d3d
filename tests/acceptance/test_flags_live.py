"""A kill switch and the product that runs: switched in Slack, from a terminal, by hand; no restart, two seconds."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.demo.history import EXAMPLE
from handlers.text import ids
from pipeline.adapters.flags.file import FileFlags
from pipeline.environment import base
from tests.acceptance.test_flags import answer_of, button_of
from tests.acceptance.town import DANA, LEE, Town, open_town

SECONDS = 2.0
"""So soon a switch takes effect; the rest is for a busy machine."""
BUSY = 8.0


class Users:
    """Users of the product, who create a charge and look what became of it."""

    def __init__(self, town: Town, session: ClientSession) -> None:
        self.url, self.session, self.token = town.url, session, ""

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def log_in(self, town: Town) -> None:
        """With a key, as flags are not for testers."""
        secret = town.secrets["CORE_HUB_PRODUCTION_CHARGE_SIGNING_KEY"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "core_hub.access", "dana", cwd=EXAMPLE, stdout=asyncio.subprocess.PIPE,
            env=base() | {"CHARGE_SIGNING_KEY": secret},
        )  # fmt: skip
        key = (await process.communicate())[0].decode().strip()
        self.token = (await self.ask("POST", "/api/login", {"user": "dana", "key": key}))["token"]

    async def becomes(self) -> str:
        """What a new, harmless charge becomes."""
        text = "Monthly plan, EUR 49.00"
        number = (await self.ask("POST", "/api/charges", {"customer": "ACME", "text": text}))["id"]
        charges = (await self.ask("GET", "/api/charges"))["charges"]
        return str(next(charge["status"] for charge in charges if charge["id"] == number))

    async def until(self, status: str) -> float:
        """Seconds until new charges become this."""
        began = time.monotonic()
        async with asyncio.timeout(BUSY):
            while await self.becomes() != status:
                await asyncio.sleep(0.05)
        return time.monotonic() - began


@pytest.mark.slow
async def test_a_switch_reaches_the_product_without_a_restart(tmp_path: Path) -> None:
    async with open_town(tmp_path / "town") as town, ClientSession() as session:
        users = Users(town, session)
        await users.log_in(town)
        assert await users.becomes() == "created"

        for key, state in (("auto-approval", "on"), ("human-in-the-loop", "off")):
            code, printed = await town.command_line("flags", key, state, "--reason", "a trial")
            assert (code, f"{key} is {state} in production of core-hub; an application" in printed) == (
                0,
                True,
            ), printed
        print(f"approved by itself after {await users.until('approved'):.1f} s")
        await town.message("`human-in-the-loop` is off in production")

        await town.type(DANA, "/release", "flags auto-approval off production too many complaints")
        question = await answer_of(town.sandbox, DANA, "Switch auto-approval off in production?")
        await town.press(DANA, question, ids.FLAG, button_of(question)["value"])
        await town.told(DANA, "An application reads it so")
        print(f"by people again after {await users.until('created'):.1f} s")
        url = f"http://127.0.0.1:{town.port}/flags/core-hub/production/ofrep/v1/evaluate/flags/auto-approval"
        async with session.post(url, json={}) as answer:
            assert (await answer.json())["value"] is False

        await town.end_bot(signal.SIGKILL)
        await _by_hand(town, users)
        code, printed = await town.command_line("flags")
        assert "human-in-the-loop: on · ✅ safe · as it was deployed, or changed by hand" in printed
        await town.start_bot()
        await town.type(LEE, "/release", "flags")
        await answer_of(
            town.sandbox, LEE, "Flags of core-hub. production: human-in-the-loop on, auto-approval on"
        )


async def _by_hand(town: Town, users: Users) -> None:
    """As docs/flags.md says it, with nothing of the bot: write the file anew and move it into its place."""
    folder = town.folder / "state" / "products" / "core-hub" / "flags" / "production"
    path = FileFlags(folder, "core-hub production").path
    document = json.loads(path.read_text())
    for key, variant in (("auto-approval", "on"), ("human-in-the-loop", "off")):
        document["flags"][key]["defaultVariant"] = variant
    new = path.with_suffix(".new")
    new.write_text(json.dumps(document))
    new.replace(path)
    await users.until("approved")
    document["flags"]["human-in-the-loop"]["defaultVariant"] = "on"
    new.write_text(json.dumps(document))
    new.replace(path)
    await users.until("created")
