"""`releasebot flags`: the flags from a terminal of the bot's machine, also when Slack is away or the bot is down."""

from ulid import ULID

from bot.reading import read_config
from bot.settings import Settings
from bot.tasks import at_work, chosen
from bot.wiring import Bot
from handlers.text.flags import changed, stands, state, word
from pipeline import switching
from pipeline.refusals import Asked
from pipeline.switching import Board, Wish


async def show(settings: Settings, product: str | None) -> int:
    """Print how the flags stand. Raises PipelineError."""
    config = read_config(settings.releasebot_config)
    name, bot = chosen(config, product), Bot(settings, config)
    try:
        await bot.db.migrate()
        for board in await switching.boards(bot.service, name):
            _print(name, board)
    finally:
        await bot.db.close()
    return 0


async def switch(settings: Settings, product: str | None, key: str, on: bool, where: str, reason: str) -> int:
    """Switch a flag as the operator; a bot that runs announces it. Raises PipelineError, Refused."""
    config = read_config(settings.releasebot_config)
    name, bot = chosen(config, product), Bot(settings, config)
    wish = Wish(name, where, key, on, reason, f"flags {ULID()}")
    async with at_work(bot, wish.origin, Asked("flags", f"{key} {word(on)} in {where}", name)):
        news = await switching.switch_by_operator(bot.service, wish)
    already = "" if news else " already"
    print(f"{key} is {word(on)} in {where} of {name}{already}; an application reads it so.")
    return 0


def _print(name: str, board: Board) -> None:
    print(f"{name} {board.environment}")
    if board.error:
        print(f"  cannot be read: {board.error}")
    for each in board.flags:
        flag = each.flag
        said = f"{state(flag.on, flag.doubt, flag.variant)} · {stands(flag.on, each.safe)}"
        print(
            f"  {flag.key}: {said} · {changed(each.changed_by, each.changed_at, each.reason, plainly=True)}"
        )
    for key in board.missing:
        print(f"  {key}: missing; applications use their own default")
    if not board.flags and not board.error:
        print("  none yet: the first release with flags brings them")
