"""Clicks and forms of the wrong person, at the wrong time, twice, or tampered with: one effect, or a refusal."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from handlers.text import ids
from pipeline.models import Approval, Event
from tests.acceptance.test_wrong_input import teaches
from tests.slack_forge import kept, press_forged, submit_forged
from tests.slack_house import (
    APPROVAL,
    DANA,
    GUEST,
    KIM,
    LEE,
    OUTSIDER,
    SAM,
    SlackHouse,
    open_slack_house,
    reasoned,
)

SEEN = {ids.SEEN: {ids.INPUT: {"selected_options": [{"value": "changes"}, {"value": "back"}]}}}
TAMPERED = ("", ":", "a:b:c", "rel_nobody:1", "x" * 2_000, "rel:-1", "rel:²", "'; --", None, "<!channel>:1")


async def count(house: SlackHouse, kind: str) -> int:
    async with house.db.reading() as session:
        found = await session.scalar(select(func.count()).where(Event.kind == kind))
        return found or 0


async def test_only_the_right_people_may(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        for user, expected in {
            GUEST: ("You cannot do that", "This account is a guest", "full member"),
            SAM: ("You cannot do that", f"It is for who may start releases: <@{DANA}>", "Ask one of them"),
            OUTSIDER: ("You cannot do that", "belongs to another organisation"),
        }.items():
            await house.type(user, "v0.2.0")
            teaches(await house.told(user, *expected))
        request = await house.slack_to_approval()
        for user, expected in {
            SAM: ("You cannot decide this", "Approvals are for <!subteam^S0APPROVE>"),
            OUTSIDER: ("You cannot do that here", "workspace is not one", "team that owns"),
            DANA: ("You cannot approve this release", "You started it", "another approver"),
        }.items():
            await house.press(user, request, ids.APPROVE)
            teaches(await house.told(user, *expected))
            assert not house.sandbox.views(user)
        assert await count(house, "release_approved") == 0


async def test_who_started_a_release_may_still_reject_it(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.press(DANA, await house.slack_to_approval(), ids.REJECT)
        await house.sandbox.submit(DANA, (await house.form(DANA)).id, reasoned("Wrong <!here> day."))
        ended = await house.message("shop v0.2.0 failed before production")
        assert f"<@{DANA}> rejected it: Wrong &lt;!here&gt; day." in ended.text


async def test_of_two_approvals_at_once_one_counts_and_the_other_is_told(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await asyncio.gather(*(house.press(user, request, ids.APPROVE) for user in (LEE, KIM)))
        forms = [(user, await house.form(user)) for user in (LEE, KIM)]
        await asyncio.gather(*(house.sandbox.submit(user, form.id, APPROVAL) for user, form in forms))
        decided = await house.message("shop v0.2.0 was approved for production")
        first = LEE if LEE in decided.text else KIM
        second = KIM if first == LEE else LEE
        teaches(await house.told(second, "decided already", f"<@{first}> has approved it"))
        assert not house.told_so_far(first)
        assert await count(house, "release_approved") == 1


async def test_buttons_of_the_past_are_out_of_date(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = kept(await house.slack_to_approval())
        shown = await house.shown("v0.2.0")
        value = ids.value(shown.release.id, shown.runs["approval"].id)
        await house.slack_approve(request)
        await house.waits_for(shown.release.id, "canary")
        await press_forged(house, KIM, request, ids.APPROVE, value)
        teaches(await house.told(KIM, "This was decided already", f"<@{LEE}> has approved it"))
        await press_forged(house, KIM, request, ids.ABORT, shown.release.id)
        teaches(await house.told(KIM, "It is for who may start releases"))
        await press_forged(house, DANA, request, ids.ABORT, shown.release.id)
        teaches(await house.told(DANA, "has reached production", "Use `/rollback`"))
        await house.slack_roll_back()
        await house.message("shop v0.2.0 was rolled back to v0.1.0")
        await press_forged(house, SAM, request, ids.ROLLBACK, shown.release.id)
        teaches(await house.told(SAM, "v0.2.0 has ended: rolled back", "nothing left to stop or turn back"))
        await press_forged(house, SAM, request, ids.ROLLBACK, (await house.shown("v0.1.0")).release.id)
        teaches(await house.told(SAM, "Production has just gone back to v0.1.0", "Release a fix"))


async def test_an_approval_of_another_request_is_refused(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        shown = await house.shown("v0.2.0")
        other = ids.value(shown.release.id, shown.runs["approval"].id - 1)
        for action in (ids.APPROVE, ids.REJECT):
            before = len(house.told_so_far(LEE))
            await press_forged(house, LEE, request, action, other)
            said = await house.next_answer(LEE, before)
            teaches(said)
            assert "v0.2.0 has moved on" in said


@pytest.mark.parametrize("action", [ids.APPROVE, ids.TICK, ids.KEEP, ids.ROLLBACK, ids.UNLOCK, ids.ABORT])
async def test_tampered_values_find_nothing(tmp_path: Path, action: str) -> None:
    async with open_slack_house(tmp_path) as house:
        card = await house.message("v0.1.0")
        for value in TAMPERED:
            before = len(house.told_so_far(DANA))
            assert (await press_forged(house, DANA, card, action, value)).acked
            said = await house.next_answer(DANA, before)
            teaches(said)
            assert "broke" not in said


async def test_tampered_metadata_approves_nothing(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        shown = await house.shown("v0.2.0")
        await house.press(LEE, request, ids.APPROVE)
        form = await house.form(LEE)
        run, release = shown.runs["approval"].id, shown.release.id
        tampered: tuple[dict[str, Any], ...] = (
            {"release": 5, "run": [run]},
            {"release": release, "run": str(run)},
            {"release": release, "run": run - 1},
            {"release": (await house.shown("v0.1.0")).release.id, "run": run},
            {"release": release},
        )
        for hints in tampered:
            before = len(house.told_so_far(LEE))
            forged = json.dumps(hints | {"channel": request.channel})
            assert (await submit_forged(house, LEE, form, SEEN, private_metadata=forged)).acked
            teaches(await house.next_answer(LEE, before))
        for broken in ("", "{", "[1]", '"text"', "null", '{"boxes": 1}'):
            assert (await submit_forged(house, LEE, form, SEEN, private_metadata=broken)).acked
        assert (await submit_forged(house, LEE, form, {"odd": {"v": None}})).acked
        assert await count(house, "release_approved") == 0
        answer = await house.sandbox.submit(LEE, form.id, APPROVAL)
        assert answer.acked
        await house.message("was approved for production")


async def test_doubled_deliveries_have_one_effect(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        twice = house.sandbox.faults.deliver_twice
        twice()
        await house.slack_start()
        await house.message("Checklist before shop v0.2.0")
        twice()
        await house.tick_by_hand("Checklist before shop v0.2.0")
        request = await house.message("Approval needed")
        twice()
        await house.press(LEE, request, ids.APPROVE)
        form = await house.form(LEE)
        twice()
        await house.sandbox.submit(LEE, form.id, APPROVAL)
        await house.waits_for((await house.shown("v0.2.0")).release.id, "canary")
        await house.quiet()
        assert [release.version for release in await house.service.recent("shop")] == ["v0.2.0", "v0.1.0"]
        assert await count(house, "item_ticked") == 1
        async with house.db.reading() as session:
            assert await session.scalar(select(func.count()).select_from(Approval)) == 1
        assert house.calls("views.open") == 1
        assert not house.told_so_far(DANA)
        assert not house.told_so_far(LEE)


async def test_forms_say_what_is_missing(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await house.press(LEE, request, ids.APPROVE)
        form = await house.form(LEE)
        answer = await house.sandbox.submit(LEE, form.id, {ids.SEEN: {ids.INPUT: ["changes"]}})
        assert answer.errors[ids.SEEN] == (
            "Look at both, then tick both: the way back is part of what you approve."
        )
        await house.sandbox.close_view(LEE, form.id)
        await house.press(LEE, request, ids.REJECT)
        form = await house.form(LEE)
        answer = await house.sandbox.submit(LEE, form.id, reasoned("   "))
        assert "Write one sentence" in answer.errors[ids.REASON]
        assert await count(house, "release_rejected") == 0


async def test_an_unlock_button_opens_its_own_lock_only(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_watch()
        await house.slack_roll_back()
        back = await house.message("shop v0.2.0 was rolled back to v0.1.0")
        await house.type(DANA, "v0.3.0")
        teaches(await house.told(DANA, "Production is locked", "v0.2.0 was rolled back: Orders are lost."))
        await house.quiet()
        await house.press(SAM, await house.message("was rolled back"), ids.UNLOCK)
        teaches(await house.told(SAM, "You cannot decide this"))
        await house.press(LEE, await house.message("was rolled back"), ids.UNLOCK)
        await house.told(LEE, "Production of shop is unlocked", "v0.2.0 was rolled back: Orders are lost.")
        await house.sandbox.wait_for(lambda: ids.UNLOCK not in str(house.find("was rolled back")))
        assert "production is unlocked" in str((await house.message("was rolled back")).blocks)
        old = ids.value("shop", (await house.shown("v0.2.0")).release.id)
        await press_forged(house, LEE, back, ids.UNLOCK, old)
        teaches(await house.told(LEE, "Nothing is locked"))
        await house.slack_to_watch("v0.3.0")
        await house.slack_roll_back()
        await house.message("shop v0.3.0 was rolled back")
        await press_forged(house, LEE, back, ids.UNLOCK, old)
        teaches(await house.told(LEE, "out of date"))
