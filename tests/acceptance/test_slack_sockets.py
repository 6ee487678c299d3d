"""Socket Mode and Bolt: everything is acknowledged, also what is unknown; a dead connection is opened again."""

from pathlib import Path

from handlers.text import ids
from tests.slack_forge import press_forged
from tests.slack_house import DANA, SAM, open_slack_house


async def test_links_and_unknown_controls_are_acknowledged(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        card = await house.message("Release shop v0.1.0")
        await house.press(SAM, card, ids.SITE_LINK)
        assert (await press_forged(house, SAM, card, ids.CHANGES_LINK, None)).acked
        assert (await press_forged(house, SAM, card, "control.of.another.version", "x")).acked
        assert not house.told_so_far(SAM)


async def test_the_release_goes_on_while_connections_die(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        sockets = house.face.sockets
        assert sockets is not None
        await house.sandbox.wait_connected(2)
        house.sandbox.socket.drop()
        await house.type(DANA, "status")
        await house.told(DANA, "v0.1.0")
        await sockets.heal()
        await house.sandbox.wait_connected(2)
        await house.sandbox.socket.refresh()
        await house.type(DANA, "list")
        await house.told(DANA, "*shop v0.1.0* live in production")


async def test_what_was_acknowledged_is_answered_after_a_restart(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        request = await house.slack_to_approval()
        await house.restart()
        await house.sandbox.wait_connected(2)
        await house.slack_approve(request)
        await house.message("shop v0.2.0 was approved for production")
