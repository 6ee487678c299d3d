"""Who is told again, when, and who is not; on both databases, and once with two bots."""

import asyncio
from pathlib import Path

from sqlalchemy import select

from pipeline import following
from pipeline.events import DIRECT
from pipeline.models import Delivery, Event
from pipeline.reminding import Reminding
from tests.house import BOT_TOML, KIM, LEE, PATIENCE, SAM, House, open_house

RULES = (
    BOT_TOML
    + """
[products.shop.reminders]
after = "1h"
every = "2h"
escalate_after = "4h"
escalate_to = ["U0BOSS"]
quiet = [{ name = "night", from = "20:00", to = "07:00" }]
"""
)


def reminding(house: House) -> Reminding:
    return Reminding(house.db, house.config, lambda _: house.made, house.world.clock)


async def told(house: House) -> list[tuple[list[str], list[str]]]:
    """The people of each reminder so far, and those above them."""
    async with house.db.reading() as session:
        events = await session.scalars(
            select(Event).where(Event.kind == "people_reminded").order_by(Event.id)
        )
        return [(event.payload["people"], event.payload["above"]) for event in events]


async def after(house: House, **time: float) -> None:
    house.world.pass_time(**time)
    await reminding(house).look()


async def told_in_time(house: House) -> None:
    """Look, as the clock does again and again, until somebody has been reminded."""
    async with asyncio.timeout(PATIENCE):
        while not await told(house):
            await reminding(house).look()
            await asyncio.sleep(0.02)


async def at_approval(house: House) -> str:
    """A release that has just asked for approval, at nine in the morning."""
    await house.adopt()
    release = await house.start()
    await house.to_approval(release.id)
    return release.id


async def test_who_may_approve_is_told_again_and_above_them_in_time(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url, bot_toml=RULES) as house:
        await at_approval(house)
        await after(house, minutes=59)
        assert await told(house) == []
        await after(house, minutes=1)
        await after(house, minutes=1)
        assert await told(house) == [(["U0KIM", "U0LEE"], [])]
        await after(house, hours=2)
        await after(house, hours=2)
        assert (await told(house))[1:] == [(["U0KIM", "U0LEE"], []), (["U0KIM", "U0LEE"], ["U0BOSS"])]


async def test_at_night_nobody_is_told(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=RULES) as house:
        await at_approval(house)
        await after(house, hours=12)
        assert await told(house) == []
        await after(house, hours=9, minutes=59)
        assert await told(house) == []
        await after(house, minutes=1)
        assert len(await told(house)) == 1


async def test_what_waits_in_production_is_told_at_night_too(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=RULES) as house:
        await house.adopt()
        release = await house.start()
        await house.to_watch(release.id)
        house.world.log_lines.append("CRITICAL ledger: out of balance")
        house.world.pass_time(minutes=11)
        house.nudge()
        await house.until(release.id, lambda s: s.runs["watch"].code == "watch_critical")
        house.world.pass_time(hours=13)
        await told_in_time(house)  # the watch looks on meanwhile, and nobody is reminded while it does
        assert await told(house) == [(["U0DANA", "U0KIM", "U0LEE"], ["U0BOSS"])]


async def test_who_has_approved_or_muted_it_is_not_told(tmp_path: Path) -> None:
    async with open_house(tmp_path, bot_toml=RULES + "[products.shop.approval]\nneeded = 2\n") as house:
        release = await at_approval(house)
        await house.approve(release, LEE)
        await house.until(release, lambda s: s.runs["approval"].facts.get("got") == ["U0LEE"])
        await house.waits_for(release, "approval")
        await after(house, hours=1)
        assert await told(house) == [(["U0KIM"], [])]
        await following.mute(house.service, KIM, release)
        await after(house, hours=2)
        assert await told(house) == [(["U0KIM"], [])]
        await following.usual(house.service, KIM, release)
        await after(house, hours=2)
        assert (await told(house))[1:] == [(["U0KIM"], ["U0BOSS"])]


async def test_of_two_bots_one_tells(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url, bot_toml=RULES) as house:
        await at_approval(house)
        house.world.pass_time(hours=1)
        await asyncio.gather(reminding(house).look(), reminding(house).look())
        assert len(await told(house)) == 1


async def direct(house: House) -> list[tuple[str, str | None]]:
    async with house.db.reading() as session:
        rows = await session.scalars(
            select(Delivery).where(Delivery.topic.like(f"{DIRECT}:%")).order_by(Delivery.id)
        )
        return [(row.topic, row.channel) for row in rows]


async def test_who_follows_is_told_alone_once(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await at_approval(house)
        await following.follow(house.service, SAM, release)
        await following.follow(house.service, KIM, release)
        await following.usual(house.service, KIM, release)
        await house.approve(release)
        await house.through_canary(release)
        await house.waits_for(release, "watch")
        assert await direct(house) == [("dm:production_touched:U0SAM", "U0SAM")]
        house.world.pass_time(minutes=31)
        house.nudge()
        await house.waits_for(release, "after")
        await house.tick_all(release)
        await house.ended(release)
        assert (await direct(house))[1:] == [("dm:release_succeeded:U0SAM", "U0SAM")]


async def test_a_request_that_the_channel_cannot_show_goes_to_whom_it_waits_for(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        release = await at_approval(house)
        async with house.db.transaction() as session:
            row = await session.scalar(
                select(Delivery).where(Delivery.release_id == release, Delivery.topic.like("approval:%"))
            )
            assert row is not None
            row.given_up = "Slack answered is_archived"
        await after(house, minutes=1)
        await after(house, minutes=1)
        run = (await house.service.snapshot(release)).runs["approval"].id
        assert await direct(house) == [(f"dm:request:{run}:{who}", who) for who in ("U0KIM", "U0LEE")]
