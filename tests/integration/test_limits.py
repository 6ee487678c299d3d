"""Limits on what the product measures: a release that breaks one is proposed to go back, or goes back by itself."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from handlers.blocks import notes
from pipeline import deciding, turning
from pipeline.ports import Deaths
from pipeline.snapshot import Snapshot
from pipeline.states import ENDED_STAGE, ReleaseStatus
from tests.house import LEE, SAM, House, open_house
from tests.world import PLAYBOOK

LIMITS = """
metrics = "/metrics"
[[watch.limits]]
name = "errors"
kind = "error-rate"
metric = "all"
errors = "bad"
most = 0.05
policy = "{errors}"
[[watch.limits]]
name = "cost"
kind = "cost"
metric = "usd"
per = "calls"
effect = 1.5
policy = "{cost}"
"""
CANARY = '[canary]\nhold = "5m"'


def playbook(errors: str = "do", cost: str = "propose", canary: str = 'inconclusive = "go-on"') -> str:
    limits = LIMITS.format(errors=errors, cost=cost)
    return (
        PLAYBOOK.replace('duration = "30m"', 'duration = "11m"')
        .replace('every = "10m"', f'every = "1m"{limits}')
        .replace(CANARY, f"{CANARY}\n{canary}")
    )


def count(house: House, version: str, requests: float = 0, bad: float = 0, usd: float = 0) -> None:
    """So much more happened in a version; each request is a call of the model."""
    known = house.world.measured.setdefault(version, {})
    for name, more in {"all": requests, "bad": bad, "calls": requests, "usd": usd}.items():
        known[name] = {"": known.get(name, {}).get("", 0.0) + more}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        house.world.playbook = playbook()
        await house.adopt()
        yield house


async def windows(
    house: House, release_id: str, stage: str, number: int, version: str, **counted: float
) -> None:
    """So many windows pass in which a version counts so much, each seen by the stage."""

    def seen(shown: Snapshot) -> int:
        kept = shown.runs[stage].data.get("windows", {})
        return max((len(each) for side in kept.values() for each in side.values()), default=0)

    def looked(shown: Snapshot, least: int) -> bool:
        parked = seen(shown) >= least and shown.release.owner is None
        return parked or shown.runs[stage].status in ENDED_STAGE

    for _ in range(number):
        least = seen(await house.service.snapshot(release_id)) + 1
        count(house, version, **counted)
        house.world.pass_time(minutes=1)
        house.nudge()
        await house.until(release_id, partial(looked, least=least))


async def at_watch(house: House, **counted: float) -> Snapshot:
    """A release whose predecessor was measured for a while, at the beginning of its watch."""
    for version in ("v0.1.0", "v0.2.0"):
        count(house, version)
    release = await house.start()
    await house.waits_for(release.id, "measure")
    await windows(house, release.id, "measure", 9, "v0.1.0", requests=100, usd=1.0)
    await house.to_watch(release.id)
    return await house.service.snapshot(release.id)


async def test_a_good_release_keeps_its_limits_and_tells_before_and_after(house: House) -> None:
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 12, "v0.2.0", requests=100, usd=1.1)
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].status == "succeeded")
    told = {each["limit"]: each for each in shown.runs["watch"].facts["measured"]}
    assert {each["verdict"] for each in told.values()} == {"passed"}
    assert told["cost"]["before"] == pytest.approx(0.01)
    assert told["cost"]["value"] == pytest.approx(0.011)


async def test_errors_over_the_ceiling_send_the_release_back_at_once(house: House) -> None:
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 1, "v0.2.0", requests=100, bad=40)
    shown = await house.ended(shown.release.id)
    assert shown.release.status is ReleaseStatus.ROLLED_BACK
    assert shown.runs["watch"].code == "limit_broken"
    assert shown.runs["watch"].facts["limits"][0]["value"] == pytest.approx(0.4)
    assert house.world.done("promote")[-1] == ("promote", "production", "v0.1.0")
    turned = shown.release.turned or {}
    assert (turned["actor"], turned["stage"]) == ("bot", "watch")
    assert shown.lock
    assert "errors" in shown.lock.reason


async def test_errors_in_the_canary_send_it_back_before_everybody_gets_it(house: House) -> None:
    for version in ("v0.1.0", "v0.2.0"):
        count(house, version)
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.waits_for(release.id, "canary")
    await windows(house, release.id, "canary", 1, "v0.2.0", requests=30, bad=30)
    shown = await house.ended(release.id)
    assert shown.release.status is ReleaseStatus.ROLLED_BACK
    assert ("promote", "production", "v0.2.0") not in house.world.journal


async def test_triple_cost_is_proposed_and_a_person_goes_back(house: House) -> None:
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 9, "v0.2.0", requests=100, usd=3.0)
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].code == "limit_proposed")
    assert shown.runs["watch"].facts["limits"][0]["ratio"] == pytest.approx(3.0)
    await turning.roll_back(house.service, SAM, shown.release.id, "It costs too much.", True, house.click())
    shown = await house.ended(shown.release.id)
    assert shown.release.status is ReleaseStatus.ROLLED_BACK


async def test_what_was_proposed_stays_until_somebody_decides(house: House) -> None:
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 9, "v0.2.0", requests=100, usd=3.0)
    await windows(house, shown.release.id, "watch", 5, "v0.2.0", requests=1000, usd=1.0)
    shown = await house.waits_for(shown.release.id, "watch")
    assert shown.runs["watch"].code == "limit_proposed"
    run = shown.runs["watch"]
    await deciding.settle(house.service, LEE, shown.release.id, run.id, "keep", house.click())
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].status == "succeeded")
    assert shown.runs["watch"].code == "watch_overruled"


async def test_while_a_proposal_waits_a_worse_limit_sends_the_release_back(house: House) -> None:
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 9, "v0.2.0", requests=100, usd=3.0)
    await house.until(shown.release.id, lambda s: s.runs["watch"].code == "limit_proposed")
    await windows(house, shown.release.id, "watch", 1, "v0.2.0", requests=100, bad=90)
    shown = await house.ended(shown.release.id)
    assert shown.release.status is ReleaseStatus.ROLLED_BACK
    assert [each["limit"] for each in shown.runs["watch"].facts["limits"]] == ["cost", "errors"]


async def test_without_traffic_nothing_can_be_said_and_a_person_is_asked(house: House) -> None:
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 12, "v0.2.0")
    shown = await house.waits_for(shown.release.id, "watch")
    assert shown.runs["watch"].code == "watch_unclear"
    assert {each["code"] for each in shown.runs["watch"].facts["limits"]} == {"too_few"}


async def test_a_dead_source_is_no_verdict(house: House) -> None:
    shown = await at_watch(house)
    house.world.failing.add("metrics")
    house.world.pass_time(minutes=31)
    house.nudge()
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].code == "watch_unclear")
    assert {each["why"] for each in shown.runs["watch"].facts["limits"]} == {
        "Prometheus does not answer. Start it."
    }


async def test_a_canary_on_which_nothing_can_be_said_asks_before_everybody_gets_it(house: House) -> None:
    house.world.playbook = playbook(canary='inconclusive = "ask"')
    release = await house.start()
    await house.to_approval(release.id)
    await house.approve(release.id)
    await house.through_canary(release.id)
    shown = await house.until(release.id, lambda s: s.runs["canary"].code == "canary_unclear")
    run = shown.runs["canary"]
    await deciding.settle(house.service, LEE, release.id, run.id, "keep", house.click())
    await house.waits_for(release.id, "watch")


@pytest.mark.parametrize(("gone", "why"), [("image", "gone"), ("rolled_back", "went_back")])
async def test_the_bot_does_not_go_back_where_it_is_not_safe(house: House, gone: str, why: str) -> None:
    shown = await at_watch(house)
    base = str(shown.release.base_release)
    if gone == "image":
        target = house.made.targets["production"]
        await target.retire(base)
        await house.made.builder.prune([], house.world.now)
    else:
        await house.mark(base, ReleaseStatus.ROLLED_BACK)
    await windows(house, shown.release.id, "watch", 1, "v0.2.0", requests=100, bad=40)
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].code == "limit_proposed")
    assert shown.runs["watch"].facts["why_not"] == why
    assert shown.release.direction == "release"


async def test_a_limit_that_is_only_told_stops_nothing(house: House) -> None:
    house.world.playbook = playbook(errors="off", cost="off")
    shown = await at_watch(house)
    await windows(house, shown.release.id, "watch", 12, "v0.2.0", requests=100, bad=40)
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].status == "succeeded")
    told = {each["limit"]: each["verdict"] for each in shown.runs["watch"].facts["measured"]}
    assert told["errors"] == "failed"


NEW_ERRORS = 'duration = "11m"\nnew_errors = "{policy}"'


@pytest.mark.parametrize(
    ("policy", "code"), [("propose", "new_errors"), ("do", "new_errors"), ("off", "watching")]
)
async def test_errors_that_the_version_before_never_had(house: House, policy: str, code: str) -> None:
    house.world.playbook = playbook().replace('duration = "11m"', NEW_ERRORS.format(policy=policy))
    house.world.log_lines.append("web: ERROR mail to 'a' bounced")
    shown = await at_watch(house)
    house.world.log_lines += ["web: ERROR mail to 'b' bounced", "web: ERROR the ledger of 2026 is locked"]
    await windows(house, shown.release.id, "watch", 1, "v0.2.0", requests=100, usd=1)
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].code == code)
    if policy == "do":
        shown = await house.ended(shown.release.id)
        assert shown.release.status is ReleaseStatus.ROLLED_BACK
    if policy != "off":
        assert shown.runs["watch"].facts["lines"] == ["web: ERROR the ledger of 2026 is locked"]


@pytest.mark.parametrize("policy", ["propose", "off"])
async def test_services_that_end_by_themselves_are_counted(house: House, policy: str) -> None:
    house.world.playbook = playbook().replace('duration = "11m"', f'duration = "11m"\nrestarts = "{policy}"')
    shown = await at_watch(house)
    house.world.deaths = Deaths(2, ("worker",))
    if policy == "propose":
        await windows(house, shown.release.id, "watch", 1, "v0.2.0", requests=100, usd=1)
        shown = await house.until(shown.release.id, lambda s: s.runs["watch"].code == "services_died")
        assert shown.runs["watch"].facts == {"count": 2, "memory": ["worker"]}
        return
    await windows(house, shown.release.id, "watch", 12, "v0.2.0", requests=100, usd=1)
    shown = await house.until(shown.release.id, lambda s: s.runs["watch"].status == "succeeded")
    assert "services ended by themselves 2 times and were started again; out of memory: worker" in str(
        notes.note(shown, shown.runs["watch"]).blocks
    )
