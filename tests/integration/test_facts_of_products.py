"""Facts of a product that belong to no release: told once, whoever dies in between, on both kinds of database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, func, select, text, update

from pipeline.events import Fact, record_of_product
from pipeline.models import Delivery, Event
from pipeline.outbox import Outbox
from pipeline.parcel import NeverSent, Parcel, Sent
from pipeline.retention import Retention
from pipeline.store import Database, alembic_config
from tests.house import House, open_house

TOPIC = "lock:production"


@dataclass
class Platform:
    """Takes every message. `posts` and `edits` are what it was shown; `deaf` refuses for good."""

    posts: list[Any] = field(default_factory=list)
    edits: list[Any] = field(default_factory=list)
    deaf: bool = False

    async def send(self, parcel: Parcel) -> Sent | None:
        if self.deaf:
            raise NeverSent("the channel is archived")
        assert isinstance(parcel.shown, Event)
        shown = (parcel.about, parcel.home, parcel.topic, parcel.shown.payload["reason"])
        if parcel.ts or (parcel.in_doubt and self.posts):
            self.edits.append(shown)
        else:
            self.posts.append(shown)
        return Sent(parcel.home, "1")


@pytest.fixture
async def house(tmp_path: Path, url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path, url) as house:
        yield house


async def tell(house: House, reason: str, topic: str = TOPIC) -> None:
    fact = Fact("environment_locked", "U0DANA", {"reason": reason}, (topic,))
    async with house.db.transaction() as session:
        await record_of_product(session, "shop", "C0SHOP", fact, house.world.clock())


async def all_sent(house: House, *platforms: Platform, posts: int = 0) -> None:
    """Send with one outbox per platform, side by side, until nothing is left and so many posts were made."""
    outboxes = [Outbox(house.db, p, house.world.clock, f"bot {n}") for n, p in enumerate(platforms)]
    tasks = [asyncio.create_task(outbox.run()) for outbox in outboxes]
    async with asyncio.timeout(10):
        while not all([await outbox.idle() for outbox in outboxes]) or len(platforms[0].posts) < posts:
            house.world.pass_time(seconds=1)
            outboxes[0].nudge()
            await asyncio.sleep(0.02)
    for outbox in outboxes:
        await outbox.stop()
    await asyncio.gather(*tasks)


async def test_a_fact_is_told_once_in_the_products_channel(house: House) -> None:
    one, two = Platform(), Platform()
    await tell(house, "a fire", "lock:production")
    await tell(house, "an exercise", "lock:staging")
    await all_sent(house, one, two)
    assert sorted(one.posts + two.posts) == [
        ("shop", "C0SHOP", "lock:production", "a fire"),
        ("shop", "C0SHOP", "lock:staging", "an exercise"),
    ]
    await all_sent(house, one, two)
    assert len(one.posts + two.posts) == 2
    assert one.edits + two.edits == []


async def test_the_same_topic_again_edits_its_message(house: House) -> None:
    platform = Platform()
    await tell(house, "a fire")
    await all_sent(house, platform)
    await tell(house, "the fire is out")
    await all_sent(house, platform)
    assert [post[-1] for post in platform.posts] == ["a fire"]
    assert [edit[-1] for edit in platform.edits] == ["the fire is out"]


async def test_what_its_sender_may_have_posted_is_looked_for(house: House) -> None:
    platform = Platform()
    await tell(house, "a fire")
    await all_sent(house, platform)
    async with house.db.transaction() as session:
        await session.execute(update(Delivery).values(sent=0, ts=None, posting=True))
    await all_sent(house, platform)
    assert (len(platform.posts), len(platform.edits)) == (1, 1)


async def test_what_could_not_be_told_is_tried_again_at_a_start_while_it_is_news(house: House) -> None:
    await tell(house, "a fire")
    await all_sent(house, Platform(deaf=True))
    await tell(house, "an old fire", "lock:staging")
    await all_sent(house, Platform(deaf=True))
    async with house.db.transaction() as session:
        yesterday = house.world.clock() - timedelta(hours=25)
        await session.execute(update(Delivery).where(Delivery.topic != TOPIC).values(next_at=yesterday))
    await tell(house, "a flood", "lock:canary")
    platform = Platform()
    await all_sent(house, platform, posts=2)
    assert [post[-1] for post in platform.posts] == ["a fire", "a flood"]


async def test_a_transaction_that_fails_tells_nothing(house: House) -> None:
    async def fail() -> None:
        async with house.db.transaction() as session:
            fact = Fact("environment_locked", "U0DANA", {"reason": "?"}, (TOPIC,))
            await record_of_product(session, "shop", "C0SHOP", fact, house.world.clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Event)) == 0
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 0


async def test_where_it_stood_is_forgotten_in_time_and_the_fact_is_not(house: House) -> None:
    await tell(house, "a fire")
    keeper = Retention(house.db, house.config, lambda _: house.made, house.world.clock)
    house.world.pass_time(days=400)
    assert not await keeper.step()  # it was not told yet
    await all_sent(house, Platform())
    assert not await keeper.step()
    house.world.pass_time(days=366)
    assert await keeper.step()
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 0
        assert await session.scalar(select(func.count()).select_from(Event)) == 1


async def test_the_migration_keeps_every_message_and_its_indexes(house: House) -> None:
    """Down to the version before and up again: a release's messages are as they were, a product's are gone."""
    release = await house.start("v0.2.0")
    await house.waits_for(release.id, "checklist")
    await house.stop_engines()
    before = await _messages(house.db)
    await tell(house, "a fire")
    for action, revision in ((command.downgrade, "0001"), (command.upgrade, "head")):

        def step(connection: Connection, action: Any = action, revision: str = revision) -> None:
            config = alembic_config("")
            config.attributes["connection"] = connection
            action(config, revision)

        async with house.db.engine.begin() as connection:
            await connection.run_sync(step)
    assert before
    assert await _messages(house.db) == before
    if house.db.sqlite:
        async with house.db.reading() as session:
            partial = text("SELECT name FROM sqlite_master WHERE sql LIKE '%deliveries%WHERE%' ORDER BY name")
            assert list(await session.scalars(partial)) == [
                "ix_deliveries_due",
                "ix_deliveries_given_up",
                "uq_deliveries_product",
            ]


async def _messages(db: Database) -> list[Any]:
    async with db.reading() as session:
        columns = (Delivery.id, Delivery.release_id, Delivery.topic, Delivery.wanted, Delivery.next_at)
        return [tuple(row) for row in await session.execute(select(*columns).order_by(Delivery.id))]
