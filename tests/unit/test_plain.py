"""Text from outside is shown as one harmless line."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipeline.plain import plain, plain_lines


def test_breaks_become_spaces_and_marks_go() -> None:
    assert plain("a\tb\r\nc \x1b[31mred\u202egnp.exe\ud800") == "a b c [31mredgnp.exe"


def test_long_text_is_cut_with_a_sign() -> None:
    assert plain("x" * 500, 10) == "xxxxxxxxx…"
    assert plain("x" * 10, 10) == "x" * 10


def test_a_cut_leaves_no_half_character() -> None:
    assert plain("abcde\u0301fgh", 6) == "abcde…"


def test_harmful_text_alone_is_nothing() -> None:
    assert plain("\x00" * 100) == ""
    assert plain("") == ""


def test_emoji_and_other_scripts_stay() -> None:
    assert plain("Olá 👩‍💻 日本 עברית") == "Olá 👩‍💻 日本 עברית"


def test_lines_stay_lines() -> None:
    assert plain_lines("a\n\x07b\r\nc  \n") == "a\nb\nc"


@given(st.text(), st.integers(2, 50))
def test_the_result_is_short_and_harmless(text: str, limit: int) -> None:
    line = plain(text, limit)
    assert len(line) <= limit
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in line)
