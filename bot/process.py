"""The process: start in an order in which nothing is missed, stop in one in which nothing is lost."""

import asyncio
import contextlib
import fcntl
import gc
import signal
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import structlog

from bot.app import web_client
from bot.logs import configure
from bot.outside import MakePorts, make_ports
from bot.reading import read_config, redactor
from bot.settings import Settings
from bot.traces import traces
from bot.wiring import Bot
from pipeline import audit_reading, lease
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.errors import ConfigError

log = structlog.get_logger()

BEAT = 0.5
"""Seconds between two looks at what is due."""
KEEP_TIME = 1.0
"""Seconds between two looks at locks and freezes that are over, and at what is scheduled or queued."""
LOOK_AFTER = 2.0
"""Seconds between two looks at requests: theirs are the shortest leases (pipeline.inbox)."""
HEAL = 5.0
COUNT = 15.0
REMIND = 15.0
TIDY = 60.0


async def own_team(settings: Settings) -> str:
    """The workspace that the bot's token belongs to. Raises what slack_sdk raises."""
    return str((await web_client(settings).auth_test())["team_id"])


@contextlib.contextmanager
def only_one(state: Path) -> Iterator[None]:
    """On SQLite a second bot in the same folder would work on the same releases. Raises ConfigError."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "releasebot.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                f"Another bot runs with {state}. Stop it, or give this one its own state."
            ) from error
        yield


@contextlib.asynccontextmanager
async def running(settings: Settings, outside: MakePorts = make_ports) -> AsyncIterator[Bot]:
    """A started bot; stopped gracefully at the end."""
    config = read_config(settings.releasebot_config, await own_team(settings))
    configure(settings.releasebot_log, settings.releasebot_log_level, redactor(settings, config))
    keeper = Keeper(settings.releasebot_shadow_url.get_secret_value() or None)
    world = partial(make_ports, keeper=keeper) if outside is make_ports else outside
    bot = Bot(settings, config, world, traces)
    with only_one(settings.releasebot_state) if bot.db.sqlite else contextlib.nullcontext():
        await bot.db.migrate()
        await audit_reading.check(bot.db)
        if bot.db.sqlite:
            await lease.free_all(bot.db)
        bot.start_loops()
        try:
            await _start(bot)
            yield bot
        finally:
            await _stop(bot)
            await keeper.stop()


async def _start(bot: Bot) -> None:
    await bot.server.start()
    await bot.desk.look_after()
    if bot.sockets:
        await bot.sockets.open()
    _set_the_clock(bot)
    log.info(
        "bot: started", products=list(bot.config.products), mode=bot.settings.slack_mode, port=bot.server.port
    )


def _set_the_clock(bot: Bot) -> None:
    async def beat() -> None:
        bot.look()

    async def count() -> None:
        await bot.gauges.read(bot.db, bot.sockets.alive if bot.sockets else 0)

    bot.metronome.every(BEAT, beat, "look at what is due")
    bot.metronome.every(KEEP_TIME, bot.timekeeper.look, "look at what has its time")
    bot.metronome.every(LOOK_AFTER, bot.desk.look_after, "look after requests")
    bot.metronome.every(HEAL, bot.heal, "look after connections and routers")
    bot.metronome.every(COUNT, count, "count")
    bot.metronome.every(REMIND, bot.reminding.look, "remind people")
    bot.metronome.every(REMIND, bot.digests.look, "tell the digest")
    bot.metronome.every(TIDY, bot.retention.tick, "take away what has served its time")
    bot.metronome.every(TIDY, bot.desk.refusals.tick, "write how many requests were refused")
    bot.metronome.start()


async def _stop(bot: Bot) -> None:
    """Take nothing more in, finish what is at hand, give leases back, send what can be sent."""
    bot.metronome.stop()
    bot.pulse.stop()
    # Side by side: peers go on at once with the releases that are given back.
    await asyncio.gather(_close_the_desk(bot), bot.engine.stop(), bot.timekeeper.stop())
    await asyncio.gather(bot.outbox.stop(), bot.mails.stop())
    await bot.server.stop()
    if bot.listening:
        bot.listening.cancel()
    await asyncio.gather(*bot.loops, return_exceptions=True)
    await bot.db.close()
    await bot.traces.stop()
    log.info("bot: stopped")


async def _close_the_desk(bot: Bot) -> None:
    if bot.sockets:
        await bot.sockets.close()
    await bot.desk.stop()


async def run(settings: Settings, outside: MakePorts = make_ports) -> None:
    """Run until SIGTERM or SIGINT. A loop that breaks ends the process: a supervisor starts a sound one."""
    gc.freeze()  # what is imported stays: looking through it again and again would hold up acknowledgements
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings, outside) as bot:
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *bot.loops], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for ended in done:
            ended.result()
