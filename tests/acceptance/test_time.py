"""Locks, freezes, what is scheduled and the queue, as people meet them in Slack: typed, pressed, read."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.workspace import Message
from handlers.text import ids
from tests.acceptance.test_wrong_input import teaches
from tests.slack_forge import press_forged
from tests.slack_house import BOT_TOML, DANA, GUEST, KIM, LEE, OUTSIDER, SAM, SlackHouse, open_slack_house

ZONE = 'timezone = "America/Sao_Paulo"\n[products.shop.people]'
FREEZE = """
[[products.shop.freezes]]
name = "weekend"
from = "fri 18:00"
to = "mon 05:00"
reason = "nobody is there"
[products.shop.environments.staging]"""
TOML = BOT_TOML.replace("[products.shop.people]", ZONE).replace(
    "[products.shop.environments.staging]", FREEZE, 1
)
SATURDAY = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[SlackHouse]:
    """A Monday, 06:00 in São Paulo."""
    async with open_slack_house(tmp_path, bot_toml=TOML) as house:
        yield house


async def answer(house: SlackHouse, user: str, text: str) -> str:
    before = len(house.told_so_far(user))
    await house.type(user, text)
    return await house.next_answer(user, before)


def controls(message: Message | None) -> list[str]:
    return re.findall(r"'action_id': '([^']+)'", str(message.blocks if message else ""))


async def until_open(house: SlackHouse, message: Message, action: str) -> None:
    """Wait until a message has lost its button: what it told of is over."""
    await house.sandbox.wait_for(lambda: action not in controls(message), 10)


def last_answer(house: SlackHouse, user: str) -> Message:
    return house.sandbox.ephemerals(user)[-1]


async def fail(house: SlackHouse, version: str) -> None:
    house.world.pass_time(seconds=1)
    house.world.failing.add("test-unit")
    await house.type(DANA, version)
    shown = await house.shown(version)
    await house.ended(shown.release.id)
    house.world.failing.clear()


# ------------------------------------------------------------------- stories


async def test_a_lock_from_its_beginning_to_its_end(house: SlackHouse) -> None:
    await house.type(SAM, "lock staging for 2h trying <!channel> the import")
    lock = await house.message("Staging of shop is locked, until Mon 2026-11-23 08:00 (America/Sao_Paulo)")
    assert "<!channel>" not in str(lock.blocks).replace("&lt;!channel&gt;", "")
    refusal = await answer(house, DANA, "v0.2.0")
    assert "Staging is locked until Mon 2026-11-23 08:00 (America/Sao_Paulo)." in refusal
    assert "`/release queue v0.2.0`" in refusal
    teaches(refusal)
    await house.press(DANA, last_answer(house, DANA), ids.QUEUE)
    await house.told(DANA, "shop v0.2.0 is in the queue, at place 1.")
    queued = await house.message("shop v0.2.0 is in the queue, asked by")
    await house.strike()
    await house.message("shop v0.2.0 cannot start yet. Staging is locked until")
    said = await answer(house, KIM, "status")
    assert "staging is locked by <@U0SAM0003>: trying &lt;!channel&gt; the import · until" in said
    assert "⏳ *v0.2.0* · place 1 in the queue · asked by <@U0DANA001> · Staging is locked" in said
    await house.press(SAM, lock, ids.OPEN_LOCK)
    opened = f"Staging of shop is unlocked. By <@{SAM}>; <@{SAM}> had made it."
    await house.sandbox.wait_for(lambda: [opened in m.text for m in house.posted()].count(True) == 2, 10)
    assert controls(lock) == []
    await house.strike()
    await house.message("Release shop v0.2.0")
    await until_open(house, queued, ids.UNSCHEDULE)
    assert "shop v0.2.0 has started" in queued.text


async def test_a_lock_that_is_over_is_told(house: SlackHouse) -> None:
    await house.type(SAM, "lock until 09:00 stocktaking")
    lock = await house.message("Production of shop is locked, until Mon 2026-11-23 09:00")
    house.world.pass_time(hours=3)
    await house.strike()
    await house.message("Production of shop is unlocked. Its time was over")
    await until_open(house, lock, ids.OPEN_LOCK)
    teaches(await answer(house, LEE, "unlock"))


async def test_a_release_shows_what_it_waits_for(house: SlackHouse) -> None:
    request = await house.slack_to_approval()
    await house.type(SAM, "freeze 2h the year's end")
    await house.message("Production of shop is frozen, until Mon 2026-11-23 08:00")
    await house.slack_approve(request)
    card = await house.message("production is frozen until")
    assert "the year's end" in card.text
    assert "⏳ *Back up the production database* — production is frozen until" in str(card.blocks)
    await house.type(LEE, "unfreeze")
    await house.message("The freeze of shop is over. By")
    shown = await house.shown("v0.2.0")
    await house.waits_for(shown.release.id, "canary")


async def test_a_start_in_a_freeze_is_refused_with_what_one_can_do(house: SlackHouse) -> None:
    house.world.now = SATURDAY
    refusal = await answer(house, DANA, "v0.2.0")
    assert "Production is frozen until Mon 2026-11-30 05:00 (America/Sao_Paulo)." in refusal
    assert "The freeze is “weekend”: nobody is there." in refusal
    assert "`/release schedule v0.2.0 tomorrow 10:00`" in refusal
    teaches(refusal)
    assert controls(last_answer(house, DANA)) == [ids.QUEUE]
    plan = await answer(house, DANA, "plan v0.2.0")
    assert "Production is frozen until Mon" in plan
    teaches(await answer(house, SAM, "unfreeze"))
    assert "stands in bot.toml, until Mon 2026-11-30 05:00" in house.told_so_far(SAM)[-1]


async def test_a_scheduled_release_says_what_was_understood_and_starts(house: SlackHouse) -> None:
    said = await answer(house, DANA, "schedule v0.2.0 tomorrow 10:00")
    assert (
        "shop v0.2.0 is to start *Tue 2026-11-24 10:00 (America/Sao_Paulo)*, for you <!date^1795525200^"
        in said
    )
    message = await house.message(
        "shop v0.2.0 is scheduled for Tue 2026-11-24 10:00 (America/Sao_Paulo), asked by"
    )
    assert "📅 *v0.2.0* · *Tue 2026-11-24 10:00" in await answer(house, KIM, "schedule")
    house.world.pass_time(days=1, hours=4)
    await house.strike()
    assert (await house.shown("v0.2.0")).release.requested_by == DANA
    await until_open(house, message, ids.UNSCHEDULE)
    assert "Nothing of shop is scheduled or queued." in await answer(house, KIM, "queue")


async def test_what_falls_into_a_freeze_is_said_at_once(house: SlackHouse) -> None:
    said = await answer(house, DANA, "schedule v0.2.0 saturday 10:00")
    assert "Production is frozen then, until *Mon 2026-11-30 05:00" in said


async def test_who_may_not_start_any_more_is_told_by_name(house: SlackHouse) -> None:
    await house.type(DANA, "schedule v0.2.0 in 1h")
    message = await house.message("shop v0.2.0 is scheduled")
    house.sandbox.workspace.user(DANA).deleted = True
    house.world.pass_time(hours=1)
    await house.strike()
    told = await house.message(
        "shop v0.2.0 could not start. You cannot do that. This account is deactivated."
    )
    assert f"<@{DANA}>: ask for it again" in told.text
    await until_open(house, message, ids.UNSCHEDULE)
    assert len(await house.service.recent("shop")) == 1


async def test_a_queue_of_three_halts_after_a_failure_and_goes_on(house: SlackHouse) -> None:
    house.world.slow.add("test-unit")
    await house.slack_start("v0.2.0")
    for version in ("v0.3.0", "v0.4.0", "v0.5.0"):
        await house.type(DANA, f"queue {version} {'b' * 40}")
    await house.told(DANA, "shop v0.5.0 is in the queue, at place 3.", "Before it: `v0.3.0`, `v0.4.0`.")
    await answer(house, DANA, "unschedule v0.4.0")
    house.world.pass_time(seconds=1)
    house.world.failing.add("test-unit")
    house.world.release_slow.set()
    await house.ended((await house.shown("v0.2.0")).release.id)
    house.world.failing.clear()
    await house.strike()
    halted = await house.message("shop v0.2.0 failed, so that nothing of shop starts by itself")
    assert f"Halted: `v0.3.0`, `v0.5.0`. <@{DANA}>: when the cause is dealt with" in halted.text
    assert "It is halted with the rest" not in halted.text
    await answer(house, DANA, f"queue v0.6.0 {'b' * 40}")
    assert "The queue is halted: a release failed." in house.told_so_far(DANA)[-1]
    board = await answer(house, DANA, "queue")
    assert board.count("halted") == 3
    assert controls(last_answer(house, DANA)) == [ids.UNSCHEDULE] * 3 + [ids.GO_ON, ids.FILL]
    await house.strike()
    assert len(await house.service.recent("shop")) == 2
    await house.press(SAM, halted, ids.GO_ON)
    teaches(await house.told(SAM, "It is for who may start releases"))
    await house.press(DANA, last_answer(house, DANA), ids.GO_ON)
    await until_open(house, halted, ids.GO_ON)
    assert f"By <@{DANA}> they go on: `v0.3.0`, `v0.5.0`, `v0.6.0`." in halted.text
    await house.strike()
    assert (await house.shown("v0.3.0")).release.requested_by == DANA


async def test_a_bot_that_was_away_asks_whether_it_should_start(house: SlackHouse) -> None:
    await house.type(DANA, "schedule v0.2.0 in 30m")
    await house.message("shop v0.2.0 is scheduled")
    house.world.pass_time(hours=3)
    await house.strike()
    ask = await house.message("shop v0.2.0 was not started in time")
    assert f"<@{DANA}>: it was scheduled for Mon 2026-11-23 06:30 (America/Sao_Paulo)" in ask.text
    await house.press(DANA, ask, ids.GO_ON)
    await until_open(house, ask, ids.GO_ON)
    await house.strike()
    await house.message("Release shop v0.2.0")


async def test_a_wish_is_taken_back_by_its_button(house: SlackHouse) -> None:
    await house.type(DANA, "schedule v0.2.0 in 30m")
    message = await house.message("shop v0.2.0 is scheduled")
    await house.press(LEE, message, ids.UNSCHEDULE)
    teaches(await house.told(LEE, "It is for who may start releases"))
    await house.press(DANA, message, ids.UNSCHEDULE)
    await until_open(house, message, ids.UNSCHEDULE)
    assert f"shop v0.2.0 will not start: <@{DANA}> took it back." in message.text
    house.world.pass_time(hours=1)
    await house.strike()
    assert len(await house.service.recent("shop")) == 1


async def test_the_home_tab_shows_what_keeps_releases_out(house: SlackHouse) -> None:
    await house.type(SAM, "lock production a move")
    await house.message("Production of shop is locked")
    for number in range(2, 9):
        await house.type(DANA, f"queue v0.{number}.0 {'b' * 40}")
    await house.told(DANA, "shop v0.8.0 is in the queue")
    house.world.now = SATURDAY
    await house.sandbox.open_home(KIM)
    home = await house.sandbox.wait_for(lambda: house.sandbox.home(KIM), 10)
    shown = str(home.blocks if home else "")
    assert f"🔒 production is locked by <@{SAM}>: a move" in shown
    assert "🧊 production is frozen until *Mon 2026-11-30 05:00" in shown
    assert "⏳ *v0.2.0* · place 1 in the queue" in shown
    assert "and 2 more" in shown


# --------------------------------------------------------------------- hostile

TYPED = {
    "lock stagging for 2h x": ("I do not know the environment `stagging`", "Did you mean staging?"),
    "lock staging until the audit is over": ("I do not understand `the`", "tomorrow 10:00"),
    "lock staging until 2026-02-31 10:00 x": ("There is no `2026-02-31`", "calendar"),
    "unlock": ("Nothing is locked", "no lock on production"),
    "unlock staging": ("Nothing is locked", "no lock on staging"),
    "unlock moon": ("I do not know the environment `moon`",),
    "freeze until 2025-12-24 10:00": ("`2025-12-24 10:00` is over", "A time has to lie ahead"),
    "freeze until 2036-12-24 10:00": ("is more than a year away", "a slip in the year"),
    "unfreeze": ("Nothing is frozen",),
    "schedule v0.2.0 tomorow 10:00": ("I do not understand `tomorow`", "Did you mean tomorrow"),
    "schedule v0.2.0 tomorrow 25:00": ("There is no `25:00`", "from 00:00 to 23:59"),
    "schedule v0.2.0 31/02/2027 10:00": ("I do not understand `31/02/2027`",),
    "schedule v0.2.0 monday 10:00": ("Today is `monday`", "`2026-11-23`, or `2026-11-30`"),
    "schedule v0.2.0 05:00": ("`05:00` is over",),
    "schedule banana tomorrow 10:00": ("`banana` is not a version",),
    "schedule v0.1.0 tomorrow 10:00": ("v0.1.0 is live already",),
    "schedule v0.9.0 nowhere tomorrow 10:00": ("There is no commit `nowhere`",),
    f"schedule v0.9.0 {'x' * 2500} tomorrow 10:00": ("There is no commit `xxx",),
    "queue v0.0.1": ("v0.0.1 is older than v0.1.0",),
    "queue v0.2.0 a b": ("I do not understand `v0.2.0 a b`",),
    "unschedule": ("Which version?", "`/release unschedule v0.2.0`"),
    "unschedule v0.2.0": ("v0.2.0 is neither scheduled nor queued", "`/release queue`"),
    "shedule v0.2.0": ("I do not know `shedule`", "Did you mean schedule"),
}


WISHES = ("schedule", "queue", "unschedule")


async def test_what_is_typed_wrongly_teaches_and_does_nothing(house: SlackHouse) -> None:
    for typed, expected in TYPED.items():
        said = await answer(house, DANA if typed.startswith(WISHES) else SAM, typed)
        assert all(part in said for part in expected), f"{typed[:60]!r}: {said}"
        teaches(said)
    assert house.calls("chat.postMessage") == 0


async def test_who_may_not_is_refused(house: SlackHouse) -> None:
    for user in (GUEST, OUTSIDER):
        for typed in ("lock staging x", "freeze 2h", "unfreeze", "schedule v0.2.0 in 2h", "queue v0.2.0"):
            teaches(await answer(house, user, typed))
    for typed in ("schedule v0.2.0 in 2h", "queue v0.2.0", "unschedule v0.2.0"):
        assert "It is for who may start releases" in await answer(house, SAM, typed)
    assert house.calls("chat.postMessage") == 0


async def test_tampered_and_old_buttons_find_nothing(house: SlackHouse) -> None:
    await house.type(SAM, "lock staging for 1h one")
    old = await house.message("Staging of shop is locked, until Mon 2026-11-23 07:00")
    await house.type(DANA, "queue v0.2.0")
    await house.message("shop v0.2.0 is in the queue")
    value = re.findall(r"'value': '(shop:staging:lock:[^']+)'", str(old.blocks))[0]
    await house.type(SAM, "unlock staging")
    await house.message("Staging of shop is unlocked")
    await house.type(SAM, "lock staging for 2h two")
    await house.message("Staging of shop is locked, until Mon 2026-11-23 08:00")
    forged: dict[str, tuple[object, ...]] = {
        ids.OPEN_LOCK: (value, "shop:moon:lock:x", "shop:staging", "nobody:staging:lock:x", "", None, ":::"),
        ids.THAW: ("shop:freeze:x", "shop", "x:y", "", None),
        ids.QUEUE: (
            "shop:v0.1.0:",
            "shop:banana:",
            "shop:v0.9.0:<!channel>",
            "other:v0.2.0:",
            "",
            None,
            "x" * 2000,
        ),
        ids.UNSCHEDULE: ("shop:wish_nobody", "shop:", "x:y", "", None, "shop:' OR 1=1 --"),
        ids.GO_ON: ("shop:halt:shop:x", "shop:", "x:y", "", None),
    }
    for action, values in forged.items():
        for each in values:
            before = len(house.told_so_far(DANA))
            assert (await press_forged(house, DANA, old, action, each)).acked
            said = await house.next_answer(DANA, before)
            teaches(said)
            assert "broke" not in said, (action, each, said)
    assert "staging is locked" in await answer(house, DANA, "status")


async def test_in_portuguese_everything_is(tmp_path: Path) -> None:
    toml = TOML.replace("timezone =", 'language = "pt-BR"\ntimezone =')
    async with open_slack_house(tmp_path, bot_toml=toml, locale="pt-BR") as house:
        await house.type(SAM, "lock staging for 2h migração")
        await house.message("O staging de shop está travado, até seg. 23/11/2026 08:00 (America/Sao_Paulo)")
        said = await answer(house, DANA, "schedule v0.2.0 tomorrow 10:00")
        assert "shop v0.2.0 vai começar em *ter. 24/11/2026 10:00 (America/Sao_Paulo)*, para você" in said
        assert "Staging com trava até seg. 23/11/2026 08:00" in await answer(house, DANA, "v0.2.0")
        await fail_with_wish(house)
        await house.message("shop v0.2.0 falhou; por isso nada de shop começa sozinho")


async def fail_with_wish(house: SlackHouse) -> None:
    await house.type(SAM, "unlock staging")
    await house.message("O staging de shop está destravado")
    await house.type(DANA, "unschedule v0.2.0")
    await house.message("não vai começar")
    await house.type(DANA, f"schedule v0.3.0 {'b' * 40} in 5h")
    await house.message("shop v0.3.0 está agendada")
    await fail(house, "v0.2.0")
    await house.strike()
