"""Messages whose sender died, or that another bot has edited since: found, brought up to date, never doubled."""

from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from pipeline.models import Delivery, Release
from pipeline.policy import Actor
from tests.slack_house import CHANNEL, DANA, TEAM, SlackHouse, open_slack_house

IN_DOUBT = {"ts": None, "channel": None, "sent": 0, "posting": True}
"""A delivery as a sender leaves it that dies between its post and the record of it."""


async def change(house: SlackHouse, topic: str, **values: Any) -> None:
    """Change the delivery of a topic of v0.2.0 behind the bot's back."""
    async with house.db.transaction() as session:
        newest = select(Delivery.id).where(Delivery.topic.like(topic)).order_by(Delivery.id.desc()).limit(1)
        found = (await session.scalars(newest)).one()
        await session.execute(update(Delivery).where(Delivery.id == found).values(**values))


async def test_a_post_in_doubt_is_found_and_then_shows_what_is_true_now(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_approval()
        await house.quiet()
        message = await house.message("Checklist before shop v0.2.0")
        now, message.text = message.text, "Checklist before shop v0.2.0, as it was when its sender died"
        before = len(house.posted())
        await change(house, "checklist:before", **IN_DOUBT)
        await house.restart()
        await house.quiet()
        assert message.text == now
        assert len(house.posted()) == before


async def test_a_post_in_doubt_outside_of_the_thread_is_found_too(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_watch()
        await house.message("shop v0.2.0 is live")
        await house.quiet()
        before = len(house.posted())
        await change(house, "announcement", **IN_DOUBT)
        await house.restart()
        await house.quiet()
        assert len(house.posted()) == before


async def test_what_this_bot_showed_last_is_not_trusted_when_another_edited_since(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_approval()
        await house.quiet()
        card = await house.message("Release shop v0.2.0")
        now, card.text = card.text, "Release shop v0.2.0, as another bot showed it"
        async with house.db.reading() as session:
            newest = select(Delivery.wanted).where(Delivery.topic == "card").order_by(Delivery.id.desc())
            wanted = (await session.scalars(newest.limit(1))).one()
        await change(house, "card", sent=wanted + 1, wanted=wanted + 2)
        house.nudge()
        await house.quiet()
        assert card.text == now


async def test_what_a_stalled_sender_showed_late_is_put_right(tmp_path: Path) -> None:
    """Its edit arrives after another bot has taken the message over and shown something newer."""
    async with open_slack_house(tmp_path) as house:
        await house.slack_to_approval()
        await house.quiet()
        card = await house.message("Release shop v0.2.0")
        async with house.db.reading() as session:
            newest = select(Delivery.wanted).where(Delivery.topic == "card").order_by(Delivery.id.desc())
            wanted = (await session.scalars(newest.limit(1))).one()
        before = house.calls("chat.update")
        house.sandbox.faults.hang("chat.update", seconds=1.0)
        await change(house, "card", sent=wanted - 1)
        house.nudge()
        await house.sandbox.wait_for(lambda: not house.sandbox.faults.planned, 10)
        await change(house, "card", owner="a peer", wanted=wanted + 1, sent=wanted + 1, lease_until=0.0)
        await house.sandbox.wait_for(lambda: house.calls("chat.update") > before + 1, 20)
        await house.quiet()
        assert "waiting for people" in card.text


async def asked_for(house: SlackHouse, version: str) -> Release:
    """Asked for while no message can be sent."""
    return await house.service.start(Actor(DANA, TEAM), "shop", version, "b" * 40, CHANNEL, house.click())


async def test_a_release_that_was_just_asked_for_is_shown_before_the_notes_of_those_before(
    tmp_path: Path,
) -> None:
    """After an outage there may be many of them, and somebody looks for what became of their command."""
    async with open_slack_house(tmp_path) as house:
        before, note = len(house.posted()), "Smoke and end-to-end tests on staging: failed"
        await house.face.stop()
        house.world.failing.add("staging-smoke")
        for number in range(2, 8):
            await house.ended((await asked_for(house, f"v0.{number}.0")).id)
        await house.stop_engines()
        await house.begin()
        await house.message("Release shop v0.7.0")
        await house.message(f"v0.2.0: {note}")
        texts = [message.text for message in house.posted()[before:]]
        card = next(place for place, text in enumerate(texts) if text.startswith("Release shop v0.7.0"))
        assert card < min(place for place, text in enumerate(texts) if note in text)
