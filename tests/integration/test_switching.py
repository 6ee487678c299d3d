"""Switching a flag through the service: who may, what is written down and told, and what may be broken meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pipeline import inbox, switching, turning
from pipeline.adapters.flags.file import FileFlags
from pipeline.errors import FlagError, ReadBackError, Refused
from pipeline.intake import Intake
from pipeline.models import Delivery, Event
from pipeline.policy import Actor
from pipeline.ports import Switched
from pipeline.switching import Board, Standing, Wish
from tests.flags import document, flag, states, store, world
from tests.house import BOT_TOML, DANA, KIM, LEE, SAM, STRANGER, House, open_house
from tests.integration.test_flags_in_a_release import item

SWITCH = "auto-approval"
ANNA = Actor("U0ANNA", "T1")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, world=world()) as house:
        await house.adopt()
        yield house


@pytest.fixture
async def either(tmp_path: Path, url: str) -> AsyncIterator[House]:
    """On either kind of database: for what several bots could do at once."""
    async with open_house(tmp_path, url, world()) as house:
        await house.adopt()
        yield house


def wish(house: House, on: bool, key: str = SWITCH, where: str = "production", reason: str = "") -> Wish:
    return Wish("shop", where, key, on, reason, house.click())


async def events(house: House) -> list[Event]:
    async with house.db.reading() as session:
        of_product = select(Event).where(Event.release_id.is_(None)).order_by(Event.id)
        return list(await session.scalars(of_product))


async def told(house: House) -> list[Delivery]:
    async with house.db.reading() as session:
        return list(await session.scalars(select(Delivery).where(Delivery.release_id.is_(None))))


async def refused(attempt: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await attempt
    return caught.value


async def test_a_switch_is_done_written_down_and_told_once(either: House) -> None:
    house = either
    asked = wish(house, True, reason="trying it out")
    for _ in range(2):  # the same request, a second time
        assert await switching.switch(house.service, SAM, asked)
    assert (await states(house))[SWITCH] is True
    requested, done = await events(house)
    assert (requested.kind, done.kind, done.actor) == ("flag_switch_requested", "flag_switched", "U0SAM")
    assert done.payload == {
        "environment": "production",
        "key": SWITCH,
        "to": True,
        "reason": "trying it out",
        "origin": asked.origin,
        "was": {"on": False, "variant": "off", "doubt": ""},
        "set_aside": {},
        "safe": False,
    }
    (delivery,) = await told(house)
    assert (delivery.product, delivery.channel, delivery.wanted) == ("shop", "C0SHOP", done.id)
    assert (await states(house, "staging"))[SWITCH] is False


async def test_what_stands_so_already_is_no_news(house: House) -> None:
    assert not await switching.switch(house.service, SAM, wish(house, False))
    assert await told(house) == []


@pytest.mark.parametrize("who", [LEE, KIM, DANA, SAM])
async def test_whoever_may_approve_or_roll_back_may_switch(who: Actor, house: House) -> None:
    assert await switching.switch(house.service, who, wish(house, True))


async def test_nobody_else_may(house: House) -> None:
    assert (await refused(switching.switch(house.service, STRANGER, wish(house, True)))).code == "stranger"
    denied = await refused(switching.switch(house.service, ANNA, wish(house, True)))
    assert (denied.code, "<@U0SAM>" in denied.facts["who"]) == ("may_not_flags", True)
    assert (await events(house), (await states(house))[SWITCH]) == ([], False)


async def test_the_operator_names_who_may(tmp_path: Path) -> None:
    bot_toml = BOT_TOML.replace("rollback =", 'flags = ["U0ANNA"]\nrollback =')
    async with open_house(tmp_path, world=world(), bot_toml=bot_toml) as house:
        await house.adopt()
        assert await switching.switch(house.service, ANNA, wish(house, True))
        assert (
            await refused(switching.switch(house.service, SAM, wish(house, False)))
        ).code == "may_not_flags"


async def test_a_directory_that_fails_denies(house: House) -> None:
    house.world.failing.add("directory")
    assert (await refused(switching.switch(house.service, SAM, wish(house, True)))).code == "lookup_failed"
    assert (await states(house))[SWITCH] is False


@pytest.mark.parametrize(
    ("asked", "code", "facts"),
    [
        ({"key": "auto-aproval"}, "unknown_flag", {"near": "auto-approval"}),
        ({"key": "nothing like it"}, "unknown_flag", {"near": ""}),
        ({"where": "qa"}, "unknown_environment", {"known": "staging, production"}),
    ],
)
async def test_what_is_not_there(asked: Any, code: str, facts: dict[str, str], house: House) -> None:
    found = await refused(switching.switch(house.service, SAM, wish(house, True, **asked)))
    assert (found.code, found.facts | facts) == (code, found.facts)


async def test_a_product_without_flags(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        assert (await refused(switching.switch(house.service, SAM, wish(house, True)))).code == "no_flags"
        assert await switching.boards(house.service, "shop") == (Board("production"), Board("staging"))


async def test_it_works_when_everything_else_is_broken(house: House) -> None:
    """Production is locked by a rollback, the repository and both targets are gone, and no engine runs."""
    release = await house.start()
    await house.to_watch(release.id)
    await turning.roll_back(house.service, SAM, release.id, "orders are lost", False, house.click())
    await house.ended(release.id)
    await house.stop_engines()
    house.world.failing |= {"fetch", "router-production", "router-staging", "logs"}
    broken = replace(house.made, targets={}, repository=None, builder=None, runner=None)  # type: ignore[arg-type]  # gone
    house.made = broken
    assert await switching.switch(house.service, SAM, wish(house, True))
    assert await switching.switch(house.service, SAM, wish(house, False))
    production, _ = await switching.boards(house.service, "shop")
    assert [standing.flag.on for standing in production.flags] == [True, False]


async def test_a_release_that_waits_looks_at_its_checklist_at_once(either: House) -> None:
    house = either
    release = await house.start()
    shown = await house.waits_for(release.id, "checklist")
    assert item(shown).done
    await switching.switch(house.service, SAM, wish(house, True))
    await house.until(release.id, lambda s: not item(s).done)
    await switching.switch(house.service, SAM, wish(house, False))
    shown = await house.until(release.id, lambda s: item(s).done)
    assert item(shown).done_by == "bot"


async def test_the_board_says_who_changed_what_when_and_why(house: House) -> None:
    await switching.switch(house.service, SAM, wish(house, True, reason="trying it out"))
    at, house.world.now = house.world.now, house.world.now.replace(hour=12)
    production, staging = await switching.boards(house.service, "shop")
    human, auto = production.flags
    assert (human.safe, human.button, human.unsafe, human.changed_by) == (True, False, False, None)
    assert (auto.safe, auto.button, auto.unsafe) == (False, True, True)
    assert (auto.changed_by, auto.changed_at, auto.reason) == ("U0SAM", at, "trying it out")
    assert [standing.changed_by for standing in staging.flags] == [None, None]


async def test_what_was_changed_by_hand_since_is_nobodys_of_the_bot(house: House) -> None:
    await switching.switch(house.service, SAM, wish(house, True))
    store(house).path.write_text(document())
    assert _changed_by((await switching.boards(house.service, "shop"))[0]) is None


def _changed_by(board: Board) -> str | None:
    return next(standing for standing in board.flags if standing.flag.key == SWITCH).changed_by


async def test_flags_that_are_missing_and_stores_that_fail_are_said(house: House) -> None:
    store(house).path.write_text(json.dumps({"flags": {"x": flag()}}))
    store(house, "staging").path.write_text("{")
    production, staging = await switching.boards(house.service, "shop")
    assert set(production.missing) == {"human-in-the-loop", SWITCH}
    assert "is not a file of flags" in staging.error
    assert production.flags == (Standing(production.flags[0].flag, None, False, None, None, ""),)


@dataclass(frozen=True)
class Failing(FileFlags):
    """A store that has its troubles. `told`: an application does not get it."""

    told: bool = False

    async def switch(self, key: str, on: bool, actor: str, reason: str) -> Switched:
        if self.told:
            await super().switch(key, on, actor, reason)
            raise ReadBackError("BUT AN APPLICATION DOES NOT GET IT. Next: look.")
        raise FlagError("The server does not answer. Next: look.")


def failing(house: House, told: bool) -> None:
    broken = Failing(store(house).folder, "shop production", told=told)
    house.made = replace(house.made, flags={**house.made.flags, "production": broken})


async def test_a_store_that_fails_is_written_down_and_not_told(house: House) -> None:
    failing(house, told=False)
    found = await refused(switching.switch(house.service, SAM, wish(house, True)))
    assert (found.code, found.facts["error"]) == ("flag_failed", "The server does not answer. Next: look.")
    assert [event.kind for event in await events(house)] == ["flag_switch_requested", "flag_switch_failed"]
    assert await told(house) == []


async def test_a_switch_that_cannot_be_confirmed_is_said_aloud(house: House) -> None:
    failing(house, told=True)
    found = await refused(switching.switch(house.service, SAM, wish(house, True)))
    assert found.code == "flag_unconfirmed"
    assert (await events(house))[-1].kind == "flag_switch_unconfirmed"
    assert "<@U0SAM>" in (await events(house))[-1].payload["people"]
    assert len(await told(house)) == 1


async def test_a_request_that_was_cut_off_after_the_switch_is_told_with_what_was_before(
    either: House,
) -> None:
    """Killed between the store and the record: the request comes again, and the flag is switched already."""
    house = either
    asked = wish(house, True)
    failing(house, told=True)
    await refused(switching.switch(house.service, SAM, asked))
    mended = FileFlags(store(house).folder, "shop production")
    house.made = replace(house.made, flags={**house.made.flags, "production": mended})
    assert (await states(house))[SWITCH] is True
    assert await switching.switch(house.service, SAM, asked)
    done = (await events(house))[-1]
    assert (done.kind, done.payload["was"]["on"], done.payload["to"]) == ("flag_switched", False, True)
    assert len(await told(house)) == 1  # its message is edited: it is confirmed now


async def test_two_people_at_once_are_one_change(either: House) -> None:
    house = either
    answers = await asyncio.gather(
        *(switching.switch(house.service, who, wish(house, True)) for who in (SAM, LEE, KIM))
    )
    assert (await states(house))[SWITCH] is True
    assert answers.count(True) >= 1
    assert len(await told(house)) == answers.count(True)


async def test_a_request_of_the_inbox_has_its_effect_once(either: House) -> None:
    """A peer that took it over does not tell it again, nor does it switch back what somebody switched since."""
    house = either
    asked = wish(house, True)
    row = await Intake(house.db, "me", house.world.clock).receive("action", asked.origin, {})
    assert row is not None
    assert await switching.switch(house.service, SAM, asked)
    await switching.switch(house.service, SAM, wish(house, False))
    assert await switching.switch(house.service, SAM, asked)
    assert (await states(house))[SWITCH] is False
    assert len(await told(house)) == 2
    assert await inbox.take_over(house.db, "peer") == []


async def test_the_operator_may_without_slack(house: House) -> None:
    house.world.failing.add("directory")
    assert await switching.switch_by_operator(house.service, wish(house, True, reason="Slack is down"))
    assert (await events(house))[-1].actor == "operator"
    assert len(await told(house)) == 1


async def test_a_playbook_that_this_version_cannot_read_does_not_stand_in_the_way(house: House) -> None:
    found = await house.service.current("shop")
    assert found
    async with house.db.transaction() as session:
        release = await session.merge(found.release)
        release.playbook = {**release.playbook, "flags": {"file": 1}, "components": []}
    assert await switching.switch(house.service, SAM, wish(house, True))
    production, _ = await switching.boards(house.service, "shop")
    assert [standing.safe for standing in production.flags] == [None, None]
