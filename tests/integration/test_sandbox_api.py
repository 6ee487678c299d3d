"""The sandbox's Web API says yes and no as Slack does, to an unmodified slack_sdk."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox import Channel, Sandbox
from tests.sandbox_gallery import CARD, FORM, HOME
from tests.sandbox_helpers import actions, button, client_of, modal, section, text_input

DANA, LEE, GUS, CHANNEL = "U0DANA001", "U0LEE0002", "U0GUEST05", "C0RELEASES"
Json = dict[str, Any]


class Clock:
    """A clock that tests move."""

    now = 1_795_461_000.0

    def __call__(self) -> float:
        return self.now


async def code(call: Any) -> str:
    """The error of a refused call."""
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_who_the_bot_and_the_people_are() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        me = await client.auth_test()
        assert (me["user_id"], me["bot_id"], me["team_id"]) == ("U0BOT0001", "B0BOT0001", "T0SANDBOX")
        kim = (await client.users_info(user="U0KIM0004", include_locale=True))["user"]
        assert (kim["locale"], kim["is_restricted"], kim["deleted"]) == ("pt-BR", False, False)
        assert "locale" not in (await client.users_info(user=DANA))["user"]
        assert (await client.users_info(user=GUS))["user"]["is_restricted"] is True
        assert (await client.usergroups_users_list(usergroup="S0APPROVE"))["users"] == [LEE, "U0KIM0004"]
        assert len((await client.users_list())["members"]) == 7
        assert "release-approvers" in {g["handle"] for g in (await client.usergroups_list())["usergroups"]}
        assert (await client.conversations_info(channel=CHANNEL))["channel"]["is_member"] is True
        assert {c["name"] for c in (await client.conversations_list())["channels"]} == {
            "releases",
            "core-hub",
        }
        direct = (await client.conversations_open(users=DANA))["channel"]["id"]
        assert (await client.chat_postMessage(channel=direct, text="psst"))["channel"] == direct
        assert await code(client.users_info(user="U0NOBODY")) == "user_not_found"
        assert await code(client.api_call("rtm.start")) == "unknown_method"
        assert (
            await code(AsyncWebClient("xoxb-wrong", base_url=sandbox.api_url).auth_test()) == "invalid_auth"
        )
        assert (
            await code(client.apps_connections_open(app_token=sandbox.bot_token)) == "not_allowed_token_type"
        )


async def test_messages_threads_and_metadata() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        metadata = {"event_type": "card", "event_payload": {"epoch": 1}}
        card = await client.chat_postMessage(channel=CHANNEL, text="Card", blocks=CARD, metadata=metadata)
        await client.chat_postMessage(channel=CHANNEL, thread_ts=card["ts"], text="Step")
        await client.chat_postMessage(
            channel=CHANNEL, thread_ts=card["ts"], text="Done", reply_broadcast=True
        )
        assert [m.text for m in sandbox.messages(CHANNEL)] == ["Card", "Done"]
        assert [m.text for m in sandbox.thread(CHANNEL, card["ts"])] == ["Card", "Step", "Done"]

        await client.chat_update(channel=CHANNEL, ts=card["ts"], text="Only text")
        assert sandbox.messages(CHANNEL)[0].blocks == []
        replies = await client.conversations_replies(
            channel=CHANNEL, ts=card["ts"], include_all_metadata=True
        )
        assert replies["messages"][0]["metadata"] == metadata
        assert replies["messages"][0]["reply_count"] == 2
        history = await client.conversations_history(channel=CHANNEL)
        assert [m["text"] for m in history["messages"]] == ["Done", "Only text"]
        assert "metadata" not in history["messages"][1]
        link = (await client.chat_getPermalink(channel=CHANNEL, message_ts=card["ts"]))["permalink"]
        assert link == f"{sandbox.page_url}archives/{CHANNEL}/p{card['ts'].replace('.', '')}"
        await client.chat_delete(channel=CHANNEL, ts=card["ts"])
        assert await code(client.chat_update(channel=CHANNEL, ts=card["ts"], text="x")) == "message_not_found"


async def test_messages_are_refused_as_slack_refuses_them() -> None:
    clock = Clock()
    async with Sandbox(clock=clock) as sandbox:
        client, space = client_of(sandbox), sandbox.workspace
        space.add_channel(Channel("C0OUTSIDE", "outside", {DANA}))
        space.add_channel(Channel("G0SECRET1", "secret", {DANA}, is_private=True))
        said = sandbox.say(DANA, CHANNEL, "mine")
        own = (await client.chat_postMessage(channel="#releases", text="bot's"))["ts"]

        def post(channel: str = CHANNEL, **values: Any) -> Any:
            return client.chat_postMessage(channel=channel, **values)

        with pytest.warns(UserWarning, match="`text` argument is missing"):
            assert await code(post(text=" ")) == "no_text"
        assert await code(post(text="x" * 40_001)) == "msg_too_long"
        assert await code(post("C0NOWHERE", text="x")) == "channel_not_found"
        assert await code(post("G0SECRET1", text="x")) == "channel_not_found"
        assert await code(post("C0OUTSIDE", text="x")) == "not_in_channel"
        assert await code(post(text="x", thread_ts="1.000001")) == "thread_not_found"
        assert await code(post(text="x", metadata={"event_type": "x"})) == "invalid_metadata_format"
        assert await code(client.chat_update(channel=CHANNEL, ts=said.ts, text="x")) == "cant_update_message"
        assert await code(client.chat_delete(channel=CHANNEL, ts=said.ts)) == "cant_delete_message"
        assert await code(client.chat_update(channel=CHANNEL, ts=own, text="x" * 4_001)) == "msg_too_long"
        assert (
            await code(client.chat_postEphemeral(channel=CHANNEL, user="U0NO", text="x")) == "user_not_found"
        )
        space.edit_window = 60.0
        clock.now += 61
        assert await code(client.chat_update(channel=CHANNEL, ts=own, text="x")) == "edit_window_closed"
        sandbox.archive(CHANNEL)
        assert await code(post(text="x")) == "is_archived"


async def test_only_one_person_sees_an_ephemeral() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        sent = await client.chat_postEphemeral(channel=CHANNEL, user=LEE, text="Only you")
        assert [m.text for m in sandbox.ephemerals(LEE)] == ["Only you"]
        assert not sandbox.ephemerals(DANA)
        assert not sandbox.messages(CHANNEL)
        missing = client.chat_update(channel=CHANNEL, ts=sent["message_ts"], text="x")
        assert await code(missing) == "message_not_found"


async def test_a_trigger_works_for_three_seconds_and_once() -> None:
    clock = Clock()
    async with Sandbox(clock=clock) as sandbox:
        client, space = client_of(sandbox), sandbox.workspace
        trigger = space.trigger(DANA)
        await client.views_open(trigger_id=trigger, view=FORM)
        assert await code(client.views_open(trigger_id=trigger, view=FORM)) == "exchanged_trigger_id"
        assert await code(client.views_open(trigger_id="1.2.x", view=FORM)) == "invalid_trigger_id"
        late = space.trigger(DANA)
        clock.now += 3.1
        assert await code(client.views_open(trigger_id=late, view=FORM)) == "expired_trigger_id"


async def test_views_stack_three_high_and_hashes_guard_updates() -> None:
    async with Sandbox() as sandbox:
        client, space = client_of(sandbox), sandbox.workspace
        first = (await client.views_open(trigger_id=space.trigger(DANA), view=FORM))["view"]
        for _ in range(2):
            await client.views_push(
                trigger_id=space.trigger(DANA, view=first["id"]), view=modal(section("x"))
            )
        again = client.views_push(trigger_id=space.trigger(DANA, view=first["id"]), view=FORM)
        assert await code(again) == "push_limit_reached"
        assert [view.previous is None for view in sandbox.views(DANA)] == [True, False, False]

        changed = await client.views_update(
            view_id=first["id"], hash=first["hash"], view=modal(section("new"))
        )
        stale = client.views_update(view_id=first["id"], hash=first["hash"], view=FORM)
        assert await code(stale) == "hash_conflict"
        assert changed["view"]["hash"] != first["hash"]
        assert await code(client.views_update(view_id="V0NONE", view=FORM)) == "not_found"
        home = (await client.views_publish(user_id=DANA, view=HOME))["view"]
        await client.views_publish(user_id=DANA, view=HOME, hash=home["hash"])
        assert await code(client.views_publish(user_id=DANA, view=HOME, hash=home["hash"])) == "hash_conflict"
        shown = sandbox.home(DANA)
        assert shown is not None
        assert shown.id == home["id"]


async def test_a_response_url_works_five_times_for_thirty_minutes() -> None:
    clock = Clock()
    async with Sandbox(clock=clock) as sandbox:
        url = sandbox.core.response_url(DANA, CHANNEL)
        hook = AsyncWebhookClient(url)
        assert (await hook.send(text="only Dana", response_type="ephemeral")).body == "ok"
        assert (await hook.send(text="all", response_type="in_channel")).status_code == 200
        assert (await hook.send(blocks=[section("x" * 3_001)])).status_code == 400
        for _ in range(2):
            await hook.send(text="more")
        assert (await hook.send(text="sixth")).status_code == 404
        assert [m.text for m in sandbox.messages(CHANNEL)] == ["all"]
        assert [m.text for m in sandbox.ephemerals(DANA)] == ["only Dana", "more", "more"]

        late = sandbox.core.response_url(DANA, CHANNEL)
        clock.now += 1_801
        assert "expired_url" in (await AsyncWebhookClient(late).send(text="x")).body


async def test_a_response_url_replaces_and_deletes_an_ephemeral() -> None:
    async with Sandbox() as sandbox:
        blocks = [actions(button("ok"))]
        await client_of(sandbox).chat_postEphemeral(channel=CHANNEL, user=DANA, text="ask", blocks=blocks)
        await sandbox.click_ephemeral(DANA, "ok")
        hook = AsyncWebhookClient(sandbox.deliveries[-1].payload["response_url"])
        await hook.send(text="answered", replace_original=True)
        [message] = sandbox.ephemerals(DANA)
        assert (message.text, message.blocks) == ("answered", [])
        await hook.send(delete_original=True)
        assert not sandbox.ephemerals(DANA)


async def test_files_are_uploaded_and_shared() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        await client.files_upload_v2(
            channel=CHANNEL, filename="log.txt", content="line\n", initial_comment="Log"
        )
        [message] = sandbox.messages(CHANNEL)
        assert (message.text, message.files[0]["name"], message.files[0]["size"]) == ("Log", "log.txt", 5)
        assert await code(client.files_completeUploadExternal(files=[{"id": "F0NONE"}])) == "file_not_found"


async def test_a_form_checks_itself_before_it_is_sent() -> None:
    async with Sandbox() as sandbox:
        client = client_of(sandbox)
        view = modal(text_input("name", min_length=3, max_length=5))
        opened = (await client.views_open(trigger_id=sandbox.workspace.trigger(DANA), view=view))["view"]
        empty = await sandbox.submit(DANA, opened["id"])
        assert empty.errors == {"name": "Please complete this required field."}
        short = await sandbox.submit(DANA, opened["id"], {"name": {"v": "ab"}})
        assert (short.error, list(short.errors)) == ("invalid_input", ["name"])
        assert not sandbox.deliveries
        assert await sandbox.close_view(DANA, opened["id"]) is None
        assert not sandbox.views(DANA)
