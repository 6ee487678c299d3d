"""Small commands of the operator: migrate or back up the bot's own database, adopt a version that is released."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from ulid import ULID

from bot.outside import back_up
from bot.process import own_team
from bot.reading import read_config
from bot.settings import Settings
from bot.wiring import Bot
from pipeline import audit_reading
from pipeline.config import BotFile
from pipeline.errors import ConfigError, Refused
from pipeline.refusals import Asked
from pipeline.service import operator
from pipeline.store import Database


async def migrate(settings: Settings) -> None:
    """Bring the schema to this version's head."""
    db = Database(settings.database_url)
    try:
        await db.migrate()
    finally:
        await db.close()
    print("The bot's database is at this version's schema.")


def backup(settings: Settings, destination: Path) -> None:
    """Copy the bot's own database, whole and read back, also while the bot runs. Raises PipelineError."""
    if destination.exists():
        raise ConfigError(
            f"{destination} is there already, and no backup is overwritten. Choose another name."
        )
    asyncio.run(back_up(settings.database_url, destination.absolute()))
    print(f"written: {destination} ({destination.stat().st_size} bytes)")


async def adopt(settings: Settings, product: str | None, version: str) -> int:
    """Ask the (running) bot to build a released version and take production over with it."""
    config = read_config(settings.releasebot_config, await own_team(settings))
    name = chosen(config, product)
    bot = Bot(settings, config)
    origin = f"adopt {ULID()}"
    async with at_work(bot, origin, Asked("adopt", version, name)):
        release = await bot.service.adopt(name, version, None, origin)
    print(f"{name} {release.version} is being taken over; follow it in the product's channel.")
    return 0


@contextlib.asynccontextmanager
async def at_work(bot: Bot, origin: str, asked: Asked) -> AsyncIterator[None]:
    """What the operator asks for at the bot's database: a refusal is on record like anybody's."""
    try:
        await bot.db.migrate()
        await audit_reading.check(bot.db)
        yield
    except Refused as refusal:
        await bot.desk.refusals.record(operator(origin), refusal, asked)
        raise
    finally:
        await bot.db.close()


def chosen(config: BotFile, product: str | None) -> str:
    """The product that was named, or the only one. Raises ConfigError."""
    names = list(config.products)
    if product in config.products:
        return str(product)
    if product is None and len(names) == 1:
        return names[0]
    raise ConfigError(f"Which product? bot.toml has {', '.join(names)}; name one with --product.")
