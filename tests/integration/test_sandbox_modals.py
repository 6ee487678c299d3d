"""Modals from the first trigger to the last answer, and the sandbox's own command line."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from bot.sandbox import Command, Sandbox, SandboxError, Shortcut
from bot.sandbox.manifest import read_manifest
from tests.sandbox_gallery import FILLED, FORM, option
from tests.sandbox_helpers import app_of, client_of, modal, section, socket_bot, text_input

DANA, CHANNEL = "U0DANA001", "C0RELEASES"
MANIFEST = """
features:
  slash_commands:
    - {command: /release, description: Start, usage_hint: v1, should_escape: true}
  shortcuts:
    - {name: Report, type: message, callback_id: report, description: Tell}
"""


def answering_app(sandbox: Sandbox, answer: dict[str, Any], seen: list[Any]) -> AsyncApp:
    """Acks a submission with `answer`, suggests web and api, and keeps what it saw."""
    app = app_of(sandbox)

    @app.view("form")
    async def submitted(ack: Any, body: Any) -> None:
        seen.append(body)
        await ack(**answer)

    @app.view_closed("form")
    async def closed(ack: Any, body: Any) -> None:
        seen.append(body)
        await ack()

    @app.options("v")
    async def suggest(ack: Any, payload: Any) -> None:
        found = [name for name in ("web", "api") if payload["value"] in name]
        await ack(options=[option(name) for name in found])

    return app


async def opened(sandbox: Sandbox, view: dict[str, Any]) -> str:
    """Open a modal for Dana, from the channel; its id."""
    trigger = sandbox.workspace.trigger(DANA, channel=CHANNEL)
    return str((await client_of(sandbox).views_open(trigger_id=trigger, view=view))["view"]["id"])


async def test_a_filled_form_reaches_the_bot_in_slacks_shape() -> None:
    seen: list[Any] = []
    async with Sandbox() as sandbox, socket_bot(sandbox, answering_app(sandbox, {}, seen)):
        view_id = await opened(sandbox, FORM)
        found = await sandbox.options(DANA, view_id, "v", "ap", block_id="service")
        assert [one["value"] for one in found] == ["api"]
        with pytest.raises(SandboxError, match="offered are errors, slow"):
            await sandbox.submit(DANA, view_id, {"why": {"v": "boredom"}})
        more = {"who": {"v": "U0LEE0002"}, "at": {"v": 1_795_461_000}, "post": {"v": CHANNEL}}
        assert (await sandbox.submit(DANA, view_id, FILLED | {"service": {"v": "api"}} | more)).acked
    values = {name: block["v"] for name, block in seen[0]["view"]["state"]["values"].items()}
    assert values["service"]["selected_option"] == option("api")
    assert values["seen"]["selected_options"] == [option("changes")]
    assert values["who"] == {"type": "users_select", "selected_user": "U0LEE0002"}
    assert values["at"]["selected_date_time"] == 1_795_461_000
    assert values["day"] == {"type": "datepicker", "selected_date": None}
    [hook] = seen[0]["response_urls"]
    assert (hook["channel_id"], hook["block_id"]) == (CHANNEL, "post")


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ({}, []),
        ({"response_action": "clear"}, []),
        ({"response_action": "update", "view": modal(section("x"), callback_id="new")}, ["new"]),
        ({"response_action": "push", "view": modal(section("x"), callback_id="new")}, ["form", "new"]),
        ({"response_action": "errors", "errors": {"a": "Wrong."}}, ["form"]),
    ],
)
async def test_what_the_answer_does_to_the_stack(answer: dict[str, Any], titles: list[str]) -> None:
    async with Sandbox() as sandbox, socket_bot(sandbox, answering_app(sandbox, answer, [])):
        view_id = await opened(sandbox, modal(text_input("a")))
        result = await sandbox.submit(DANA, view_id, {"a": {"v": "x"}})
        assert (result.acked, result.error) == (True, None)
        assert [view.content["callback_id"] for view in sandbox.views(DANA)] == titles


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"nowhere": "x"}},
        {"response_action": "update", "view": modal(section("x" * 3_001))},
        {"response_action": "explode"},
    ],
)
async def test_an_invalid_answer_is_an_error_that_the_person_sees(answer: dict[str, Any]) -> None:
    async with Sandbox() as sandbox, socket_bot(sandbox, answering_app(sandbox, answer, [])):
        view_id = await opened(sandbox, modal(text_input("a")))
        result = await sandbox.submit(DANA, view_id, {"a": {"v": "x"}})
        assert result.error
        assert len(sandbox.views(DANA)) == 1


async def test_closing_is_told_when_the_bot_asked() -> None:
    seen: list[Any] = []
    async with Sandbox() as sandbox, socket_bot(sandbox, answering_app(sandbox, {}, seen)):
        view_id = await opened(sandbox, FORM)
        told = await sandbox.close_view(DANA, view_id)
        assert told is not None
        assert told.acked
    assert (seen[0]["type"], seen[0]["is_cleared"]) == ("view_closed", False)


async def test_reset_forgets_everything_but_people() -> None:
    async with Sandbox() as sandbox:
        await opened(sandbox, FORM)
        sandbox.say(DANA, CHANNEL, "hello")
        sandbox.archive(CHANNEL)
        sandbox.reset()
        assert (sandbox.views(DANA), sandbox.messages(CHANNEL), sandbox.calls) == ([], [], [])
        assert not sandbox.workspace.channel(CHANNEL).is_archived


def test_the_manifest_is_read_and_a_bad_one_teaches(tmp_path: Path) -> None:
    good, bad = tmp_path / "manifest.yml", tmp_path / "bad.yml"
    good.write_text(MANIFEST)
    commands, shortcuts = read_manifest(good)
    assert commands == [Command("/release", "Start", "v1", should_escape=True)]
    assert shortcuts == [Shortcut("Report", "report", "message", "Tell")]
    for text in ("features: 7", ": :", "{}"):
        bad.write_text(text)
        with pytest.raises(SandboxError, match="not a readable app manifest"):
            read_manifest(bad)


async def test_the_command_line_says_how_to_start_the_bot_and_stops_cleanly(tmp_path: Path) -> None:
    (tmp_path / "manifest.yml").write_text(MANIFEST)
    arguments = ("-m", "bot.sandbox", "--port", "0", "--manifest", str(tmp_path / "manifest.yml"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    async with asyncio.timeout(15):
        first = (await process.stdout.readline()).decode()
        page = first.removeprefix("The sandbox is at ").strip()
        async with aiohttp.ClientSession() as session, session.get(page) as response:
            assert response.status == 200
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        process.send_signal(signal.SIGTERM)
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0
    for name in ("SLACK_API_URL=http://127.0.0.1:", "SLACK_BOT_TOKEN=xoxb-", "SLACK_APP_TOKEN=xapp-"):
        assert name in rest
