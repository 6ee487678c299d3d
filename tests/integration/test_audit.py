"""The audit log in its database: one chain per product whoever writes, whole whatever happens, kept for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, insert, select, update
from structlog.testing import capture_logs

from pipeline import audit, audit_reading
from pipeline.audit_models import AuditHead
from pipeline.chain import Broken, Chain, Entry, Seal
from pipeline.errors import ConfigError, Refused
from pipeline.events import Fact, record_of_product
from pipeline.models import Event
from pipeline.policy import Actor
from pipeline.refusals import MOST, Asked, Refusals
from pipeline.retention import PASSING, Retention
from pipeline.store import Database, alembic_config
from tests.house import House, open_house
from tests.integration.test_together import READY, claimed, cross
from tests.postgres import Server

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = "a key that nobody knows, at least not here"
SAM = Actor("U0SAM", "T1", "C0SHOP", "slack C0SHOP", "click 1")


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    db = Database(url)
    await db.migrate()
    yield db
    await db.close()


async def tell(db: Database, number: int = 0, product: str = "shop") -> None:
    fact = Fact("flag_switched", payload={"number": number}, topics=())
    async with db.transaction() as session:
        await record_of_product(session, product, "C0SHOP", fact, AT)


async def entries(db: Database, product: str = "shop") -> list[Entry]:
    return await audit_reading.newest(db, product, 10_000)


async def found(db: Database, seal: Seal | None = None) -> dict[str, Broken | None]:
    """What verifying every chain finds."""
    return {
        extent.product: await audit_reading.verify(db, extent, Chain(seal or Seal()))
        for extent in await audit_reading.extents(db)
    }


async def test_several_who_write_at_once_make_one_chain_per_product(db: Database) -> None:
    other = Database(db.url)
    products = ("hub", "shop")
    facts = [tell(one, n, product) for n in range(10) for one in (db, other) for product in products]
    await asyncio.gather(*facts)
    await other.close()
    assert await found(db) == {"hub": None, "shop": None}
    assert [len(await entries(db, product)) for product in products] == [20, 20]


async def test_a_transaction_that_fails_leaves_no_entry(db: Database) -> None:
    await tell(db)

    async def fail() -> None:
        async with db.transaction() as session:
            await record_of_product(session, "shop", "C0SHOP", Fact("flag_switched", topics=()), AT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await tell(db)
    assert [entry.seq for entry in await entries(db)] == [1, 2]
    assert await found(db) == {"shop": None}


async def test_a_long_chain_is_read_in_batches(db: Database) -> None:
    drafts = [
        audit.Draft("shop", "flag_switched", AT, "bot", {"n": n}) for n in range(audit_reading.BATCH + 5)
    ]
    async with db.transaction() as session:
        await audit.append(session, drafts)
    assert await found(db) == {"shop": None}
    (extent,) = await audit_reading.extents(db)
    assert extent.last == audit_reading.BATCH + 5
    assert [len(batch) async for batch in audit_reading.read(db, "shop", extent.last)] == [
        audit_reading.BATCH,
        5,
    ]
    assert not [batch async for batch in audit_reading.read(db, "shop", extent.last, since="2026-11-24")]


@pytest.mark.postgres
async def test_a_chain_that_somebody_holds_does_not_hold_up_other_products(
    tmp_path: Path, postgres: Server, migrated: str
) -> None:
    """A bot that is stalled while it writes a refusal: only that product's releases wait for it."""
    url = postgres.create(migrated)
    async with claimed(tmp_path, url, 3) as (here, claims):
        other = Database(url)
        async with other.transaction() as session:
            await audit.hold(session, ["shop-1"])
            first, held_up, last = (
                asyncio.create_task(cross(here, here.engine.crossings, held, READY)) for held in claims
            )
            await asyncio.wait_for(asyncio.gather(first, last), 5)
            assert not held_up.done()
        assert (await asyncio.wait_for(held_up, 5)).begin
        await other.close()
        assert set((await found(here.db)).values()) == {None}


async def test_retention_leaves_it_alone(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        old = await house.adopt()
        for version in ("v0.2.0", "v0.3.0"):  # the first one is then not needed for a way back any more
            await house.to_end((await house.start(version)).id)
        before = await entries(house.db)
        house.world.pass_time(days=4000)
        keeper = Retention(house.db, house.config, lambda _: house.made, house.world.clock)
        while await keeper.step():
            pass
        async with house.db.reading() as session:
            kinds = set(await session.scalars(select(Event.kind).where(Event.release_id == old.id)))
        assert kinds
        assert not kinds & PASSING
        assert await entries(house.db) == before
        assert await found(house.db) == {"shop": None}


# ------------------------------------------------------------------ refusals


async def test_nobody_floods_it_with_refusals(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        refusals = Refusals(house.db, house.world.clock)
        asked = Asked("/release", "v" * 5_000, "shop")
        for _ in range(MOST + 15):
            await refusals.record(SAM, Refused("stranger", user="U" * 5_000), asked)
        await refusals.record(Actor("U0LEE", "T1"), Refused("older", version="v0.1.0", last="v0.2.0"), asked)
        await refusals.record(SAM, Refused("database_gone"), asked)
        await refusals.tick()
        assert len(await entries(house.db)) == MOST + 1  # the minute is not over
        await refusals.close()
        await refusals.close()
        *written, last = await entries(house.db)
        assert len(written) == MOST + 1
        assert max(len(entry.payload) for entry in written) < 700
        assert (last.kind, last.actor, last.source) == ("requests_refused", "U0SAM", "slack C0SHOP")
        assert last.payload == '{"codes":{"stranger":15},"since":"2026-11-23T09:00:00.000000Z","times":15}'
        assert await found(house.db) == {"shop": None}


async def test_a_refusal_is_of_the_release_that_was_meant(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        release = await house.start()
        refusals = Refusals(house.db, house.world.clock)
        await refusals.record(SAM, Refused("own_release"), Asked("a button", "", "hub", release.id))
        await refusals.record(SAM, Refused("out_of_date"), Asked("a button", "", release="rel_tampered"))
        (meant,) = [entry for entry in await entries(house.db) if entry.kind == "request_refused"]
        assert (meant.release, meant.version, meant.commit) == (release.id, "v0.2.0", "b" * 40)
        assert (meant.actor, meant.team, meant.origin) == ("U0SAM", "T1", "click 1")
        (tampered,) = await entries(house.db, audit.NO_PRODUCT)
        assert tampered.release is None


# ----------------------------------------------------------- keys and upgrades


async def test_a_bot_without_the_key_that_the_log_has_does_not_start(db: Database) -> None:
    keyed = Database(db.url, Seal(KEY))
    await tell(db)
    with capture_logs() as logs:
        await audit_reading.check(keyed)
    assert [(line["event"], line["entry"]) for line in logs] == [("audit: entries are sealed from now on", 2)]
    await tell(keyed)
    await audit_reading.check(keyed)
    assert await found(db, Seal(KEY)) == {"shop": Broken("unsealed", 1)}
    (extent,) = await audit_reading.extents(db)
    assert await audit_reading.verify(db, extent, Chain(Seal(KEY), sealed_from=2)) is None
    for seal in (Seal(), Seal(KEY[::-1])):
        other = Database(db.url, seal)
        with pytest.raises(ConfigError, match="RELEASEBOT_AUDIT_KEY"):
            await audit_reading.check(other)
        await other.close()
    await keyed.close()


@pytest.mark.parametrize("harm", ["head taken away", "head set back"])
async def test_a_start_says_that_the_log_does_not_end_as_it_was_written(db: Database, harm: str) -> None:
    await tell(db)
    await tell(db)
    (first, _) = await entries(db)
    async with db.transaction() as session:
        if harm == "head set back":
            await session.execute(update(AuditHead).values(seq=1, hash=first.hash))
        else:
            await session.execute(AuditHead.__table__.delete())  # type: ignore[attr-defined]  # a Table
    if harm == "head taken away":
        await tell(db)  # the bot goes on, and what was done stays visible
        assert await found(db) == {"shop": Broken("order", 3)}
    else:
        with capture_logs() as logs:
            await audit_reading.check(db)
        assert [line["event"] for line in logs] == ["audit: the log does not end as it was written"]
        assert await found(db) == {"shop": Broken("beyond", 2)}


async def migrate(db: Database, *steps: tuple[str, str]) -> None:
    def run(connection: Connection) -> None:
        config = alembic_config("")
        config.attributes["connection"] = connection
        for action, revision in steps:
            getattr(command, action)(config, revision)

    async with db.engine.begin() as connection:
        await connection.run_sync(run)


async def test_a_release_that_was_begun_before_the_upgrade_is_audited_from_then_on(
    tmp_path: Path, url: str
) -> None:
    """And what an older bot beside still writes is in the events alone: the chain is unbroken without it."""
    async with open_house(tmp_path, url) as house:
        await house.adopt()
        release = await house.start()
        await house.waits_for(release.id, "checklist")
        await house.stop_engines()
        await migrate(house.db, ("downgrade", "0003"), ("upgrade", "head"))
        house.start_engine()
        await house.tick_all(release.id)
        await house.waits_for(release.id, "approval")
        async with house.db.transaction() as session:
            row = {"release_id": release.id, "product": "shop", "kind": "item_ticked", "actor": "U0DANA"}
            await session.execute(insert(Event).values(**row, payload={}, at=AT))
        kinds = [entry.kind for entry in await entries(house.db)]
        assert kinds == ["item_ticked", "stage_succeeded"]
        assert await found(house.db) == {"shop": None}
        await _same_story(house, release.id)


async def _same_story(house: House, release_id: str) -> None:
    """It goes on to its end as if nothing had been."""
    await house.approve(release_id)
    await house.through_canary(release_id)
    await house.waits_for(release_id, "watch")
    assert "version_deployed" in [entry.kind for entry in await entries(house.db)]
