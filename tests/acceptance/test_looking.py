"""Commands that only look: they change nothing, and answer everybody."""

from pathlib import Path

from tests.slack_house import DANA, GUEST, SAM, open_slack_house


async def test_a_plan_says_what_would_happen_and_does_nothing(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.history.subjects = ["feat: something new", "fix!: <!channel> is louder"]
        await house.type(SAM, "plan v0.2.0")
        said = await house.told(
            SAM, "Plan of shop v0.2.0: 2 changes since v0.1.0", "Nothing stands in its way"
        )
        assert "<!channel>" not in said
        await house.type(SAM, "plan v0.1.0")
        await house.told(SAM, "It could not start now:", "v0.1.0 is live already")
        house.world.secret = None
        await house.type(SAM, "plan v0.2.0")
        await house.told(SAM, "It would fail at once:", "production needs SIGNING_KEY")
        await house.type(SAM, "plan nonsense")
        await house.told(SAM, "`nonsense` is not a version")
        assert [release.version for release in await house.service.recent("shop")] == ["v0.1.0"]
        assert house.calls("chat.postMessage") == 0


async def test_a_release_of_the_past_is_shown(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_end()
        await house.type(DANA, "show v0.1.0")
        await house.told(DANA, "Release shop v0.1.0 — live in production")
        await house.type(DANA, "show v0.1.1")
        await house.told(DANA, "v0.1.1 has never been released", "Did you mean v0.1.0")


async def test_the_output_of_a_command_comes_into_the_thread_when_asked_for(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        shown = await house.slack_start()
        await house.waits_for(shown.release.id, "checklist")
        logs = house.service.folder(shown.release) / "logs"
        logs.mkdir(exist_ok=True)
        (logs / "build-api.log").write_text("compiled\n")
        await house.type(SAM, "logs")
        assert "`build-api`" in await house.told(SAM, "Output of shop v0.2.0", "shows one of them")
        await house.type(SAM, "logs api v0.2.0")
        await house.told(SAM, "The output of `build-api` of shop v0.2.0 comes into its thread.")
        asked = await house.message("<@U0SAM0003> asked for the output of `build-api`")
        assert asked.thread_ts == (await house.message("Release shop v0.2.0")).ts
        sent = await house.sandbox.wait_for(lambda: [each for each in house.posted() if each.files], 20)
        file = house.sandbox.workspace.files[sent[-1].files[0]["id"]]
        assert (file.title, file.content) == ("Output of build-api", b"compiled\n")


async def test_output_that_is_not_there_is_refused_with_the_nearest_names(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_end()
        await house.type(SAM, "logs tset-unit")
        await house.told(
            SAM, "v0.2.0 has no output of that name", "nothing called “tset-unit”", "`/release logs`"
        )
        await house.type(SAM, "logs v9.9.9")
        await house.told(SAM, "v9.9.9 has never been released")
        await house.type(SAM, "logs one two")
        await house.told(SAM, "I do not understand")
        await house.type(GUEST, "logs unit")
        await house.told(GUEST, "is a guest")


async def test_metrics_are_answered_in_numbers_and_with_a_picture(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.type(SAM, "metrics")
        await house.told(SAM, "There is nothing to measure", "in the last 90 days")
        await house.slack_to_watch()
        await house.slack_roll_back()
        await house.message("was rolled back to v0.1.0")
        await house.type(SAM, "metrics 30")
        await house.told(SAM, "Delivery of shop in the last 30 days", "1 time, 0.2 a week", "100 %: 1 of 1")
        shown = await house.message("Delivery of shop in the last 30 days. <@U0SAM0003> asked for it.")
        assert shown.files[0]["alt_txt"].endswith("0+0, 0+0, 0+0, 0+0, 0+1")
        await house.type(SAM, "metrics soon")
        await house.told(SAM, "`soon` is no number of days", "`/release metrics 30`")
