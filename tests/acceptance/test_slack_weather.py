"""Slack is slow, full, angry or gone: nothing is said twice, nothing is lost, and the release goes on."""

from pathlib import Path

import pytest
from sqlalchemy import update

from handlers.text import ids
from pipeline.models import Delivery
from tests.acceptance.test_wrong_input import teaches
from tests.slack_house import CHANNEL, DANA, LEE, SlackHouse, open_slack_house


def cards(house: SlackHouse) -> int:
    return sum("Release shop v0.2.0" in message.text for message in house.posted())


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_bad_weather_delays_messages_and_doubles_none(tmp_path: Path, method: str) -> None:
    async with open_slack_house(tmp_path) as house:
        faults = house.sandbox.faults
        faults.rate_limit(method, times=2, retry_after=20)
        faults.drop(method, after_effect=True)
        faults.fail(method, status=503)
        faults.error("internal_error", method)
        faults.drop(method)
        await house.slack_to_approval()
        await house.quiet()
        assert not faults.planned
        assert cards(house) == 1
        texts = [message.text for message in house.posted()]
        assert len(texts) == len(set(texts))


async def test_an_edit_without_an_answer_is_sent_again(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.face.client.timeout = 1
        house.sandbox.faults.hang("chat.update", seconds=1.5)
        request = await house.slack_to_approval()
        await house.sandbox.wait_for(
            lambda: all(call.ms for call in house.sandbox.calls), 20
        )  # its effect came late
        await house.slack_approve(request)
        await house.waits_for((await house.shown("v0.2.0")).release.id, "canary")
        await house.quiet()
        assert "Send a small share of the traffic" in (await house.message("Release shop v0.2.0")).text


async def test_a_sender_that_died_between_post_and_record_doubles_nothing(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_approval()
        await house.quiet()
        before = len(house.posted())
        forgotten = {"ts": None, "channel": None, "sent": 0, "posting": True}
        async with house.db.transaction() as session:
            await session.execute(update(Delivery).where(Delivery.topic.like("approval%")).values(forgotten))
        await house.restart()
        await house.quiet()
        assert len(house.posted()) == before
        await house.slack_approve(await house.message("Approval needed"))
        await house.message("shop v0.2.0 was approved for production")
        assert len([m for m in house.posted() if "production" in m.text and "pprov" in m.text]) == 1


async def test_a_deleted_card_is_posted_anew_and_the_thread_goes_on(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.slow.add("test-unit")
        await house.slack_start()
        await house.message("Release shop v0.2.0")
        await house.quiet()
        house.sandbox.workspace.remove(await house.message("Release shop v0.2.0"))
        house.world.release_slow.set()
        await house.tick_by_hand("Checklist before shop v0.2.0")
        await house.message("Approval needed")
        await house.quiet()
        assert cards(house) == 1


async def test_an_archived_channel_ends_the_messages_and_not_the_release(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await house.press(LEE, request, ids.APPROVE)
        form = await house.form(LEE)
        house.sandbox.archive(CHANNEL)
        await house.sandbox.submit(LEE, form.id, {ids.SEEN: {ids.INPUT: ["changes", "back"]}})
        shown = await house.shown("v0.2.0")
        await house.waits_for(shown.release.id, "canary")
        await house.quiet()
        house.sandbox.archive(CHANNEL, archived=False)
        house.world.pass_time(minutes=6)
        house.nudge()
        await house.message("shop v0.2.0 is live")
        await house.quiet()
        assert "100 % on v0.2.0" in str((await house.message("Release shop v0.2.0")).blocks)


async def test_a_revoked_token_ends_the_messages_and_not_the_release(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.slow.add("test-unit")
        shown = await house.slack_start()
        await house.message("Release shop v0.2.0")
        house.sandbox.faults.revoke_token()
        house.world.release_slow.set()
        await house.waits_for(shown.release.id, "checklist")
        await house.quiet()
        house.sandbox.faults.token_error = None
        assert house.find("Checklist before shop v0.2.0") is None
        await house.restart()
        await house.tick_by_hand("Checklist before shop v0.2.0")
        await house.message("Approval needed")


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list"])
async def test_who_cannot_be_looked_up_may_not(tmp_path: Path, method: str) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await house.type(LEE, "help")  # which language Lee reads is known from here on
        await house.next_answer(LEE, 0)
        for trouble in (
            {"kind": "error", "code": "internal_error"},
            {"kind": "status", "status": 502},
            {"kind": "rate_limited"},
            {"kind": "drop_before", "times": 2},  # aiohttp itself repeats a GET once
        ):
            before = len(house.told_so_far(LEE))
            house.sandbox.faults.plan(method, **trouble)
            await house.press(LEE, request, ids.APPROVE)
            said = await house.next_answer(LEE, before)
            teaches(said)
            assert "could not check who you are, so I did nothing" in said
            assert not house.sandbox.views(LEE)


async def test_a_form_that_slack_does_not_take_is_said(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        house.sandbox.faults.error("expired_trigger_id", "views.open")
        await house.press(LEE, request, ids.APPROVE)
        teaches(await house.told(LEE, "Please press or type it again"))
        house.sandbox.faults.error("internal_error", "views.open")
        await house.press(LEE, request, ids.APPROVE)
        teaches(await house.told(LEE, "could not show you the form", "internal_error"))


async def test_a_used_up_answer_address_is_replaced_by_an_ephemeral_message(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.sandbox.faults.fail("response_url", status=404)
        await house.type(DANA, "banana")
        teaches(await house.told(DANA, "I do not know `banana`"))
        assert house.calls("chat.postEphemeral") == 1


async def test_a_database_that_is_gone_is_admitted(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await house.press(LEE, request, ids.REJECT)
        form = await house.form(LEE)
        await house.quiet()
        house.folder.joinpath("bot.db").rename(house.folder / "elsewhere.db")
        try:
            await house.type(DANA, "status")
            teaches(await house.told(DANA, "could not record this", "My database does not answer"))
            await house.press(LEE, request, ids.APPROVE)
            teaches(await house.told(LEE, "could not record this", "Try again in a minute"))
            answer = await house.sandbox.submit(LEE, form.id, {ids.REASON: {ids.INPUT: "No."}})
            assert "My database does not answer" in str(answer.errors)
        finally:
            house.folder.joinpath("elsewhere.db").rename(house.folder / "bot.db")
