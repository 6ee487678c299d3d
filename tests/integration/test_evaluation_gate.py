"""The evaluation's gate, through the ordinary door: what stops a release, what asks an approver, what is recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from pipeline import deciding, overruling, turning
from pipeline.errors import Refused
from pipeline.models import Image, StageRun
from pipeline.snapshot import Snapshot, story
from pipeline.states import ReleaseStatus
from tests.house import DANA, KIM, LEE, SAM, House, open_house
from tests.world import PLAYBOOK, World

DATA = Path(__file__).parents[1] / "data" / "evals"
RERUN = PLAYBOOK.replace(
    "cases = 2\n", 'cases = 2\nmost_lost = 0\nrerun = ["evaluate", "{output}", "--case", "{cases}"]\n'
).replace("accuracy = 0.5", "accuracy = 0.3")


def record(*failed: str, **fields: Any) -> str:
    """The neutral record of a run of cases 0 and 1."""
    cases = [{"id": name, "passed": name not in failed} for name in ("0", "1")]
    usual = {"tool": "t", "tool_version": "1", "subject": "s", "suite_hash": "suite 1", "model": "m",
             "prompt_hash": "p", "cases": cases}  # fmt: skip
    return json.dumps(usual | fields)


async def evaluated(house: House, version: str = "v0.2.0") -> Snapshot:
    """A release until its evaluation has said something."""
    release = await house.start(version)
    return await house.until(release.id, lambda s: "evaluation" in s.runs and s.runs["evaluation"].code != "")


def codes(shown: Snapshot) -> list[str]:
    return [finding["code"] for finding in shown.runs["evaluation"].facts["findings"]]


async def overrule(
    house: House, shown: Snapshot, actor: Any = LEE, reason: str = "The provider is down"
) -> None:
    run = shown.runs["evaluation"]
    await overruling.overrule(
        house.service, actor, shown.release.id, run.id, run.facts["seen"], reason, house.click()
    )


async def in_production(house: House, shown: Snapshot) -> Snapshot:
    """Of a first version: there is nothing to compare a canary with."""
    await house.to_approval(shown.release.id)
    await house.approve(shown.release.id)
    return await house.waits_for(shown.release.id, "watch")


# ------------------------------------------------------------- what stops it


FAILING = {
    "a critical case failed": (record("0", cases=[{"id": "0", "passed": False, "critical": True},
                                                  {"id": "1", "passed": True}]), "critical_failed"),
    "a limit was missed by far": (record("0", "1"), "under_minimum"),
}  # fmt: skip


async def test_a_verdict_that_is_a_failure_ends_the_release_and_nobody_may_overrule_it(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house:
        for report, code in FAILING.values():
            house.world.reports["evaluation"] = report
            shown = await house.ended((await house.start()).id)
            run = shown.runs["evaluation"]
            assert shown.release.status is ReleaseStatus.FAILED
            assert (run.code, codes(shown)[0]) == ("evaluation_failed", code)
            assert not house.world.done("start")
            with pytest.raises(Refused, match="out_of_date"):
                await overruling.overrule(
                    house.service, LEE, shown.release.id, run.id, "", "please", house.click()
                )


NO_VERDICT = {
    "no report": (" ", "report_missing"),
    "half a report": (record()[:-20], "report_unreadable"),
    "too few cases": (record(cases=[{"id": "0", "passed": True}]), "cases_missing"),
    "a case twice": (record(cases=[{"id": "0", "passed": True}] * 2), "case_twice"),
    "an error": (record(errors=["quota"]), "run_error"),
    "a case's error": (record(cases=[{"id": "0", "passed": False, "error": "timeout"},
                                     {"id": "1", "passed": True}]), "case_error"),
    "not a number": (record(metrics={"accuracy": float("nan")}), "metric_no_number"),
    "infinite": (record(metrics={"accuracy": float("inf")}), "metric_no_number"),
    "another tool's": ((DATA / "promptfoo" / "passed.json").read_text(), "report_of_another"),
    "entities": ('<!DOCTYPE a [<!ENTITY b "b">]><testsuite name="&b;"/>', "report_of_another"),
    "another model": (record(model="large"), "model_changed"),
}  # fmt: skip


async def test_no_verdict_waits_for_an_approver_and_nothing_is_deployed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        for report, code in NO_VERDICT.values():
            house.world.reports["evaluation"] = report
            shown = await evaluated(house)
            assert codes(shown)[0] == code
            assert shown.release.status is ReleaseStatus.WAITING
            await stop(house, shown)
        assert not [entry for entry in house.world.done("start") if entry[-1] == "v0.2.0"]


async def stop(house: House, shown: Snapshot) -> None:
    await turning.abort(house.service, DANA, shown.release.id, "", house.click())
    await house.ended(shown.release.id)


async def test_numbers_that_are_none_and_ids_with_control_characters_are_stored(
    tmp_path: Path, url: str
) -> None:
    """Also where the database takes no NaN in its JSON."""
    async with open_house(tmp_path, url) as house:
        cases = [{"id": "a\x00\n\u202e<!channel>", "passed": False, "score": float("nan")},
                 {"id": "1", "passed": True}]  # fmt: skip
        house.world.reports["evaluation"] = record(cases=cases, metrics={"accuracy": float("-inf")})
        shown = await evaluated(house)
        assert codes(shown) == ["case_no_number", "metric_no_number", "under_minimum"]
        assert shown.runs["evaluation"].facts["findings"][0]["case"] == "a <!channel>"


@pytest.mark.parametrize(("code", "timed_out"), [(1, False), (None, True)])
async def test_a_command_that_breaks_or_hangs_gives_no_verdict_whatever_it_wrote(
    tmp_path: Path, code: int | None, timed_out: bool
) -> None:
    async with open_house(tmp_path) as house:
        house.world.endings["evaluation"] = code
        run = (await evaluated(house)).runs["evaluation"]
        assert (run.code, run.facts["timed_out"]) == ("evaluation_not_run", timed_out)
        assert run.facts["log"] == "logs/evaluation.log"


TOOLS = {
    "promptfoo": (100, "json"), "deepeval": (1, "json"), "junit": (1, "xml"), "inspect-ai": (0, "json"),
    "pydantic-evals": (0, "json"),
}  # fmt: skip


ENDS = {
    "failed": ("evaluation_failed", "under_minimum"),
    "errored": ("evaluation_no_verdict", None),
    "passed": ("evaluation_passed", None),
}


@pytest.mark.parametrize("tool", TOOLS)
async def test_each_tools_own_reports_and_exit_codes(tmp_path: Path, tool: str) -> None:
    """Cases that failed are a verdict, whatever code the tool exits with."""
    ends, ending = TOOLS[tool]
    playbook = PLAYBOOK.replace("accuracy = 0.5", "accuracy = 0.9")
    playbook = playbook.replace("cases = 2\n", f'cases = 2\nformat = "{tool}"\n')
    async with open_house(tmp_path, world=World(playbook=playbook)) as house:
        for name, (code, first) in ENDS.items():
            house.world.reports["evaluation"] = (DATA / tool / f"{name}.{ending}").read_text()
            house.world.endings["evaluation"] = 0 if name == "passed" else ends
            shown = await evaluated(house)
            assert shown.runs["evaluation"].code == code
            assert first is None or codes(shown)[0] == first
            await (house.ended(shown.release.id) if name == "failed" else stop(house, shown))


async def test_a_limit_missed_by_little_asks(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.reports["evaluation"] = record(metrics={"accuracy": 0.46})
        shown = await evaluated(house)
        assert (shown.runs["evaluation"].code, codes(shown)) == ("evaluation_narrow", ["under_minimum"])


async def test_an_evaluation_that_the_playbook_drops_asks(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        start, end = PLAYBOOK.index("[evaluation]"), PLAYBOOK.index("[migrations]")
        house.world.playbook = PLAYBOOK[:start] + PLAYBOOK[end:]
        shown = await evaluated(house)
        assert shown.runs["evaluation"].code == "evaluation_dropped"
        await overrule(house, shown, reason="The model is gone")
        await house.to_watch(shown.release.id)


async def test_a_playbook_that_never_had_one_is_not_asked(tmp_path: Path) -> None:
    start, end = PLAYBOOK.index("[evaluation]"), PLAYBOOK.index("[migrations]")
    async with open_house(tmp_path, world=World(playbook=PLAYBOOK[:start] + PLAYBOOK[end:])) as house:
        shown = await in_production(house, await evaluated(house))
        assert shown.runs["evaluation"].code == "no_evaluation"


# ---------------------------------------------------------------- overruling


async def test_an_approver_overrules_with_a_reason_and_it_is_on_record(tmp_path: Path, url: str) -> None:
    async with open_house(tmp_path, url) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        await overrule(house, shown, reason="The provider is down; a fix of the login")
        shown = await in_production(house, shown)
        run = shown.runs["evaluation"]
        assert run.code == "evaluation_overruled"
        assert run.facts == {"by": "U0LEE", "reason": "The provider is down; a fix of the login"}
        assert "record" not in run.data  # what was not measured is nothing to compare the next release with
        async with house.db.reading() as session:
            events = await story(session, shown.release.id)
        event = next(event for event in events if event.kind == "evaluation_overruled")
        assert (event.actor, event.payload["code"]) == ("U0LEE", "evaluation_no_verdict")
        assert event.payload["reason"] == "The provider is down; a fix of the login"
        assert event.payload["findings"] == [{"code": "run_error", "error": "quota"}]


async def test_who_may_not_overrule(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        for actor, reason, code in (
            (SAM, "please", "may_not_approve"),
            (DANA, "please", "own_evaluation"),
            (LEE, " \n", "reason_missing"),
        ):
            with pytest.raises(Refused, match=code):
                await overrule(house, shown, actor, reason)
        run = shown.runs["evaluation"].id
        with pytest.raises(Refused, match="reason_missing"):
            await deciding.settle(house.service, LEE, shown.release.id, run, "keep", house.click())
        await overrule(house, shown)
        with pytest.raises(Refused, match=r"already_decided|out_of_date"):
            await overrule(house, shown, KIM)


async def test_the_same_click_is_one_decision(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        run = shown.runs["evaluation"]
        for _ in range(2):
            await overruling.overrule(
                house.service, LEE, shown.release.id, run.id, run.facts["seen"], "why", "one click"
            )
        shown = await house.waits_for(shown.release.id, "checklist")
        assert [made.decision for made in shown.approvals] == ["overrule"]


async def test_what_was_run_again_voids_what_the_form_showed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        before = await evaluated(house)
        run = before.runs["evaluation"]
        house.world.reports["evaluation"] = record(errors=["another error"])
        await deciding.settle(house.service, DANA, before.release.id, run.id, "again", house.click())
        await house.until(
            before.release.id,
            lambda s: s.runs["evaluation"].facts["seen"] != run.facts["seen"] and s.release.owner is None,
        )
        with pytest.raises(Refused, match="out_of_date"):
            await overrule(house, before)


async def test_while_it_is_run_again_nobody_overrules_what_it_found_before(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        house.world.slow.add("evaluation")
        run = shown.runs["evaluation"]
        await deciding.settle(house.service, DANA, shown.release.id, run.id, "again", house.click())
        with pytest.raises(Refused, match="out_of_date"):
            await overrule(house, shown)
        house.world.release_slow.set()


async def test_an_evaluation_that_is_run_again_and_passes_needs_nobody(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.endings["evaluation"] = None
        shown = await evaluated(house)
        house.world.endings.clear()
        run = shown.runs["evaluation"]
        await deciding.settle(house.service, DANA, shown.release.id, run.id, "again", house.click())
        shown = await house.waits_for(shown.release.id, "checklist")
        assert shown.runs["evaluation"].code == "evaluation_passed"
        assert len([entry for entry in house.world.journal if entry == ("command", "evaluation")]) == 2


async def test_another_signal_neither_runs_the_suite_again_nor_changes_what_is_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        shown = await house.waits_for(shown.release.id, "evaluation")
        async with deciding.speaking(house.service, shown.release.id, house.world.clock()):
            pass
        await house.until(
            shown.release.id,
            lambda s: s.runs["evaluation"].seen_signals > 0 and s.release.owner is None,
        )
        again = (await house.service.snapshot(shown.release.id)).runs["evaluation"]
        assert again.facts == shown.runs["evaluation"].facts
        assert len([entry for entry in house.world.journal if entry == ("command", "evaluation")]) == 1


async def test_an_overruled_evaluation_proves_no_item_of_the_checklist(tmp_path: Path) -> None:
    item = '{ key = "eval", title = "The evaluation is at its limits", proof = "evaluation" },\n'
    playbook = PLAYBOOK.replace("before = [\n", f"before = [\n  {item}")
    async with open_house(tmp_path, world=World(playbook=playbook)) as house:
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        await overrule(house, shown)
        shown = await house.waits_for(shown.release.id, "checklist")
        assert {row.key: row.done for row in shown.items}["eval"] is False


async def test_after_an_overruled_run_without_measurements_the_one_before_is_compared_with(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path) as house:
        await house.adopt()
        house.world.reports["evaluation"] = record(errors=["quota"])
        shown = await evaluated(house)
        await overrule(house, shown)
        await house.to_end(shown.release.id)
        house.world.reports["evaluation"] = record(suite_hash="suite 2")
        shown = await evaluated(house, "v0.3.0")
        assert codes(shown) == ["suite_changed"]
        assert shown.runs["evaluation"].facts["before"] == "v0.1.0"


# -------------------------------------------------------------------- re-runs


def losing(*passed: bool) -> dict[str, str]:
    """Reports by which case 0 fails, and passes or not when it is run again."""
    again = {f"evaluation-rerun-{n}": record(*(() if well else ("0",))) for n, well in enumerate(passed, 1)}
    return {"evaluation": record("0"), **again}


@pytest.mark.parametrize(
    ("passed", "runs", "lost", "flaky"),
    [
        ((True, True, False), 2, [], ["0"]),
        ((True, False, True), 3, [], ["0"]),
        ((True, False, False), 3, ["0"], []),
        ((False, False, True), 2, ["0"], []),
    ],
)
async def test_lost_cases_are_run_again_before_they_count(
    tmp_path: Path, passed: tuple[bool, ...], runs: int, lost: list[str], flaky: list[str]
) -> None:
    async with open_house(tmp_path, world=World(playbook=RERUN)) as house:
        await house.adopt()
        house.world.reports |= losing(*passed)
        run = (await evaluated(house)).runs["evaluation"]
        assert (run.facts["report"]["lost"], run.facts["report"]["flaky"]) == (lost, flaky)
        assert run.code == ("evaluation_failed" if lost else "evaluation_passed")
        commands = house.world.commands
        assert [f"evaluation-rerun-{n}" in commands for n in (1, 2, 3)] == [True, True, runs > 2]
        assert commands["evaluation-rerun-1"].argv[2:] == ("--case", "0")


async def test_a_re_run_that_breaks_saves_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path, world=World(playbook=RERUN)) as house:
        await house.adopt()
        house.world.reports |= losing(True, True, True)
        house.world.endings["evaluation-rerun-1"] = None
        house.world.reports["evaluation-rerun-2"] = "{"
        shown = await evaluated(house)
        assert codes(shown) == ["too_many_lost"]


# ------------------------------------------------- right before production


async def at_approval(house: House) -> Snapshot:
    return await house.to_approval((await house.start()).id)


async def denied(house: House, shown: Snapshot) -> str:
    """Approve, and see that nothing of production is touched."""
    await house.approve(shown.release.id)
    shown = await house.ended(shown.release.id)
    assert shown.release.status is ReleaseStatus.FAILED
    assert not shown.release.production_touched
    assert not house.world.done("shift")
    failed = next(run for run in shown.runs.values() if run.code == "not_evaluated")
    return str(failed.facts["why"])


async def change(house: House, shown: Snapshot, **data: Any) -> None:
    run = shown.runs["evaluation"]
    async with house.db.transaction() as session:
        await session.execute(update(StageRun).where(StageRun.id == run.id).values(data=run.data | data))


async def test_before_production_the_verdict_must_be_there(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        shown = await at_approval(house)
        async with house.db.transaction() as session:
            run = shown.runs["evaluation"].id
            await session.execute(update(StageRun).where(StageRun.id == run).values(data={}))
        assert await denied(house, shown) == "no_verdict"


async def test_before_production_the_verdict_must_be_of_this_commit(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        shown = await at_approval(house)
        verdict = shown.runs["evaluation"].data["verdict"]
        await change(house, shown, verdict=verdict | {"commit": "f" * 40})
        assert await denied(house, shown) == "other_commit"


async def test_before_production_the_verdict_must_be_of_its_suite(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        shown = await at_approval(house)
        await change(house, shown, record=record("0"))
        assert await denied(house, shown) == "other_suite"


async def test_before_production_other_images_are_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        release = await house.start()
        shown = await house.waits_for(release.id, "checklist")
        async with house.db.transaction() as session:
            other = update(Image).where(Image.release_id == release.id, Image.component == "web")
            await session.execute(other.values(digest="sha256:other"))
        shown = await house.to_approval(release.id)
        assert await denied(house, shown) == "other_images"


async def test_an_overruling_that_is_not_on_record_counts_for_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        shown = await at_approval(house)
        verdict = shown.runs["evaluation"].data["verdict"]
        await change(house, shown, verdict=verdict | {"overruled": 4711})
        assert await denied(house, shown) == "not_overruled"
