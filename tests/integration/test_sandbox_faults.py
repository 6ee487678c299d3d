"""Planned faults look to slack_sdk as the real ones do."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox
from tests.sandbox_helpers import client_of

CHANNEL = "C0RELEASES"


def post(client: AsyncWebClient, text: str = "x") -> Any:
    return client.chat_postMessage(channel=CHANNEL, text=text)


async def test_rate_limit_once_then_through() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
        sandbox.faults.rate_limit("chat.postMessage", retry_after=1)
        assert (await post(client))["ok"]
        assert [call.status for call in sandbox.calls] == [429, 200]


async def test_a_failing_server_has_no_effect() -> None:
    async with Sandbox() as sandbox:
        sandbox.faults.fail("chat.postMessage", status=503)
        with pytest.raises(SlackApiError):
            await post(client_of(sandbox))
        assert not sandbox.messages(CHANNEL)
        sandbox.faults.error("internal_error")
        with pytest.raises(SlackApiError, match="internal_error"):
            await post(client_of(sandbox))


@pytest.mark.parametrize(("after", "messages"), [(False, 0), (True, 1)])
async def test_a_cut_connection_hides_whether_there_was_an_effect(after: bool, messages: int) -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        client.retry_handlers.clear()
        sandbox.faults.drop("chat.postMessage", after_effect=after)
        with pytest.raises(aiohttp.ClientError):
            await post(client)
        assert len(sandbox.messages(CHANNEL)) == messages
        assert (await post(client))["ok"]


async def test_a_hang_ends_with_its_time_or_with_the_sandbox() -> None:
    started = time.monotonic()
    async with Sandbox() as sandbox:
        sandbox.faults.hang("chat.postMessage", seconds=0.1)
        assert (await post(client_of(sandbox)))["ok"]
        assert time.monotonic() - started >= 0.1
        sandbox.faults.hang("chat.postMessage", seconds=60)
        stuck = asyncio.create_task(post(client_of(sandbox)))
        await sandbox.wait_for(lambda: len(sandbox.calls) == 2)
    await asyncio.gather(stuck, return_exceptions=True)
    assert time.monotonic() - started < 10


async def test_a_revoked_token_is_refused_until_the_faults_are_cleared() -> None:
    async with Sandbox() as sandbox:
        sandbox.faults.revoke_token()
        with pytest.raises(SlackApiError, match="token_revoked"):
            await post(client_of(sandbox))
        sandbox.faults.clear()
        assert (await post(client_of(sandbox)))["ok"]


async def test_slacks_rate_limits_can_be_enforced() -> None:
    now = 1_795_461_000.0
    async with Sandbox(clock=lambda: now) as sandbox:
        sandbox.faults.enforce_rate_limits = True
        client = client_of(sandbox)
        first = await post(client)
        with pytest.raises(SlackApiError, match="ratelimited") as refused:
            await post(client)
        assert refused.value.response.headers["Retry-After"] == "1"
        now += 1
        await post(client)
        for _ in range(50):
            await client.chat_update(channel=CHANNEL, ts=first["ts"], text="y")
        with pytest.raises(SlackApiError, match="ratelimited"):
            await client.chat_update(channel=CHANNEL, ts=first["ts"], text="y")


async def test_faults_can_be_switched_over_http() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        url = f"{sandbox.page_url}sandbox/faults"
        plan = {"plan": {"method": "chat.postMessage", "kind": "error", "code": "fatal_error"}}
        async with session.post(url, json=plan) as response:
            assert (await response.json())["planned"][0]["code"] == "fatal_error"
        with pytest.raises(SlackApiError, match="fatal_error"):
            await post(client_of(sandbox))
        wrongs: list[Any] = [
            {"plan": {"kind": "magic"}},
            {"volume": 11},
            {"plan": {"kind": "error", "x": 1}},
            [],
        ]
        for wrong in wrongs:
            async with session.post(url, json=wrong) as response:
                assert response.status == 400
                assert (await response.json())["problem"]


async def test_hostile_requests_are_refused_and_do_not_break_the_server() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {sandbox.bot_token}", "Content-Type": "application/json"}
        bodies = ["{", "[]", '{"channel": 7, "text": "x"}', '{"channel": "C0RELEASES", "text": {}}']
        bodies += ['{"channel": "C0RELEASES", "blocks": "{"}', '{"channel": "C0RELEASES", "blocks": [[]]}']
        bodies += ['{"channel": "C0RELEASES", "blocks": [{"type": {}}]}']
        for body in bodies:
            async with session.post(
                f"{sandbox.api_url}chat.postMessage", data=body, headers=headers
            ) as response:
                assert (response.status, (await response.json())["ok"]) == (200, False)
        assert (await post(client_of(sandbox), "\x00 ünïcödé \U0001f680 " * 100))["ok"]
