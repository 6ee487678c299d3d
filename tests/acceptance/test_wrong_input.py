"""What is typed wrongly is answered with what, why and what next, to the person alone; nothing happens."""

from pathlib import Path

import pytest

from tests.slack_house import DANA, SAM, SlackHouse, open_slack_house
from tests.world import PLAYBOOK

LONG = "x" * 5_000
SIDE = "d" * 40

TYPED = {
    "banana": ("I do not know `banana`", "neither a version", "`/release help` lists everything"),
    "stauts": ("I do not know `stauts`", "Did you mean status"),
    "0.2": ("`0.2` is not a version", "three numbers", "Did you mean v0.2.0?"),
    "v1": ("`v1` is not a version", "Did you mean v1.0.0?"),
    "v0.2.0-rc.1": ("is not a version", "stable versions", "Did you mean v0.2.0?"),
    "v０.２.０": ("is not a version", "plain ASCII", "Did you mean v0.2.0?"),
    "v0.1.0": ("v0.1.0 is live already", "exactly this version", "Release a newer version"),
    "v0.0.9": ("v0.0.9 is older than v0.1.0", "only goes forward", "Use `/rollback`"),
    f"v0.4.0 {SIDE}": ("cannot be released from `dddddddddd`", "not on main", "Merge it to main first"),
    "v0.4.0 nowhere": ("There is no commit `nowhere`", "no branch, tag or commit", "leave it out"),
    "v0.4.0 <!channel>": ("There is no commit `&lt;!channel&gt;`",),
    "v0.2.0 main now": ("I do not understand `v0.2.0 main now`", "at most one commit"),
    LONG: ("I do not know `xxxx", "`/release help`"),
    f"v{'1' * 5_000}": ("is not a version", "a version has at most 40", "Write it as v0.2.0"),
    "<!channel> 🚀": ("I do not know `&lt;!channel&gt;`",),
    "`code` *bold*": ("I do not know `ʼcodeʼ`",),
    "\u202egnp.exe": ("I do not know `gnp.exe`",),
}


async def test_every_wrong_command_is_answered_with_what_why_and_what_next(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.side.add(SIDE)
        for text, expected in TYPED.items():
            said = await answer(house, text)
            assert all(part in said for part in expected), f"{text[:40]!r}: {said}"
            teaches(said)
        assert [release.version for release in await house.service.recent("shop")] == ["v0.1.0"]
        assert house.calls("chat.postMessage") == 0


async def answer(house: SlackHouse, text: str) -> str:
    """Type a release command; the one answer to it."""
    before = len(house.told_so_far(DANA))
    await house.type(DANA, text)
    return await house.next_answer(DANA, before)


def teaches(said: str) -> None:
    """Three parts, one a line, each with something to read; no mention that would notify anybody."""
    what, why, following = said.split("\n", 2)
    assert what.startswith("🚫 *")
    assert why
    assert following.startswith("*Next:* ")
    assert len(said) < 1_500
    assert "<!" not in said.replace("<!subteam^", "")
    assert "None" not in said
    assert "unknown)" not in said


async def test_a_second_release_is_refused_while_one_runs(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.slow.add("test-unit")
        first = await house.slack_start()
        await house.type(DANA, "v0.3.0")
        said = await house.told(
            DANA, "Another release is under way: v0.2.0", f"`{first.release.id}`", "/release status"
        )
        teaches(said)
        await house.type(DANA, "unlock")
        teaches(await house.told(DANA, "cannot be opened now", "v0.2.0 is under way"))
        assert len(await house.service.recent("shop")) == 2


async def test_what_cannot_be_done_now_is_said(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        for text, expected in {
            "approve": ("nothing to approve now", "v0.1.0: live in production"),
            "reject": ("nothing to approve now",),
            "abort": ("v0.1.0 has ended: live in production",),
            "rollback": ("v0.1.0 has no version before it", "first one"),
            "unlock": ("Nothing is locked", "the next release can start"),
        }.items():
            await house.type(DANA, text)
            teaches(await house.told(DANA, *expected))
        await house.slack_to_watch()
        await house.type(DANA, "abort")
        teaches(await house.told(DANA, "v0.2.0 has reached production", "Use `/rollback`"))


WRONG_PLAYBOOKS = {
    PLAYBOOK.replace('hold = "5m"', 'hold = "soon"'): ("canary.hold: found 'soon'", '"90s"'),
    PLAYBOOK.replace("[canary]", "[cannary]"): ("cannary: is not a known key", "typing mistake"),
    PLAYBOOK.replace("cases = 2", ""): ("evaluation.cases: is missing; it is required",),
    PLAYBOOK.replace('product = "shop"', 'product = "shop'): ("is not valid TOML", "line"),
    PLAYBOOK.replace('product = "shop"', 'product = "stop"'): ("is for stop, bot.toml says shop",),
}


async def test_a_wrong_playbook_is_refused_with_key_and_what_would_be_right(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        for text, expected in WRONG_PLAYBOOKS.items():
            house.world.playbook = text
            await house.type(DANA, "v0.2.0")
            said = await house.told(DANA, "The playbook cannot be used", *expected)
            assert "playbook.toml at bbbbbbbbbb" in said
            assert "*Next:* Mend it on main" in said
        assert len(await house.service.recent("shop")) == 1


async def test_a_repository_that_is_away_starts_nothing(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.failing.add("fetch")
        await house.type(DANA, "v0.2.0")
        teaches(await house.told(DANA, "could not read the repository", "origin is not there", "bot.toml"))


async def test_a_missing_secret_fails_the_release_early_and_is_named(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.secret = None
        await house.slack_start()
        message = await house.message("shop v0.2.0 failed before production")
        assert "production needs SIGNING_KEY" in message.text
        assert "set SHOP_PRODUCTION_SIGNING_KEY where the bot runs" in message.text
        assert "Production still serves v0.1.0" in message.text
        assert message.broadcast
        assert not house.world.done("build")[2:]


async def test_a_reason_that_mentions_everybody_mentions_nobody(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.world.slow.add("test-unit")
        await house.slack_start()
        await house.type(DANA, "abort <!channel> \u202e & it's 🔥")
        message = await house.message("shop v0.2.0 was stopped")
        assert "&lt;!channel&gt;" in message.text
        assert "&amp; it's 🔥" in message.text
        await house.quiet()
        assert all("<!channel>" not in m.text + str(m.blocks) for m in house.posted())
        assert all("\u202e" not in m.text + str(m.blocks) for m in house.posted())


async def test_looking_is_answered_to_the_person_alone(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        for text, expected in {
            "status": "shop v0.1.0 — live in production",
            "list": "*shop v0.1.0* live in production",
            "help": "*`/release v0.2.0`*",
        }.items():
            await house.type(SAM, text)
            await house.told(SAM, expected)
        assert house.calls("chat.postMessage") == 0


@pytest.mark.parametrize("command", ["/approve", "/rollback"])
async def test_the_short_commands_answer_too(tmp_path: Path, command: str) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.type(DANA, "", command)
        teaches(await house.told(DANA, "🚫"))
