"""The Risks section of a pull request, in the message of its merge: found in any form, and never more than that."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.changes import read_change
from pipeline.sections import LONGEST, MOST_SAID, VALUE, sections


def risks(body: str) -> tuple[str, ...]:
    return sections(body).get("risk", ())


@pytest.mark.parametrize(
    "heading",
    [
        "## Risks", "# RISKS:", "###### Risks ######", "### ⚠️ Riscos", "**Risks**", "**Risks:**", "__Riscos__",
        "Risks:", "Riscos:", "Risks\n-----", "Riscos\n===", "## **Risks**", "## Risk assessment",
        "## Avaliação de riscos",
    ],
)  # fmt: skip
def test_a_section_is_found_by_its_heading(heading: str) -> None:
    body = f"What it does.\n\n{heading}\n\n- Sessions end\n* Support calls,\n  more than usual\n\n## Tests\n\n- none"
    assert risks(body) == ("Sessions end", "Support calls, more than usual")
    assert risks(body.replace("\n", "\r\n")) == ("Sessions end", "Support calls, more than usual")


@pytest.mark.parametrize(
    ("section", "found"),
    [
        ("A long\nparagraph.\n\nAnother.", ("A long paragraph.", "Another.")),
        ("1. one\n2) two", ("one", "two")),
        ("- one\n  - deeper\n    more\n- two", ("one; deeper more", "two")),
        ("  - one\n  - two", ("one", "two")),
        ("- [x] touches money\n- [ ] touches people\n  and data", ("touches money",)),
        ("> quoted\n> on", ("quoted on",)),
        ("These can happen:\n\n- **High:** money", ("High: money",)),
        ("### High\n- one\n### Low\n- two", ("one", "two")),
        ("| Risk | What we do |\n|---|:-:|\n| Sessions end | at night |\n| Calls | |",
         ("Sessions end — at night", "Calls")),
        ("<!-- say here\n\n## Tests\n\nwhat may go wrong -->\n- one", ("one",)),
        ("- one\n- one", ("one",)),
        ("- one\n\n---------\n\nCo-authored-by: Bea <b@x>", ("one",)),
        ("- one\n\nSigned-off-by: Bea <b@x>\nRisk: a trailer", ("one",)),
        ("Database: rows are locked", ("Database: rows are locked",)),
        ("```\n- quoted\n```\n- one", ("one",)),
        ("None.", ()), ("N/A", ()), ("_No response_", ()), ("- Nenhum risco.", ()), ("Não há", ()), ("", ()),
        ("<!-- what may go wrong?", ()),
    ],
)  # fmt: skip
def test_what_a_section_says(section: str, found: tuple[str, ...]) -> None:
    assert risks(f"## Risks\n{section}\n\n## Tests\n- many\n\nRisks are few.") == found


@pytest.mark.parametrize(
    "body",
    [
        "We saw this:\nRisk: high, they said",
        "```markdown\n## Risks\n- shown as an example\n```",
        "<!--\n## Risks\n- a template's\n-->",
        "## No risks\n- it is small",
        "It is about\nrisks: they are few",
        "##Risks\n- GitHub takes no such heading",
        "- Risks\n---\n- none of them",
    ],
)
def test_what_is_no_section(body: str) -> None:
    assert sections(body) == {}


def test_mitigations_and_the_way_back_have_sections_too() -> None:
    body = "## Riscos\n- Sessões caem\n\n## Mitigação\nDe noite\n\n**Plano de rollback**\nImagem anterior"
    assert sections(body) == {
        "risk": ("Sessões caem",), "mitigation": ("De noite",), "rollback": ("Imagem anterior",),
    }  # fmt: skip
    assert risks("Risks: sessions end\nat night\n\nMitigation: a trailer") == ("sessions end at night",)


def test_a_merge_says_it_like_a_trailer_and_nothing_twice() -> None:
    message = (
        "feat: x (#12)\n\nWhy.\n\n## Risks\n- Sessions end\n- Calls\n\nRisk: Calls\nMitigation: at night"
    )
    change = read_change({"id": "a" * 40, "raw_message": message})
    assert change.risks == ("Calls", "Sessions end")
    assert change.mitigations == ("at night",)


def test_hostile_text_stays_data_in_bounds() -> None:
    body = "## Risks\n- <!here> \u202e\x1b[31m`x`\u2066\n" + f"- {'y' * 5000}\n" + "- z\n" * 5000
    found = risks(body)
    assert found[0] == "<!here> [31m`x`"
    assert len(found[1]) == VALUE
    assert len(risks("## Risks\n" + "\n".join(f"- {n}" for n in range(400)))) == MOST_SAID


@pytest.mark.parametrize(
    "piece", ["<!--", "**", "## Risks\n", "| ", "- [", "a:", "\n\n=", "```\n", "__a", " ", "1)"]
)
def test_a_hostile_message_takes_no_time(piece: str) -> None:
    sections("## Risks\n" + piece * (LONGEST // len(piece)))


LINES = st.sampled_from([
    "## Risks", "Riscos:", "**Risks**", "- a", "  - b", "- [ ] c", "", "text", "Risk: d", "---", "| a | b |", "|--|--|",
    "```", "<!--", "-->", "### x", "Tests:", "===", "> q", "\t", "Co-authored-by: x",
])  # fmt: skip


@given(st.lists(LINES | st.text(max_size=20), max_size=30))
def test_any_message_is_read_and_says_one_harmless_line_each(lines: list[str]) -> None:
    for said in sections("\n".join(lines)).values():
        assert 0 < len(said) <= MOST_SAID
        assert len(set(said)) == len(said)
        for one in said:
            assert one.strip() == one != ""
            assert not re.search(r"[\x00-\x1f\x7f\u202a-\u202e]", one)


@given(
    st.lists(
        st.from_regex(r"[a-z]{2,8}( [a-z]{2,8}){1,3}", fullmatch=True), min_size=1, max_size=9, unique=True
    )
)
def test_every_item_is_found_in_its_order(items: list[str]) -> None:
    body = (
        "Before.\n\n## Risks\n\n" + "\n".join(f"- {item}!" for item in items) + "\n\n## After\n\n- not this"
    )
    assert risks(body) == tuple(f"{item}!" for item in items)
