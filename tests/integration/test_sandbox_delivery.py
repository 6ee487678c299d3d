"""How payloads reach the bot: sockets, HTTP, timeouts, doubles, refreshes; and what the bot gets to see."""

import json
from collections import Counter
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from bot.sandbox import Command, Sandbox, SandboxError, Shortcut
from tests.sandbox_helpers import actions, app_of, button, client_of, http_bot, socket_bot

DANA, LEE, OLGA, CHANNEL = "U0DANA001", "U0LEE0002", "U0EXT00006", "C0RELEASES"


def recording_app(sandbox: Sandbox, seen: list[Any]) -> AsyncApp:
    """Acks everything and keeps the bodies."""
    app = app_of(sandbox)

    @app.middleware
    async def keep(body: Any, ack: Any) -> Any:
        seen.append(body)
        return await ack()

    return app


@pytest.fixture
def seen() -> list[Any]:
    return []


async def test_each_payload_goes_to_exactly_one_of_two_sockets(seen: list[Any]) -> None:
    async with Sandbox() as sandbox, socket_bot(sandbox, recording_app(sandbox, seen), connections=2):
        for number in range(10):
            assert (await sandbox.command(DANA, CHANNEL, "/release", str(number))).acked
    assert Counter(body["text"] for body in seen) == Counter(str(number) for number in range(10))


async def test_a_doubled_payload_arrives_twice_and_alike(seen: list[Any]) -> None:
    async with Sandbox() as sandbox, socket_bot(sandbox, recording_app(sandbox, seen), connections=2):
        sandbox.faults.deliver_twice()
        await sandbox.command(DANA, CHANNEL, "/release", "once")
        await sandbox.wait_for(lambda: len(seen) == 2)
        await sandbox.command(DANA, CHANNEL, "/release", "after")
    assert seen[0] == seen[1]
    assert [body["text"] for body in seen] == ["once", "once", "after"]


async def test_without_a_bot_the_person_is_told_and_nothing_is_sent_again() -> None:
    async with Sandbox() as sandbox:
        result = await sandbox.command(DANA, CHANNEL, "/release", "v1")
        assert (result.acked, result.error) == (False, "dispatch_failed")
        [notice] = sandbox.ephemerals(DANA)
        assert notice.text.startswith('/release failed with the error "dispatch_failed"')
        assert len(sandbox.deliveries) == 1


async def test_a_late_ack_is_a_timeout(seen: list[Any]) -> None:
    async with Sandbox(ack_seconds=0.2) as sandbox:
        app = app_of(sandbox)

        @app.command("/release")
        async def never_acks(body: Any) -> None:
            seen.append(body)

        async with socket_bot(sandbox, app):
            result = await sandbox.command(DANA, CHANNEL, "/release")
            assert result.error == "operation_timeout"
            assert result.latency_ms >= 190
    assert len(seen) == 1


async def test_a_refreshed_connection_leaves_the_rotation_and_the_bot_comes_back(seen: list[Any]) -> None:
    async with Sandbox() as sandbox, socket_bot(sandbox, recording_app(sandbox, seen), connections=2):
        await sandbox.socket.refresh()
        assert (await sandbox.command(DANA, CHANNEL, "/release", "during")).acked
        await sandbox.wait_connected(2)
        sandbox.socket.drop()
        await sandbox.wait_connected(2, timeout=10)
        assert (await sandbox.command(DANA, CHANNEL, "/release", "after")).acked


async def test_over_http_requests_are_signed_and_answers_count(unused_tcp_port: int) -> None:
    async with Sandbox(request_url=f"http://127.0.0.1:{unused_tcp_port}/slack/events") as sandbox:
        app = app_of(sandbox)

        @app.command("/release")
        async def release(ack: Any, command: Any) -> None:
            await ack(f"You typed {command['text']}")

        async with http_bot(app, unused_tcp_port):
            assert (await sandbox.command(DANA, CHANNEL, "/release", "v1")).acked
            assert sandbox.ephemerals(DANA)[-1].text == "You typed v1"
            assert (await sandbox.command(DANA, CHANNEL, "/unknown")).error == "dispatch_failed"
        assert (await sandbox.command(DANA, CHANNEL, "/release")).error == "dispatch_failed"


async def test_a_bot_with_another_signing_secret_refuses(unused_tcp_port: int) -> None:
    async with Sandbox(request_url=f"http://127.0.0.1:{unused_tcp_port}/slack/events") as sandbox:
        stranger = AsyncApp(client=client_of(sandbox), signing_secret="0" * 32)
        async with http_bot(stranger, unused_tcp_port):
            assert (await sandbox.command(DANA, CHANNEL, "/release")).error == "dispatch_failed"


async def test_typed_mentions_become_references_and_text_is_escaped(seen: list[Any]) -> None:
    commands = [Command("/release", should_escape=True), Command("/plain", should_escape=False)]
    async with Sandbox(commands=commands) as sandbox, socket_bot(sandbox, recording_app(sandbox, seen)):
        typed = "@lee & #releases @release-approvers <@U0X> mail@lee"
        await sandbox.command(DANA, CHANNEL, "/release", typed)
        await sandbox.command(DANA, CHANNEL, "/plain", typed)
        with pytest.raises(SandboxError, match="Use one of /plain, /release"):
            await sandbox.command(DANA, CHANNEL, "/deploy")
    assert seen[0]["text"] == (
        "<@U0LEE0002|lee> &amp; <#C0RELEASES|releases> <!subteam^S0APPROVE|@release-approvers> &lt;@U0X&gt; mail@lee"
    )
    assert seen[1]["text"] == typed


async def test_a_click_carries_what_slack_carries(seen: list[Any]) -> None:
    select = {"type": "static_select", "action_id": "pick", "options": [_option("one"), _option("two")]}
    async with Sandbox() as sandbox, socket_bot(sandbox, recording_app(sandbox, seen)):
        metadata = {"event_type": "card", "event_payload": {"epoch": 7}}
        blocks = [actions(button("go", value="r1:e7"), select, button("go.link", url="https://docs.example"))]
        posted = await client_of(sandbox).chat_postMessage(
            channel=CHANNEL, text="card", blocks=blocks, metadata=metadata
        )
        await sandbox.click(OLGA, CHANNEL, posted["ts"], "pick", selected="two")
        await sandbox.click(OLGA, CHANNEL, posted["ts"], "go")
        await sandbox.click(OLGA, CHANNEL, posted["ts"], "go.link")
    body = seen[1]
    assert body["user"] == {"id": OLGA, "username": "olga", "name": "olga", "team_id": "T0OTHER"}
    assert body["team"] == {"id": "T0SANDBOX", "domain": "sandbox"}
    assert body["container"]["message_ts"] == body["message"]["ts"] == posted["ts"]
    assert body["message"]["metadata"] == metadata
    assert body["state"]["values"]["act"]["pick"]["selected_option"]["value"] == "two"
    [action] = body["actions"]
    assert (action["action_id"], action["value"], action["type"]) == ("go", "r1:e7", "button")
    assert {"action_ts", "block_id", "text"} <= action.keys()
    assert body["trigger_id"]
    assert body["response_url"].startswith("http://127.0.0.1:")
    assert seen[2]["actions"][0]["url"] == "https://docs.example"


async def test_a_click_on_nothing_teaches() -> None:
    async with Sandbox() as sandbox:
        posted = await client_of(sandbox).chat_postMessage(
            channel=CHANNEL, text="x", blocks=[actions(button("go"))]
        )
        with pytest.raises(SandboxError, match="It has: go"):
            await sandbox.click(DANA, CHANNEL, posted["ts"], "stop")
        sandbox.workspace.channel(CHANNEL).members.discard(OLGA)
        with pytest.raises(SandboxError, match="not in #releases"):
            await sandbox.click(OLGA, CHANNEL, posted["ts"], "go")


async def test_shortcuts_and_home_reach_the_bot(seen: list[Any]) -> None:
    shortcuts = [Shortcut("Start", "start"), Shortcut("Report", "report", "message")]
    async with Sandbox(shortcuts=shortcuts) as sandbox, socket_bot(sandbox, recording_app(sandbox, seen)):
        said = sandbox.say(LEE, CHANNEL, "It broke")
        assert (await sandbox.shortcut(DANA, "start")).acked
        assert (await sandbox.message_shortcut(DANA, CHANNEL, said.ts, "report")).acked
        assert (await sandbox.open_home(DANA)).acked
    assert [body["type"] for body in seen] == ["shortcut", "message_action", "event_callback"]
    assert seen[1]["message"]["text"] == "It broke"
    assert (seen[2]["event"]["type"], seen[2]["event"]["tab"]) == ("app_home_opened", "home")


async def test_an_event_that_fails_is_sent_once_more(unused_tcp_port: int) -> None:
    async with Sandbox(request_url=f"http://127.0.0.1:{unused_tcp_port}/slack/events") as sandbox:
        assert (await sandbox.open_home(DANA)).error == "dispatch_failed"
        first, second = sandbox.deliveries
        assert first.payload["event_id"] == second.payload["event_id"]


def _option(value: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": value}, "value": value}


async def test_other_pages_cannot_use_the_sandbox() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        act = f"{sandbox.page_url}sandbox/reset"
        async with session.get(sandbox.page_url, headers={"Host": "evil.example"}) as response:
            assert response.status == 403
        async with session.post(act, json={}, headers={"Origin": "https://evil.example"}) as response:
            assert response.status == 403
        async with session.post(act, data=json.dumps({}), headers={"Content-Type": "text/plain"}) as response:
            assert response.status == 415
        async with session.post(act, json={}, headers={"Origin": sandbox.page_url.rstrip("/")}) as response:
            assert response.status == 200
