"""Files in a release's thread: sent once, whatever dies or refuses in between; and an evaluation, in Slack."""

from pathlib import Path

from bot.sandbox.workspace import Message
from handlers.text import ids
from tests.slack_house import DANA, LEE, SlackHouse, open_slack_house, reasoned
from tests.world import PLAYBOOK, World

TWO_LIMITS = PLAYBOOK.replace("minimum = { accuracy = 0.5 }", "minimum = { accuracy = 0.5, score = 0.1 }")
COMPLETE = "files.completeUploadExternal"


def uploads(house: SlackHouse) -> list[Message]:
    return [message for message in house.posted() if message.files]


async def upload(house: SlackHouse) -> Message:
    return (await house.sandbox.wait_for(lambda: uploads(house), 20))[-1]


async def test_the_output_of_what_failed_is_in_the_thread_once(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.failing.add("test-unit")
        shown = await house.slack_start()
        await house.ended(shown.release.id)
        sent = await upload(house)
        card = await house.message("Release shop v0.2.0")
        assert sent.thread_ts == card.ts
        file = house.sandbox.workspace.files[sent.files[0]["id"]]
        assert (file.title, file.content) == ("Output of test-unit", b"boom\n")
        assert file.name.startswith("test-unit-")
        await house.quiet()
        await house.restart()
        await house.quiet()
        assert len(uploads(house)) == 1


async def test_an_upload_whose_answer_was_lost_is_looked_for_and_not_repeated(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.failing.add("test-unit")
        house.sandbox.faults.drop("files.getUploadURLExternal")
        house.sandbox.faults.drop(COMPLETE, after_effect=True)
        shown = await house.slack_start()
        await house.ended(shown.release.id)
        await upload(house)
        await house.quiet()
        assert len(uploads(house)) == 1
        assert house.calls(COMPLETE) == 1


async def test_without_the_scope_the_message_says_so_and_nothing_else_suffers(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.failing.add("test-unit")
        house.sandbox.faults.error("missing_scope", "files.getUploadURLExternal", times=9)
        shown = await house.slack_start()
        shown = await house.ended(shown.release.id)
        await house.sandbox.wait_for(lambda: "files:write" in str(house.posted()), 20)
        note = await house.message("Run unit tests, integration tests and lint: failed")
        assert "Output of test-unit is not attached: the app lacks the scope `files:write`." in str(
            note.blocks
        )
        await house.quiet()
        await house.face.gauges.read(house.db, 1)
        assert house.face.registry.get_sample_value("releasebot_messages_given_up") == 0
        assert uploads(house) == []


async def test_an_evaluations_report_is_a_table_and_a_picture(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path, world=World(playbook=TWO_LIMITS)) as house:
        await house.slack_start()
        note = await house.message("Evaluate the language model: succeeded")
        table = next(block for block in note.blocks if block["type"] == "table")
        rows = [[cell["text"] for cell in row] for row in table["rows"]]
        assert rows[0] == ["Metric", "This release", "Limit", "v0.1.0", "Limit is"]
        assert rows[1] == ["accuracy", "1", "at least 0.5", "1", "met"]
        sent = await upload(house)
        file = house.sandbox.workspace.files[sent.files[0]["id"]]
        assert file.content
        assert file.content.startswith(b"\x89PNG")
        assert "accuracy 1, at least 0.5, met; score 1, at least 0.1, met" in file.alt_text


async def test_an_approver_overrules_in_slack_and_everybody_reads_why(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.endings["evaluation"] = None
        await house.slack_start()
        question = await house.message("needs a decision: the evaluation ran into its time limit")
        assert "<!subteam^S0APPROVE>" in str(question.blocks)
        await house.press(DANA, question, ids.OVERRULE)
        await house.told(DANA, "overrule the evaluation")
        await house.press(LEE, question, ids.OVERRULE)
        form = await house.form(LEE)
        answer = await house.sandbox.submit(LEE, form.id, reasoned("  "))
        assert ids.REASON in answer.errors
        answer = await house.sandbox.submit(LEE, form.id, reasoned("The provider is down <!here>"))
        assert answer.acked, answer.error
        said = "evaluation overruled by <@U0LEE0002>: The provider is down &lt;!here&gt;"
        await house.tick_by_hand("Checklist before shop v0.2.0")
        request = await house.message("Approval needed for shop v0.2.0")
        assert said in str(request.blocks)
        assert "*Passed*\\ntests and lint, staging, checklist" in str(request.blocks)
        await house.slack_approve(request)
        shown = await house.shown("v0.2.0")
        await house.through_canary(shown.release.id)
        assert said in str((await house.message("shop v0.2.0 is live")).blocks)


async def test_an_evaluation_is_run_again_by_a_button(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.endings["evaluation"] = None
        await house.slack_start()
        question = await house.message("needs a decision: the evaluation ran into its time limit")
        house.world.endings.clear()
        await house.press(DANA, question, ids.AGAIN)
        await house.message("Checklist before shop v0.2.0")
