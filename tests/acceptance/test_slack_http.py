"""HTTP mode: only requests that Slack has just signed are taken, each once; the bot's own pages answer."""

import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from bot.sandbox import payloads
from bot.sandbox.http_delivery import FORM
from tests.slack_house import CHANNEL, DANA, SlackHouse, open_slack_house


@dataclass
class Sender:
    """Posts to the bot's request URL, as Slack does or as others might."""

    house: SlackHouse
    session: aiohttp.ClientSession

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.house.face.server.port}"

    def signed(self, body: str, at: float | None = None) -> dict[str, str]:
        assert self.house.sandbox.http is not None
        return self.house.sandbox.http.sign(body, at) | {"Content-Type": FORM}

    async def post(self, body: str, headers: dict[str, str]) -> int:
        async with self.session.post(
            f"{self.base}/slack/events", data=io.BytesIO(body.encode()), headers=headers
        ) as answer:
            await answer.read()
            return answer.status

    def command(self, text: str = "banana") -> str:
        core = self.house.sandbox.core
        person, place = core.workspace.user(DANA), core.workspace.channel(CHANNEL)
        return urlencode(payloads.command(core, person, place, "/release", text))


@asynccontextmanager
async def open_sender(folder: Path) -> AsyncIterator[Sender]:
    async with open_slack_house(folder, mode="http") as house, aiohttp.ClientSession() as session:
        yield Sender(house, session)


async def test_a_whole_approval_works_over_http(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path, mode="http") as house:
        await house.slack_approve(await house.slack_to_approval())
        await house.message("shop v0.2.0 was approved for production")
        await house.sandbox.open_home(DANA)
        assert await house.sandbox.wait_for(lambda: house.sandbox.home(DANA))


async def test_a_signed_request_is_taken_once(tmp_path: Path) -> None:
    async with open_sender(tmp_path) as sender:
        body = sender.command()
        headers = sender.signed(body)
        assert await sender.post(body, headers) == 200
        assert await sender.post(body, headers) == 401
        await sender.house.told(DANA, "I do not know `banana`")
        assert len(sender.house.told_so_far(DANA)) == 1


async def test_a_garbage_timestamp_is_unauthorised(tmp_path: Path) -> None:
    async with open_sender(tmp_path) as sender:
        body = sender.command()
        for stamp in ("", "yesterday", "-1", "1e9", "²", "9" * 5_000, "1.5"):
            headers = sender.signed(body) | {"X-Slack-Request-Timestamp": stamp}
            assert await sender.post(body, headers) == 401


async def test_what_slack_did_not_just_sign_is_refused(tmp_path: Path) -> None:
    async with open_sender(tmp_path) as sender:
        body = sender.command()
        headers = sender.signed(body)
        assert await sender.post(body, headers | {"X-Slack-Signature": "v0=" + "0" * 64}) == 401
        assert await sender.post(body, headers | {"X-Slack-Signature": "ünsigned"}) == 401
        assert await sender.post(body + "&user_id=U0LEE0002", headers) == 401
        assert await sender.post(body, sender.signed(body, time.time() - 301)) == 401
        assert await sender.post(body, sender.signed(body, time.time() + 400)) == 401
        assert await sender.post(body, {"Content-Type": FORM}) == 401
        assert not sender.house.told_so_far(DANA)


async def test_signed_nonsense_breaks_nothing(tmp_path: Path) -> None:
    async with open_sender(tmp_path) as sender:
        for body in ("", "payload=", "payload=%7B", "payload=%5B1%5D", "x" * 10_000):
            status = await sender.post(body, sender.signed(body))
            assert 400 <= status < 500 or status == 200, (body[:20], status)
        body = sender.command("x" * 1_030_000)
        assert await sender.post(body, sender.signed(body)) == 413
        body = sender.command()
        assert await sender.post(body, sender.signed(body)) == 200


async def test_the_bots_own_pages_answer(tmp_path: Path) -> None:
    async with open_sender(tmp_path) as sender:
        face = sender.house.face
        async with sender.session.get(f"{sender.base}/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "alive"})
        async with sender.session.get(f"{sender.base}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ready": True, "missing": []})
        face.lacking.append("the database does not answer")
        async with sender.session.get(f"{sender.base}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["missing"] == ["the database does not answer"]
        await face.gauges.read(sender.house.db, 0)
        async with sender.session.get(f"{sender.base}/metrics") as answer:
            text = await answer.text()
        assert 'releasebot_releases{status="succeeded"} 1.0' in text
        assert "releasebot_messages_unsent 0.0" in text
        assert answer.content_type == "text/plain"


async def test_over_sockets_nothing_is_taken_by_http(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{house.face.server.port}/slack/events"
        async with session.post(url, data="") as answer:
            assert answer.status == 404
