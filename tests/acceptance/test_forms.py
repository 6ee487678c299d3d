"""Commands of which something was left out: a form asks for it, and does what typing it does."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.modals import Values
from bot.sandbox.workspace import View
from handlers.text import ids
from tests.acceptance.test_wrong_input import teaches
from tests.flags import world
from tests.slack_forge import submit_forged
from tests.slack_house import (
    BOT_TOML,
    DANA,
    GUEST,
    KIM,
    SAM,
    SlackHouse,
    open_slack_house,
)  # fmt: skip

ZONE = 'timezone = "America/Sao_Paulo"\n[products.shop.people]'
TOML = BOT_TOML.replace("[products.shop.people]", ZONE)


@asynccontextmanager
async def opened(folder: Path, toml: str = TOML, locale: str = "en-US") -> AsyncIterator[SlackHouse]:
    """A Monday, 06:00 in São Paulo; the playbook lets people skip two steps."""
    made = world()
    made.playbook = 'skippable = ["test", "staging-checks"]\n' + made.playbook
    async with open_slack_house(folder, world=made, bot_toml=toml, locale=locale) as house:
        yield house


@dataclass(frozen=True)
class Case:
    """What is typed, what its form is called, what is filled in, and what is then told."""

    typed: str
    title: str
    values: Mapping[str, str]
    told: str
    user: str = DANA


def filled(values: Mapping[str, str | None]) -> Values:
    return {block: {ids.INPUT: value} for block, value in values.items()}


async def form_of(house: SlackHouse, user: str, text: str, command: str = "/release") -> View:
    await house.type(user, text, command)
    return await house.form(user)


async def submit(
    house: SlackHouse, user: str, view: View, values: Mapping[str, str | None]
) -> dict[str, str]:
    """The field errors; none when it was taken."""
    answer = await house.sandbox.submit(user, view.id, filled(values))
    assert answer.acked or answer.errors, answer.error
    return dict(answer.errors)


AT = {ids.DAY: "2026-11-24", ids.TIME: "10:00"}
CASES = (
    Case("plan", "Plan a release", {ids.VERSION: "v0.2.0"}, "Plan of shop v0.2.0"),
    Case("show", "Look at a release", {ids.RELEASED: "v0.1.0"}, "shop v0.1.0 — live in production"),
    Case(
        "schedule", "Schedule a release", {ids.VERSION: "v0.2.0"} | AT,
        "shop v0.2.0 is to start *Tue 2026-11-24 10:00 (America/Sao_Paulo)*",
    ),
    Case("unschedule", "Take a release back", {ids.WISHED: "v0.2.0"}, "shop v0.2.0 will not start by itself"),
    Case(
        "lock", "Lock an environment", {ids.ENVIRONMENT: "staging", ids.REASON: "until <!channel> is calm"} | AT,
        "Staging of shop is locked, until Tue 2026-11-24 10:00 (America/Sao_Paulo)", SAM,
    ),
    Case("unlock", "Unlock an environment", {ids.LOCKED: "staging"}, "Staging of shop is unlocked", SAM),
    Case("hotfix", "Start a hotfix", {ids.VERSION: "v0.3.0", ids.REASON: "orders"}, "shop v0.3.0 is a hotfix"),
    Case("freeze", "Freeze production", AT, "Production of shop is frozen, until Tue 2026-11-24 10:00", SAM),
    Case(
        "flags auto-approval", "Switch a flag", {ids.STATE: "on", ids.ENVIRONMENT: "staging", ids.REASON: "to try it"},
        "Switch auto-approval on in staging?", SAM,
    ),
)  # fmt: skip
"""In an order in which each finds what the one before has left."""


async def test_what_is_left_out_is_asked_for_and_done(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        for case in CASES:
            view = await form_of(house, case.user, case.typed)
            assert view.content["title"]["text"] == case.title
            assert await submit(house, case.user, view, case.values) == {}
            await said(house, case.user, case.told)
        assert all(call.answer.get("ok") for call in house.sandbox.calls)


async def said(house: SlackHouse, user: str, text: str) -> None:
    """Wait until something is told to the person alone, or to everybody."""

    def found() -> bool:
        return house.find(text) is not None or any(text in told for told in house.told_so_far(user))

    try:
        await house.sandbox.wait_for(found, 20)
    except TimeoutError:
        raise AssertionError(
            f"{text!r}: {house.told_so_far(user)}, {[m.text for m in house.posted()]}"
        ) from None


async def test_what_is_stuck_is_skipped_and_its_output_read_by_forms(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        house.world.failing.add("test-unit")
        shown = await house.slack_start()
        await house.ended(shown.release.id)
        view = await form_of(house, DANA, "skip")
        assert "test — failed" in str(view.content)
        assert await submit(house, DANA, view, {ids.REASON: "it is the test itself"}) == {}
        await house.told(DANA, "test of shop v0.2.0 is skipped")

        logs = house.service.folder(shown.release) / "logs"
        logs.mkdir(exist_ok=True)
        (logs / "build-api.log").write_text("compiled\n")
        await house.type(SAM, "logs")
        await house.told(SAM, "Output of shop v0.2.0")
        await house.press(SAM, house.sandbox.ephemerals(SAM)[-1], ids.FILL)
        assert await submit(house, SAM, await house.form(SAM), {ids.OUTPUT: "build-api"}) == {}
        await house.told(SAM, "The output of `build-api` of shop v0.2.0 comes into its thread.")


async def test_the_forms_of_decisions_have_the_reason_that_was_typed(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.slack_to_approval()
        rejected = await form_of(house, DANA, "reject amounts are <!here> wrong")
        assert "amounts are <!here> wrong" in str(rejected.content["blocks"])
        assert await submit(house, DANA, rejected, {}) == {}
        await house.message("amounts are &lt;!here&gt; wrong")


async def test_a_list_leads_to_its_form(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.type(DANA, "queue")
        await house.told(DANA, "Nothing of shop is scheduled or queued.")
        await house.press(DANA, house.sandbox.ephemerals(DANA)[-1], ids.FILL)
        assert await submit(house, DANA, await house.form(DANA), {ids.VERSION: "v0.2.0"}) == {}
        await house.told(DANA, "shop v0.2.0 is in the queue")
        await house.type(KIM, "schedule")
        await house.told(KIM, "*v0.2.0* · place 1 in the queue")
        assert not house.sandbox.views(KIM)


async def test_what_is_mistyped_keeps_its_words_in_the_form_beside_the_refusal(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        for typed, near, shown in (
            ("lock stagging for 2h a move", "Did you mean staging?", ["staging", "08:00", "a move"]),
            ("schedule v0.2.0 tomorow 10:00", "Did you mean tomorrow?", ["v0.2.0", "2026-11-23"]),
            ("flags auto-aproval off stagging", "Did you mean staging?", ["auto-approval", "staging"]),
            ("flags auto-aproval off", "Did you mean auto-approval?", ["auto-approval"]),
            ("show v0.1.1", "Did you mean v0.1.0?", ["v0.1.0"]),
        ):
            before = len(house.told_so_far(DANA))
            await house.type(DANA, typed)
            refusal = await house.next_answer(DANA, before)
            assert near in refusal
            teaches(refusal)
            await house.press(DANA, house.sandbox.ephemerals(DANA)[-1], ids.FILL)
            view = await house.form(DANA)
            assert all(part in str(view.content["blocks"]) for part in shown), view.content
            await house.sandbox.close_view(DANA, view.id)


WRONG: tuple[tuple[Mapping[str, str], str, str], ...] = (
    ({ids.VERSION: "0.2"} | AT, ids.VERSION, "Did you mean v0.2.0?"),
    ({ids.VERSION: "v0.2.0", ids.DAY: "2026-11-20", ids.TIME: "10:00"}, ids.TIME, "A time has to lie ahead."),
    (
        {ids.VERSION: "v0.2.0", ids.DAY: "2036-11-24", ids.TIME: "10:00"},
        ids.DAY,
        "Write a time within a year.",
    ),
    ({ids.VERSION: "v0.2.0", ids.DAY: "2026-11-24", ids.TIME: ""}, ids.TIME, ""),
)


async def test_mistakes_are_shown_in_their_fields(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        view = await form_of(house, DANA, "schedule v0.2.0")
        for values, block, text in WRONG:
            errors = await submit(house, DANA, view, values)
            assert list(errors) == [block], errors
            assert text in errors[block]
        assert await submit(house, DANA, view, {ids.VERSION: "v0.2.0"} | AT) == {}
        lock = await form_of(house, SAM, "lock")
        errors = await submit(
            house, SAM, lock, {ids.ENVIRONMENT: "staging", ids.REASON: " ", ids.DAY: "2026-11-24"}
        )
        assert list(errors) == [ids.REASON]
        errors = await submit(house, SAM, lock, {ids.ENVIRONMENT: "staging", ids.REASON: "x", ids.TIME: None})
        assert "time of the day is missing" in errors[ids.TIME]


async def test_who_may_not_is_told_at_once_and_a_forged_form_is_looked_at_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        for typed in ("lock", "freeze", "schedule v0.2.0", "hotfix", "unschedule"):
            before = len(house.told_so_far(GUEST))
            await house.type(GUEST, typed)
            teaches(await house.next_answer(GUEST, before))
        assert not house.sandbox.views(GUEST)
        view = await form_of(house, SAM, "lock")
        state = {
            ids.ENVIRONMENT: {ids.INPUT: {"selected_option": {"value": "moon"}}},
            ids.REASON: {ids.INPUT: {"value": "x"}},
        }
        assert (await submit_forged(house, SAM, view, state)).acked
        await house.told(SAM, "I do not know the environment `moon`")
        there = state | {ids.ENVIRONMENT: {ids.INPUT: {"selected_option": {"value": "staging"}}}}
        assert (await submit_forged(house, GUEST, view, there)).acked
        await house.told(GUEST, "is a guest")
        for metadata in (
            "",
            "[]",
            json.dumps({"product": "other"}),
            json.dumps({"product": {"a": 1}, "reason": 3}),
        ):
            before = len(house.told_so_far(SAM))
            assert (await submit_forged(house, SAM, view, there, private_metadata=metadata)).acked
            assert "Which product?" in await house.next_answer(SAM, before)
        assert house.calls("chat.postMessage") == 0


TYPED_INSTEAD = {
    "plan": (
        "Which version?",
        "`/release plan` needs a version",
        "`/release plan v0.2.0`",
        "`v0.2.0`, `v0.3.0`",
    ),
    "show \t ": ("Which version?",),
    "lock": ("A lock needs a reason", "`/release lock staging for 2h"),
    "lock staging": ("A lock needs a reason",),
    "freeze": ("Until when?", "nobody forgets it"),
    "schedule v0.2.0": ("When?", "A time is missing"),
    "flags auto-approval": ("to switch one I need its name and on or off",),
}
"""What is answered where Slack does not open a form: how to type it."""


async def test_a_form_that_cannot_be_opened_is_answered_with_how_to_type_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        for typed, expected in TYPED_INSTEAD.items():
            house.sandbox.faults.error("expired_trigger_id", "views.open")
            before = len(house.told_so_far(DANA))
            await house.type(DANA, typed)
            answer = await house.next_answer(DANA, before)
            assert all(part in answer for part in expected), answer
            teaches(answer)
        await house.type(DANA, "unschedule")
        teaches(await house.told(DANA, "Which version?", "`/release unschedule v0.2.0`"))


async def test_the_forms_are_in_the_readers_language(tmp_path: Path) -> None:
    async with opened(tmp_path, locale="pt-BR") as house:
        view = await form_of(house, DANA, "schedule v0.2.0")
        assert view.content["title"]["text"] == "Agendar uma release"
        assert "No fuso horário do produto: America/Sao_Paulo." in str(view.content)
        errors = await submit(house, DANA, view, {ids.DAY: "2026-11-20", ids.TIME: "10:00"})
        assert "O horário precisa estar à frente." in errors[ids.TIME]
