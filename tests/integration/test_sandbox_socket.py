"""The sandbox over Socket Mode, driven by an unmodified Bolt app."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.sandbox import Sandbox
from tests.sandbox_helpers import actions, app_of, button, modal, section, socket_bot, text_input

DANA, LEE, CHANNEL = "U0DANA001", "U0LEE0002", "C0RELEASES"


def form_app(sandbox: Sandbox) -> AsyncApp:
    """/release posts a card; its button opens a form; the form accepts only `yes`."""
    app = app_of(sandbox)

    @app.command("/release")
    async def release(ack: Any, client: Any, command: Any) -> None:
        await ack()
        blocks = [section(f"Release *{command['text']}*"), actions(button("open", value="r1"))]
        metadata = {"event_type": "release_state", "event_payload": {"epoch": 1}}
        await client.chat_postMessage(
            channel=command["channel_id"], text="Release", blocks=blocks, metadata=metadata
        )

    @app.action("open")
    async def open_form(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(text_input("why")))

    @app.view("form")
    async def submitted(ack: Any, view: Any) -> None:
        value = view["state"]["values"]["why"]["v"]["value"]
        await (ack() if value == "yes" else ack(response_action="errors", errors={"why": "Say yes."}))

    return app


async def test_command_click_and_form_go_through_a_real_bolt_app() -> None:
    async with Sandbox() as sandbox, socket_bot(sandbox, form_app(sandbox)):
        assert (await sandbox.command(DANA, CHANNEL, "/release", "v0.2.0")).acked
        [card] = await sandbox.wait_for(lambda: sandbox.messages(CHANNEL))
        assert card.blocks[0]["text"]["text"] == "Release *v0.2.0*"
        assert card.metadata == {"event_type": "release_state", "event_payload": {"epoch": 1}}

        assert (await sandbox.click(LEE, CHANNEL, card.ts, "open")).acked
        [form] = await sandbox.wait_for(lambda: sandbox.views(LEE))
        assert not sandbox.views(DANA)

        refused = await sandbox.submit(LEE, form.id, {"why": {"v": "no"}})
        assert refused.errors == {"why": "Say yes."}
        assert sandbox.views(LEE)
        accepted = await sandbox.submit(LEE, form.id, {"why": {"v": "yes"}})
        assert (accepted.error, accepted.errors) == (None, {})
        assert not sandbox.views(LEE)
