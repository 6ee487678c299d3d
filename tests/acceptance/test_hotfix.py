"""Break-glass in Slack: a hotfix in a freeze, its second person, and what happens when nobody can be reached."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.workspace import Message
from handlers.text import ids
from pipeline import audit_reading
from pipeline.chain import Chain, Seal
from pipeline.snapshot import Snapshot
from tests.acceptance.test_wrong_input import teaches
from tests.slack_forge import kept, press_forged
from tests.slack_house import BOT_TOML, DANA, GUEST, KIM, LEE, SAM, SlackHouse, open_slack_house, reasoned

SATURDAY = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)
WHY = "Orders are <!channel> lost."
TRIED = "Rang Lee and Kim three times each."
REST = """
[products.shop.approval]
alone_after = "10m"
[[products.shop.freezes]]
name = "weekend"
from = "fri 18:00"
to = "mon 05:00"
reason = "nobody is there"
hotfix = true
"""
TOML = BOT_TOML + REST
STRICT = TOML.replace('alone_after = "10m"', "")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[SlackHouse]:
    """A Saturday, in a freeze that a hotfix may pass."""
    async with open_slack_house(tmp_path, bot_toml=TOML) as house:
        house.world.now = SATURDAY
        yield house


async def hotfix(house: SlackHouse) -> Message:
    """Dana's hotfix until it asks for its approval."""
    await house.type(DANA, f"hotfix v0.2.0 {WHY}")
    await house.shown("v0.2.0")
    await house.tick_by_hand("Checklist before shop v0.2.0")
    return await house.message("Approval needed for shop v0.2.0")


async def wait_in_vain(house: SlackHouse) -> Message:
    """Ten minutes later: the request has the button of the last way."""
    asked = await hotfix(house)
    house.world.pass_time(minutes=10)
    house.nudge()
    await house.sandbox.wait_for(lambda: ids.ALONE in str(request(house).blocks), 10)
    return asked


def request(house: SlackHouse) -> Message:
    found = house.find("shop v0.2.0 to go to production")
    assert found is not None
    return found


async def go_on_alone(house: SlackHouse) -> Message:
    asked = await wait_in_vain(house)
    await house.press(DANA, asked, ids.ALONE)
    view = await house.form(DANA)
    assert (await house.sandbox.submit(DANA, view.id, reasoned(" "))).errors == {
        ids.REASON: "Write one sentence: it goes into the record and to the people concerned."
    }
    assert (await house.sandbox.submit(DANA, view.id, reasoned(TRIED))).acked
    return await house.message("shop v0.2.0 goes on without a second person.")


async def in_canary(house: SlackHouse) -> Snapshot:
    shown = await house.shown("v0.2.0")
    return await house.waits_for(shown.release.id, "canary")


async def answer(house: SlackHouse, user: str, text: str) -> str:
    before = len(house.told_so_far(user))
    await house.type(user, text)
    return await house.next_answer(user, before)


async def audited(house: SlackHouse) -> dict[str, dict[str, object]]:
    """What the unbroken audit log holds, by kind."""
    (extent,) = await audit_reading.extents(house.db)
    assert await audit_reading.verify(house.db, extent, Chain(Seal())) is None
    return {
        entry.kind: json.loads(entry.payload) for entry in await audit_reading.newest(house.db, "shop", 200)
    }


async def test_a_hotfix_passes_the_freeze_with_a_second_person(house: SlackHouse) -> None:
    said = await answer(house, DANA, "v0.2.0")
    teaches(said)
    assert "A hotfix may pass: `/release hotfix v0.2.0`" in said

    asked = await hotfix(house)
    loud = await house.message("shop v0.2.0 is a hotfix.")
    assert loud.broadcast
    assert loud.text == (
        f"shop v0.2.0 is a hotfix. <@{DANA}> started it: Orders are &lt;!channel&gt; lost."
        f" It passes the freeze “weekend”. <!subteam^S0APPROVE>, <@{DANA}>: stay near, your approval will be needed"
        " soon."
    )
    assert "Hotfix: Orders are &lt;!channel&gt; lost." in str(
        (await house.message("Release shop v0.2.0")).blocks
    )
    await press_forged(house, DANA, asked, ids.APPROVE, ids.value(*await names(house)))
    await house.told(DANA, "four eyes")
    await house.slack_approve(asked)
    await in_canary(house)
    found = await audited(house)
    assert found["hotfix_declared"] == {
        "reason": WHY,
        "freeze": "weekend",
    }
    assert found["release_approved"]["note"] == "Looks good."
    assert "nobody_reached" not in found


async def names(house: SlackHouse) -> tuple[str, int]:
    """The release, and the run of its approval."""
    shown = await house.shown("v0.2.0")
    return shown.release.id, shown.runs["approval"].id


@pytest.mark.parametrize(("user", "who"), [(SAM, "It is for <!subteam^S0APPROVE>"), (GUEST, "guest")])
async def test_only_who_may_override_starts_one(house: SlackHouse, user: str, who: str) -> None:
    for text in ("hotfix v0.2.0 now", "hotfix v0.2.0", "hotfix"):
        said = await answer(house, user, text)
        teaches(said)
        assert who in said
    assert await house.service.of_version("shop", "v0.2.0") is None


async def test_what_is_missing_is_asked_for_by_a_form(house: SlackHouse) -> None:
    await house.type(LEE, "hotfix v0.2.0")
    view = await house.form(LEE)
    filled = {block["block_id"]: block["element"] for block in view.content["blocks"] if "block_id" in block
              and block["type"] == "input"}  # fmt: skip
    assert filled[ids.VERSION]["initial_value"] == "v0.2.0"
    typed = {ids.VERSION: {ids.INPUT: "v0.2"}, ids.COMMIT: {ids.INPUT: ""}, **reasoned(" ")}
    errors = (await house.sandbox.submit(LEE, view.id, typed)).errors or {}
    assert set(errors) == {ids.VERSION, ids.REASON}
    typed |= {ids.VERSION: {ids.INPUT: "v0.2.0"}, **reasoned(WHY)}
    assert (await house.sandbox.submit(LEE, view.id, typed)).acked
    shown = await house.shown("v0.2.0")
    assert (shown.release.requested_by, shown.release.hotfix) == (LEE, True)


async def test_a_commit_may_be_named_before_the_reason(house: SlackHouse) -> None:
    await house.type(DANA, f"hotfix v0.2.0 {'b' * 40} the shop is down")
    shown = await house.shown("v0.2.0")
    assert shown.release.commit == "b" * 40
    assert shown.release.hotfix_facts == {"reason": "the shop is down", "freeze": "weekend"}


async def test_when_nobody_can_be_reached_who_asked_goes_on_alone_and_everybody_hears(
    house: SlackHouse,
) -> None:
    loud = await go_on_alone(house)
    assert loud.broadcast
    assert loud.text == (
        f"shop v0.2.0 goes on without a second person. <@{DANA}> recorded that nobody could be reached: {TRIED}"
        f" <!subteam^S0APPROVE>, <@{DANA}>: look at it now. Reject it while it waits, or roll it back."
    )
    shown = await in_canary(house)
    assert (shown.runs["approval"].code, shown.runs["approval"].facts["by"]) == ("approved", [DANA])
    await house.message("shop v0.2.0 goes to production without a second person")
    await house.through_canary(shown.release.id)
    announced = await house.message("shop v0.2.0 is live")
    assert (
        f"No second person approved it. <@{DANA}> recorded that nobody could be reached: {TRIED}"
        in announced.text
    )
    assert "approved by" not in str(announced.blocks)
    assert "Hotfix: Orders are &lt;!channel&gt; lost." in announced.text
    found = await audited(house)
    assert (found["nobody_reached"]["reason"], found["nobody_reached"]["got"]) == (TRIED, [])


async def test_not_before_its_time_and_not_by_others(house: SlackHouse) -> None:
    asked = await hotfix(house)
    assert ids.ALONE not in str(asked.blocks)
    assert re.search(rf"<@{DANA}> may go on alone from .* on if nobody can be reached", str(asked.blocks))
    value = ids.value(*await names(house))
    await press_forged(house, DANA, asked, ids.ALONE, value)
    teaches(await house.told(DANA, "It is too early"))
    house.world.pass_time(minutes=10)
    for user, said in ((LEE, f"Only <@{DANA}>"), (SAM, "You cannot overrule this"), (GUEST, "guest")):
        await press_forged(house, user, asked, ids.ALONE, value)
        teaches(await house.told(user, said))
    shown = await house.shown("v0.2.0")
    assert shown.runs["approval"].code == "approval_needed"
    assert not [made for made in shown.approvals if made.decision == "alone"]


async def test_an_approver_who_comes_first_makes_it_needless(house: SlackHouse) -> None:
    asked = kept(await wait_in_vain(house))
    value = ids.value(*await names(house))
    await house.press(DANA, asked, ids.ALONE)
    view = await house.form(DANA)
    await house.slack_approve(asked, KIM)
    await in_canary(house)
    await house.sandbox.submit(DANA, view.id, reasoned(TRIED))
    await house.told(DANA, "🚫")
    await press_forged(house, DANA, asked, ids.ALONE, value)
    assert "nobody_reached" not in await audited(house)


async def test_it_is_for_hotfixes_alone_and_only_where_bot_toml_says_so(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path, bot_toml=TOML) as house:
        asked = await house.slack_to_approval()
        house.world.pass_time(minutes=30)
        await press_forged(house, DANA, asked, ids.ALONE, ids.value(*await names(house)))
        teaches(await house.told(DANA, "cannot go on without a second person"))
        assert "may go on alone" not in str(asked.blocks)


async def test_where_bot_toml_does_not_say_so_a_hotfix_waits_for_its_second_person(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path, bot_toml=STRICT) as house:
        house.world.now = SATURDAY
        asked = await hotfix(house)
        house.world.pass_time(hours=1)
        await press_forged(house, DANA, asked, ids.ALONE, ids.value(*await names(house)))
        teaches(await house.told(DANA, "cannot go on without a second person"))
        await house.slack_approve(asked)
        await in_canary(house)


async def test_in_portuguese_too(tmp_path: Path) -> None:
    toml = TOML.replace('channel = "C0RELEASES"', 'channel = "C0RELEASES"\nlanguage = "pt-BR"')
    async with open_slack_house(tmp_path, bot_toml=toml, locale="pt-BR") as house:
        house.world.now = SATURDAY
        await house.type(DANA, f"hotfix v0.2.0 {WHY}")
        loud = await house.message("shop v0.2.0 é um hotfix.")
        assert "Ele passa pelo congelamento “weekend”." in loud.text
