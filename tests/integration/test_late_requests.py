"""What waited in a stalled process is neither acknowledged nor carried out: Slack has told the person by then."""

import asyncio
import time
from pathlib import Path

from bot.pulse import LONGEST, Pulse
from tests.slack_house import DANA, open_slack_house


async def test_a_stall_of_the_loop_is_noticed_and_forgotten_again() -> None:
    pulse = Pulse()
    pulse.start()
    try:
        assert not pulse.has_stalled()
        time.sleep(LONGEST + 0.1)  # the stall itself: nothing else of this process runs meanwhile
        assert pulse.has_stalled()
        await asyncio.sleep(0)  # the overdue beat
        assert pulse.has_stalled()
        async with asyncio.timeout(5):
            while pulse.has_stalled():
                await asyncio.sleep(0.01)
    finally:
        pulse.stop()


async def test_a_command_that_comes_out_of_a_stall_is_not_carried_out(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        house.face.stalled = True
        late = await house.sandbox.command(DANA, "C0RELEASES", "/release", "v0.2.0")
        assert not late.acked
        house.face.stalled = False
        await house.type(DANA, "v0.3.0")
        await house.shown("v0.3.0")
        assert house.find("Release shop v0.2.0") is None
