"""Slack is gone for an hour while a release goes on: afterwards its messages are right, and not many."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from pipeline.events import ANNOUNCEMENT
from pipeline.models import Delivery, Event
from pipeline.states import StageStatus
from tests.slack_house import SlackHouse, open_slack_house

GONE = 1_000_000
"""More calls than anybody makes."""
MESSAGES = ("chat.postMessage", "chat.update")


async def unsent(house: SlackHouse) -> list[str]:
    """The topics that Slack has not yet shown as they are now."""
    behind = select(Delivery.topic).where(Delivery.sent < Delivery.wanted, Delivery.given_up.is_(None))
    async with house.db.reading() as session:
        return list(await session.scalars(behind.order_by(Delivery.id)))


async def events(house: SlackHouse) -> int:
    async with house.db.reading() as session:
        return await session.scalar(select(func.max(Event.id))) or 0


async def an_hour_goes_by(house: SlackHouse, release_id: str) -> None:
    """The canary takes all traffic, the watch looks again and again and ends, the team is asked."""
    await house.through_canary(release_id)
    await house.waits_for(release_id, "watch")
    for _ in range(5):
        house.world.pass_time(minutes=11)
        house.nudge()
    await house.waits_for(release_id, "after")


@pytest.mark.parametrize("gone", ["status", "drop_before", "rate_limited"])
async def test_after_an_hour_without_slack_each_message_is_sent_once_as_it_is_now(
    tmp_path: Path, gone: str
) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.slack_approve(await house.slack_to_approval())
        release = (await house.shown("v0.2.0")).release
        await house.waits_for(release.id, "canary")
        await house.quiet()
        posted, before = len(house.posted()), await events(house)

        house.sandbox.faults.plan("*", kind=gone, times=GONE, status=503)
        await an_hour_goes_by(house, release.id)
        waiting = await unsent(house)
        assert len(house.posted()) == posted
        assert {"card", ANNOUNCEMENT, "checklist:after", "note:watch:1"} <= set(waiting)
        assert await events(house) - before > len(waiting)
        house.sandbox.core.journal.clear()
        house.sandbox.faults.clear()
        await house.quiet()

        assert house.calls(*MESSAGES) <= len(waiting)
        texts = [message.text for message in house.posted()]
        assert len(texts) == len(set(texts)) == posted + len(waiting) - 1  # the card was there before
        assert "waiting for people" in (await house.message("Release shop v0.2.0")).text
        await house.tick_by_hand("Checklist after shop v0.2.0")
        shown = await house.ended(release.id)
        assert shown.runs["retire"].status is StageStatus.SUCCEEDED
