"""kill -9 while an e-mail is handed over: it arrives all the same, and what is counted is what docs/email.md says."""

import asyncio
import signal
from functools import partial
from pathlib import Path

import pytest

from bot.demo.house import PRODUCT
from pipeline import mails, snapshot
from pipeline.states import ReleaseStatus
from tests.acceptance.small import GO, prepare_small
from tests.acceptance.town import DANA, Town, open_town
from tests.mail_server import MailServer, open_mail_server, text_of

TEAM = "team@shop.example"


def lay(server: MailServer, folder: Path, first: int, canary: float, watch: float) -> None:
    prepare_small(folder, first, canary, watch)
    with (folder / "bot.toml").open("a") as file:
        file.write(
            f'\n[products.{PRODUCT}.email]\nfrom = "bot@shop.example"\nto = ["{TEAM}"]\n'
            f'host = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
        )


async def killed_while_held(town: Town, server: MailServer) -> None:
    """The bot dies where the server holds it; the next one finds a server that answers."""
    await asyncio.wait_for(server.held.wait(), 60)
    await town.kill_bot()
    server.holds = ""
    server.held.clear()
    await town.start_bot()


async def recorded(town: Town, about: str) -> None:
    """Wait until the bot has written down that the e-mail was taken."""
    async with asyncio.timeout(60):
        while True:
            async with town.db.reading() as session:
                newest = await snapshot.newest_of(session, PRODUCT, "v0.3.0")
                known = await mails.load(session, newest.id) if newest else {}
            if TEAM in known.get(mails.mail(about), mails.MailState()).taken:
                return
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_an_email_arrives_though_the_bot_was_killed_while_sending_it(tmp_path: Path) -> None:
    async with (
        open_mail_server() as server,
        open_town(tmp_path / "town", lay=partial(lay, server)) as town,
    ):
        first = len(server.received)  # what the adoption announced
        (town.folder / GO).touch()

        server.holds = "before"  # it has nothing yet: the e-mail is sent once
        await town.type(DANA, "/release", "v0.3.0")
        await killed_while_held(town, server)
        await recorded(town, "result")
        assert len(server.received) == first + 1
        shown = await town.until(lambda shown: shown.release.status is ReleaseStatus.FAILED, "v0.3.0")
        assert server.received[-1][1]["Message-ID"] == f"<{shown.release.id}.result@shop.example>"

        server.holds = "after"  # it has it, and the bot does not know: sent again as the same one
        await town.type(DANA, "/release", "retry")
        await killed_while_held(town, server)
        await recorded(town, "result:2")
        again = [message for _, message in server.received[first + 1 :]]
        assert [message["Message-ID"] for message in again] == [
            f"<{shown.release.id}.result.2@shop.example>"
        ] * 2
        assert text_of(again[0]) == text_of(again[1])
        assert [to for to, _ in server.received[first:]] == [[TEAM]] * 3

        assert await town.end_bot(signal.SIGTERM) == 0  # what was written down is not sent again
        await town.start_bot()
        await town.type(DANA, "/release", "status")
        await town.told(DANA, "v0.3.0")
        assert len(server.received) == first + 3
