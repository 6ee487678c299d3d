"""Every code that the pipeline can answer with has its sentence, and every sentence its code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.text.evaluations import FINDINGS
from handlers.text.refusal_sentences import REFUSALS
from handlers.text.refusals import sentences
from handlers.text.stages import PROBLEMS, SENTENCES
from handlers.text.words import lasted, person, safe, when
from pipeline import policy
from pipeline.errors import Refused
from pipeline.stages.evaluation import CODES

ROOT = Path(__file__).parents[2]
OUTCOMES = ("Passed", "Failed", "Skipped", "Waiting")


def calls(*names: str, folders: tuple[str, ...] = ("pipeline", "handlers"), place: int = 0) -> Iterator[str]:
    """The first argument (or another) of every call of these names in the sources, where it is a literal."""
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                    yield from _literals(node.args[place]) if len(node.args) > place else ()


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def test_every_refusal_has_its_sentences() -> None:
    raised = set(calls("Refused", "_refusal")) | {f"may_not_{action}" for action in policy.ACTIONS}
    raised -= {code for code in raised if " " in code}  # _refusal's own first argument is the text
    assert raised >= {"older", "locked", "own_release"}
    assert raised - {""} <= set(REFUSALS)


def test_every_refusal_says_what_why_and_what_next() -> None:
    for code, said in REFUSALS.items():
        what, why, following = said.split("\n")
        for part in (what, why, following):
            assert part.strip(), code


def test_every_outcome_of_a_stage_has_a_sentence() -> None:
    said = set(calls(*OUTCOMES, folders=("pipeline",))) | set(CODES.values())
    said |= set(calls("_asks", folders=("pipeline",), place=1))
    assert said >= {"tests_passed", "watching", "evaluation_no_verdict", "evaluation_dropped"}
    assert said <= set(SENTENCES)


def test_every_finding_of_an_evaluation_has_a_sentence() -> None:
    found = set(calls("Finding", "UnreadableError", folders=("pipeline",))) | {
        "under_minimum",
        "over_maximum",
    }
    assert found >= {"report_missing", "critical_failed", "and_more"}
    assert found == set(FINDINGS)


def test_every_problem_of_preflight_has_a_sentence() -> None:
    source = (ROOT / "pipeline/stages/preflight.py").read_text()
    codes = {
        value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant)
    }
    assert codes == set(PROBLEMS)


def test_outside_text_in_a_refusal_is_escaped_and_people_are_mentioned() -> None:
    what, why, _ = sentences(Refused("locked", reason="<!channel> & co", by="U0LEE", at="0"))
    assert what == "Production is locked."
    assert "&lt;!channel&gt; &amp; co" in why
    assert "<@U0LEE>" in why


def test_a_refusal_with_a_missing_fact_still_speaks() -> None:
    assert "(reason unknown)" in " ".join(sentences(Refused("locked", by="U0LEE")))


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (120, "2 min"), (5400, "1.5 h"), (86400, "24 h")]
)
def test_durations_are_short(seconds: float, said: str) -> None:
    assert lasted(seconds) == said


def test_words_are_safe() -> None:
    assert safe("<@U1> `x` & y") == "&lt;@U1&gt; ʼxʼ &amp; y"
    assert len(safe("x" * 10_000)) == 500
    assert person("U0LEE") == "<@U0LEE>"
    assert person("bot") == "the bot"
    assert when(0.0) == "<!date^0^{time}|1970-01-01 00:00 UTC>"
