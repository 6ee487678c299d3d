"""What people see of an evaluation: within Slack's limits whatever the tool wrote, and old results as they were."""

import json
from typing import Any

import pytest

from bot.sandbox.validate import check_blocks, check_view
from handlers.blocks import evaluations, forms, notes
from handlers.text.evaluations import FINDINGS, OUTCOMES, findings
from handlers.text.stages import sentence
from pipeline.config import Evaluation
from pipeline.evals import Record
from pipeline.evaluation import judge
from pipeline.models import StageRun
from pipeline.snapshot import Snapshot
from pipeline.states import ReleaseStatus, StageStatus
from tests.unit.test_card import product, release, run

HOSTILE = "a\n\u202e<!channel> `*_~ & " + "x" * 300
CONFIG = Evaluation(
    run=("evaluate",), cases=1, minimum={f"metric {n} {HOSTILE}"[:190]: 0.5 for n in range(20)}, maximum={"accuracy": 0}
)  # fmt: skip


def hostile() -> dict[str, Any]:
    """The facts of ten thousand cases with names that want to be something else, and a metric for each limit."""
    cases = [
        {"id": f"{n} {HOSTILE}"[:200], "passed": n % 3 > 0, "latency_ms": float(n)} for n in range(10_000)
    ]
    said = dict.fromkeys(("tool", "tool_version", "subject", "suite_hash", "model", "prompt_hash"), HOSTILE)
    record = Record.model_validate({**said, "errors": [HOSTILE] * 30, "cases": cases}).measured()
    before = record.model_copy(
        update={"cases": tuple(case.model_copy(update={"passed": True}) for case in record.cases)}
    )
    verdict = judge(record, CONFIG, before, {case.id: 3 for case in record.cases[:5000]})
    told = [finding.told() for finding in verdict.findings]
    facts = {"findings": told, "report": verdict.report, "before": "v0.1.0", "seen": "s" * 71}
    return dict(json.loads(json.dumps(facts, allow_nan=False)))


def evaluated(code: str, facts: dict[str, Any], status: StageStatus) -> tuple[Snapshot, StageRun]:
    one = run("evaluation", status, code, facts=facts)
    return Snapshot(release(ReleaseStatus.WAITING), {"evaluation": one}), one


def test_the_question_the_note_and_the_form_are_within_slacks_limits() -> None:
    shown, asked = evaluated("evaluation_no_verdict", hostile(), StageStatus.WAITING)
    question, note = evaluations.asked(shown, product(), asked), notes.note(shown, asked)
    for message in (question, note):
        check_blocks(message.blocks, "message")
        assert len(message.text) < 4000
        assert "<!channel>" not in json.dumps([b for b in message.blocks if b["type"] != "table"])
    check_view(forms.overrule(shown, asked))
    assert [file.name for file in question.files] == ["evaluation.png"]
    assert len(json.dumps(asked.facts)) < 40_000


def test_a_question_that_is_being_dealt_with_has_no_buttons() -> None:
    shown, asked = evaluated("evaluation_no_verdict", hostile(), StageStatus.RUNNING)
    message = evaluations.asked(shown, product(), asked)
    assert [block["type"] for block in message.blocks].count("actions") == 0


def test_what_an_earlier_version_of_the_bot_kept_is_shown_as_it_was() -> None:
    old = {"reasons": ["The critical case a failed."], "lost": ["a"], "report": ["3 of 4 cases passed."]}
    shown, failed = evaluated("evaluation_failed", old, StageStatus.FAILED)
    message = notes.note(shown, failed)
    assert "The critical case a failed" in message.text
    assert "• 3 of 4 cases passed." in str(message.blocks)
    assert sentence("evaluation_suite_accepted", {"by": "U0LEE"}) == "<@U0LEE> accepted it as the new suite"


FACTS: dict[str, Any] = {
    "case": "a", "error": "e", "found": 1, "wanted": 2, "count": 2, "metric": "m", "value": 0.5, "limit": 0.9,
    "lost": 2, "most": 1, "before": "x", "format": "promptfoo", "place": "p", "why": "w", "looks": "junit",
    "known": "2", "names": "a, b", "narrow": True,
}  # fmt: skip


@pytest.mark.parametrize("code", FINDINGS)
def test_every_finding_is_a_sentence(code: str) -> None:
    facts = FACTS | ({"most": "20000000"} if code == "report_too_large" else {})
    assert findings({"findings": [{"code": code, **facts}]}, 1)[0].strip()


def test_a_finding_that_this_version_does_not_know_is_still_shown() -> None:
    assert "moon_phase" in findings({"findings": [{"code": "moon_phase"}]}, 1)[0]


def test_the_reasons_of_the_look_before_production_are_all_said() -> None:
    for why in ("no_verdict", "other_commit", "other_suite", "other_images", "not_overruled"):
        assert why not in OUTCOMES["not_evaluated"]({"why": why})
