"""`ask` in the playbook's canary: before everybody gets the new version an approver looks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handlers.blocks import asks
from pipeline import deciding
from pipeline.errors import Refused
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus
from tests.house import LEE, SAM, House, open_house
from tests.world import PLAYBOOK


@pytest.fixture
async def house(tmp_path: Path, url: str) -> AsyncIterator[House]:
    async with open_house(tmp_path, url) as house:
        house.world.playbook = PLAYBOOK.replace('hold = "5m"', 'hold = "5m"\nask = true')
        await house.adopt()
        yield house


async def asked(house: House) -> Snapshot:
    """A release whose canary has been held and waits for a person."""
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.through_canary(release.id)
    return await house.until(
        release.id,
        lambda s: s.runs["canary"].code == "canary_asks" and s.release.status is ReleaseStatus.WAITING,
    )


async def test_everybody_gets_it_when_an_approver_says_so(house: House) -> None:
    shown = await asked(house)
    release, run = shown.release, shown.runs["canary"]
    message = asks.decision(shown, run)
    assert "10 % of the traffic" in message.text
    assert "Go on to everybody" in str(message.blocks)
    with pytest.raises(Refused):
        await deciding.settle(house.service, SAM, release.id, run.id, "keep", house.click())
    assert ("promote", "production", "v0.2.0") not in house.world.journal
    await deciding.settle(house.service, LEE, release.id, run.id, "keep", house.click())
    await house.waits_for(release.id, "watch")
    assert house.world.done("promote")[-1] == ("promote", "production", "v0.2.0")


async def test_the_canary_is_watched_while_it_waits(house: House) -> None:
    shown = await asked(house)
    house.world.log_lines.append("CRITICAL ledger: out of balance")
    house.world.pass_time(minutes=11)
    house.nudge()
    ended = await house.ended(shown.release.id)
    assert ended.release.status is ReleaseStatus.ROLLED_BACK
