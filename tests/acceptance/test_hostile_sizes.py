"""Far more, far longer and far nastier than any real release: every message stays within Slack's limits."""

from pathlib import Path

from bot.sandbox.journal import Call
from handlers.text import ids
from pipeline import ticking
from pipeline.policy import Actor
from tests.slack_house import DANA, LEE, SAM, TEAM, open_slack_house, reasoned, ticks
from tests.world import PLAYBOOK, World

BIDI = "\u202e\u2066\u200f"
NASTY = f"<!channel> & {BIDI} `x` *b* <@U0LEE0002|lee> 🔥é"


def playbook() -> str:
    """60 components, 200 checklist items (45 for people), 100 risks, each as long as it may be."""
    items = [
        f'{{ key = "item-{n}", title = "{(NASTY + " " + "w" * 150)[:150]}"'
        + (', proof = "tests" }' if n >= 45 else " }")
        for n in range(200)
    ]
    parts = "".join(f'[components.part-{n}]\nsources = ["web"]\nrun = "python web.py"\n' for n in range(58))
    risks = "".join(
        f'[[risks]]\nid = "R{n}"\ntitle = "{NASTY * 20}"\nmitigation = "{NASTY * 20}"\n' for n in range(100)
    )
    before = PLAYBOOK[PLAYBOOK.index("before = [") : PLAYBOOK.index("after = [")]
    return (
        PLAYBOOK.replace(before, f"before = [{', '.join(items)}]\n").replace(
            "[tests.unit]", f"{parts}[tests.unit]"
        )
        + risks
    )


def subjects() -> list[str]:
    """500 commits of 10,000 characters, of every kind that is told."""
    kinds = ("feat", "fix", "feat(api)!", "docs", "<!here>")
    return [f"{kinds[n % 5]}: {NASTY} {'&' * 10_000}\n\nRisk: {NASTY * 99}\nFlag: f{n}" for n in range(500)]


def refused(calls: list[Call]) -> list[str]:
    return [f"{call.method}: {call.answer}"[:600] for call in calls if not call.answer.get("ok")]


async def test_no_size_breaks_a_message_or_a_form(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path, world=World()) as house:
        house.world.playbook, house.history.subjects = playbook(), subjects()
        house.world.revision = "2"
        await house.slack_start()
        checklist = await house.message("Checklist before shop v0.2.0")
        assert str(checklist.blocks).count(ids.TICK) == 40
        shown = await house.waits_for((await house.shown("v0.2.0")).release.id, "checklist")
        first, *_, last = ticks(checklist)
        await house.press(DANA, checklist, ids.TICK, first)
        await house.sandbox.wait_for(
            lambda: ticks(house.find("Checklist before shop v0.2.0"))[-1:] != [last], 10
        )
        for item in shown.items:
            if not item.done and not first.endswith(f":{item.id}"):
                await ticking.tick(house.service, Actor(DANA, TEAM), shown.release.id, item.id)
        request = await house.message("Approval needed for shop v0.2.0")
        assert len(request.blocks) <= 50
        await house.press(LEE, request, ids.REJECT)
        await house.sandbox.close_view(LEE, (await house.form(LEE)).id)
        await house.slack_approve(request)
        await house.through_canary(shown.release.id)
        await house.waits_for(shown.release.id, "watch")
        house.world.log_lines += [f"CRITICAL {NASTY * 500}"] * 50
        house.world.pass_time(minutes=11)
        house.nudge()
        await house.message("shop v0.2.0 needs a decision")
        await house.message("shop v0.2.0 is live")
        await house.type(DANA, "list")
        await house.type(DANA, "status")
        await house.told(DANA, "shop v0.2.0")
        await house.slack_roll_back(SAM, (NASTY * 100)[:500])
        await house.message("shop v0.2.0 was rolled back")
        await house.quiet()
        assert refused(house.sandbox.calls) == []
        seen = [text for m in house.posted() for text in (m.text, str(m.blocks))]
        assert all(mark not in text for text in seen for mark in BIDI)
        assert all("<!channel>" not in m.text for m in house.posted())


async def test_a_failure_with_endless_output_is_shown_by_its_end(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        await house.press(LEE, await house.slack_to_approval(), ids.REJECT)
        answer = await house.sandbox.submit(LEE, (await house.form(LEE)).id, reasoned(("& <" * 200)[:500]))
        assert answer.acked
        await house.message("shop v0.2.0 failed before production")
        await house.quiet()
        assert refused(house.sandbox.calls) == []
