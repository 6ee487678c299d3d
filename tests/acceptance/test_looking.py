"""Commands that only look: they change nothing, and answer everybody."""

from pathlib import Path

from tests.slack_house import DANA, SAM, open_slack_house


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
        await house.type(SAM, "plan")
        await house.told(SAM, "Which version?", "`/release plan v0.2.0`")
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
        await house.type(DANA, "show")
        await house.told(DANA, "Which version?", "`/release show v0.3.0`")
