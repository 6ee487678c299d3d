"""Two versions of the bot on one database: what only the newer one can tell waits for it."""

import asyncio
from pathlib import Path

from sqlalchemy import insert, select, update

from pipeline.models import Delivery
from tests.house import PATIENCE
from tests.slack_house import DANA, SlackHouse, open_slack_house

FUTURE = "hologram:1"
"""A message of a version of the bot that is not this one."""


async def attempts(house: SlackHouse, topic: str) -> int:
    async with house.db.reading() as session:
        return await session.scalar(select(Delivery.attempts).where(Delivery.topic == topic)) or 0


async def test_a_message_of_a_newer_version_waits_for_a_bot_that_knows_it(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        shown = await house.slack_start()
        wanted = {"release_id": shown.release.id, "topic": FUTURE, "wanted": 1, "sent": 0, "urgent": True}
        async with house.db.transaction() as session:
            await session.execute(insert(Delivery).values(**wanted, next_at=house.world.clock()))
        await house.message("Checklist before shop v0.2.0")  # what it knows is told meanwhile
        async with asyncio.timeout(PATIENCE):
            while not await attempts(house, FUTURE):
                await asyncio.sleep(0.03)
        assert not [message for message in house.posted() if "hologram" in str(message.blocks)]
        async with house.db.transaction() as session:  # to the newer version it is a message like this one
            as_newer = update(Delivery).where(Delivery.topic == FUTURE)
            await session.execute(as_newer.values(topic=f"log:{DANA}:1:test-unit"))
        await house.message("asked for the output of `test-unit`")
        await house.quiet()
