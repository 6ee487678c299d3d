"""Verdicts: labels from reasons, what announcing lifts, and a sentence for everything that can be found."""

import json
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.text.language import LANGUAGES, spoken_in, tr
from handlers.text.verdicts import ADVICE, KINDS, SENTENCES, advice, sentence
from pipeline import judged
from pipeline.verdicts import LABELS, Reason, as_plain, digest, from_plain, label_of, reason, verdict_of
from pipeline.verdicts.model import CODES

ALL = sorted(code for codes in CODES.values() for code in codes)
GONE = reason("gone", kind="column", thing="charges.note")
DROPS = reason("drops", kind="column", thing="charges.note")


def facts(code: str) -> dict[str, object]:
    """Something for each fact that a sentence names."""
    named = {name for _, name, _, _ in Formatter().parse(SENTENCES[code]) if name}
    return {
        name: {"stops": "all", "kind": "table", "left": [{"thing": "users.phone"}]}.get(name, name)
        for name in named
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ALL)
def test_every_code_has_its_sentence(code: str, language: str) -> None:
    with spoken_in(language):
        found = Reason(code, {"statement": "CREATE INDEX i ON t (x)"} | facts(code))
        said, way = sentence(found), advice(found)
    assert said.endswith(".")
    assert "{" not in said + way


def test_there_is_no_sentence_without_a_code() -> None:
    assert set(SENTENCES) - {"several_heads"} == set(ALL)
    assert all(tr(words).split()[0] == "the" for words in KINDS.values())
    assert all(advice_ for advice_ in ADVICE.values())


def test_labels_come_worst_first_and_safe_alone() -> None:
    assert verdict_of("1", "", []).labels == ("safe",)
    found = verdict_of("1", "", [DROPS, reason("fails", said="x"), GONE, GONE])
    assert found.labels == ("fails-to-apply", "breaks-old-version", "destructive")
    assert len(found.reasons) == 3
    assert LABELS[0] == "fails-to-apply"
    assert label_of("unread") == "unknown"


@given(st.lists(st.sampled_from(ALL).map(lambda code: Reason(code, {"thing": code})), max_size=9))
def test_a_stored_verdict_is_the_same_again(reasons: list[Reason]) -> None:
    found = verdict_of("7", "a title", reasons, {"rows": {"users": 24}}, reasons[:2])
    stored = json.loads(json.dumps(as_plain(found)))
    assert as_plain(from_plain(stored)) == as_plain(found)
    assert digest([stored]) == digest([as_plain(found)])


def test_a_digest_does_not_depend_on_how_long_it_took() -> None:
    quick, slow = (as_plain(verdict_of("7", "", [GONE], {"seconds": seconds})) for seconds in (0.1, 9.0))
    assert digest([quick]) == digest([slow])
    assert digest([quick]) != digest([as_plain(verdict_of("7", "", [DROPS]))])


@pytest.mark.parametrize(
    ("found", "announced", "left"),
    [
        (GONE, ["charges.note"], False),
        (GONE, ["charges"], False),
        (GONE, ["charges.notes", "note"], True),
        (reason("gone", kind="table", thing="charges"), ["charges.note"], True),
        (reason("not_null", table="charges", column="note"), ["charges.note"], False),
        (reason("new_constraint", table="charges", name="sane", rule=""), ["charges.sane"], False),
        (reason("new_constraint", table="charges", name="sane", rule=""), ["charges.note"], True),
        (reason("row_security", table="charges"), ["charges"], False),
    ],
)
def test_what_is_announced_breaks_nobody(found: Reason, announced: list[str], left: bool) -> None:
    lifted = judged.lifted(verdict_of("7", "", [found, DROPS]), announced)
    assert ("breaks-old-version" in lifted.labels) == left
    assert "destructive" in lifted.labels, "what is lost stays lost"
