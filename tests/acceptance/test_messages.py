"""What people see of a release: one card edited in place, its thread, and few calls."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.sandbox.workspace import Message
from handlers.text import ids
from tests.slack_house import DANA, LEE, SAM, SlackHouse, open_slack_house, reasoned

CHAT = ("chat.postMessage", "chat.update", "chat.postEphemeral")
MOST_CHAT_CALLS = 30


async def test_a_release_is_one_card_its_thread_and_an_announcement(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.history.subjects = ["feat: a new <!channel> page", "fix: money is counted again"]
        await house.slack_to_end()
        await house.quiet()
        card = await house.message("Release shop v0.2.0")
        assert "live in production" in card.text
        assert "Stop it" not in str(card.blocks)
        mine = [message for message in house.posted() if message.ts >= card.ts]
        alone = [message for message in mine if message.thread_ts is None]
        assert [message.text.split(". ")[0] for message in alone[:1]] == [
            "Release shop v0.2.0 — live in production"
        ]
        assert len(alone) == 2
        assert "shop v0.2.0 is live" in alone[1].text
        assert all(message.thread_ts in (None, card.ts) for message in mine)
        replies = [message for message in mine if message.thread_ts == card.ts]
        broadcast = [message.text for message in replies if message.broadcast]
        assert len(broadcast) == 3
        assert any("2 of 2 done" in text for text in broadcast)
        assert any("was approved for production" in text for text in broadcast)
        assert any("1 of 1 done" in text for text in broadcast)
        assert "<!channel>" not in loud(mine)
        calls = Counter(call.method for call in house.sandbox.calls)
        print(f"\na plain release: {sum(calls.values())} calls, {dict(calls)}")
        assert sum(calls[method] for method in CHAT) <= MOST_CHAT_CALLS
        assert calls["chat.postMessage"] == 7  # card, evidence, approval, announcement, watch, two checklists
        assert calls["users.info"] == 6  # start, two ticks, approval: at its click, its form, its execution
        assert all(call.answer.get("ok") for call in house.sandbox.calls)


async def test_what_was_proven_is_one_message_when_people_are_asked(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_start()
        await house.message("Checklist before shop v0.2.0")
        await house.quiet()
        told = await house.message("Run unit tests, integration tests and lint: succeeded.")
        for phrase in ("Build one image per component", "Evaluate the language model", "end-to-end tests on"):
            assert phrase in told.text
            assert phrase in str(told.blocks)
        assert told.thread_ts == (await house.message("Release shop v0.2.0")).ts
        assert not told.broadcast
        assert [m for m in house.posted() if "Build one image per component: succeeded" in m.text] == [told]


async def test_the_risks_of_a_pull_request_are_in_plan_request_and_announcement(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        body = "## Riscos\n- Sessões <!here> caem\n\n## Mitigação\n- De noite"
        house.history.subjects = [f"Merge pull request #12 from x/y\n\nNovo login\n\n{body}"]
        risk = "• Sessões &lt;!here&gt; caem — De noite"
        await house.type(DANA, "plan v0.2.0")
        await house.told(DANA, "Plan of shop v0.2.0")
        assert risk in str(house.sandbox.ephemerals(DANA)[-1].blocks)
        request = await house.slack_to_approval()
        assert risk in str(request.blocks)
        await house.slack_approve(request)
        await house.through_canary((await house.shown("v0.2.0")).release.id)
        assert risk in str((await house.message("shop v0.2.0 is live")).blocks)


def loud(messages: list[Message]) -> str:
    """Everything that Slack would read markup in; rich text and plain text are shown as they stand."""
    marked = [found for message in messages for found in _marked(message.blocks)]
    return "\n".join([message.text for message in messages] + marked)


def _marked(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _marked(each)
    elif isinstance(part, dict):
        if part.get("type") == "mrkdwn":
            yield part["text"]
        yield from _marked(list(part.values()))


async def test_a_decided_approval_has_no_buttons_and_says_who(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        assert "<!subteam^S0APPROVE>" in str(request.blocks)
        assert f"not from <@{DANA}>" in str(request.blocks)
        assert ids.APPROVE in str(request.blocks)
        await house.slack_approve(request)
        decided = await house.message("shop v0.2.0 was approved for production")
        assert decided.ts == request.ts
        assert f"<@{LEE}> approved it" in str(decided.blocks)
        assert "bbbbbbbbbb" in str(decided.blocks)
        assert "> Looks good." in str(decided.blocks)
        assert ids.APPROVE not in str(decided.blocks)


async def test_a_failed_stage_tells_why_in_the_thread_and_ends_in_the_channel(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.failing.add("test-unit")
        await house.slack_start()
        ended = await house.message("shop v0.2.0 failed before production")
        assert ended.broadcast
        await house.quiet()
        note = await house.message("Run unit tests, integration tests and lint: failed")
        assert "boom" in str(note.blocks)
        assert note.thread_ts == ended.thread_ts


async def test_a_rollback_is_announced_with_reason_and_what_serves_now(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_watch()
        live = await house.message("shop v0.2.0 is live")
        await house.press(SAM, live, ids.ROLLBACK)
        form = await house.form(SAM)
        assert "v0.1.0" in str(form.blocks)
        await house.sandbox.submit(SAM, form.id, reasoned("Orders are lost <!here>."))
        back = await house.message("shop v0.2.0 was rolled back to v0.1.0")
        assert "Orders are lost &lt;!here&gt;." in back.text
        assert "serves v0.1.0" in str(back.blocks)
        assert back.thread_ts is None
        await house.quiet()
        assert ids.UNLOCK in str((await house.message("was rolled back to")).blocks)
        gone = next(message for message in house.posted() if message.ts == live.ts)
        assert "went back" in gone.text
        assert ids.ROLLBACK not in str(gone.blocks)
        assert "rolled back" in (await card_of(house, "v0.2.0"))


async def card_of(house: SlackHouse, version: str) -> str:
    return (await house.message(f"Release shop {version}")).text


async def test_the_watch_asks_with_a_button_and_the_answer_is_taken(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        shown = await house.slack_to_watch()
        house.world.log_lines.append("CRITICAL ledger <!channel> is out of balance")
        house.world.pass_time(minutes=11)
        house.nudge()
        asked = await house.message("shop v0.2.0 needs a decision")
        assert asked.broadcast
        assert "<!channel>" not in loud([asked])
        await house.press(LEE, asked, ids.KEEP)
        settled = await house.message("shop v0.2.0 goes on")
        assert settled.ts == asked.ts
        assert ids.KEEP not in str(settled.blocks)
        await house.waits_for(shown.release.id, "after")


async def test_a_release_that_is_stopped_says_who_and_why(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.slow.add("test-unit")
        await house.slack_start()
        card = await house.message("Release shop v0.2.0")
        await house.press(DANA, card, ids.ABORT)
        ended = await house.message("shop v0.2.0 was stopped")
        assert "Production still serves v0.1.0" in ended.text
        await house.quiet()
        assert "cancelled" in await card_of(house, "v0.2.0")


async def test_home_shows_what_is_live_and_how_to_begin(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        assert (await house.sandbox.open_home(SAM)).acked
        home = await house.sandbox.wait_for(lambda: house.sandbox.home(SAM))
        assert home is not None
        assert "shop v0.1.0" in str(home.blocks)
        assert "live in production" in str(home.blocks)
        assert "`/release v0.2.0`" in str(home.blocks)
