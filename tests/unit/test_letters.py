"""Letters: the chat's markup goes, what outsiders wrote stays what it is."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.letters.contents import Draft
from handlers.letters.unmarked import mentioned, unmarked
from handlers.letters.writing import laid_out
from handlers.text import words
from pipeline.mails import MailState, mail, states, trouble
from pipeline.models import Event


def test_mentions_become_names_and_times_are_written_out() -> None:
    text = "⚠️ *R-003* <@U0DANA> &amp; <!subteam^S0OPS>, <!date^1^{time}|1970-01-01 00:00 UTC>\n_quiet_\na *b* _c_"
    assert (
        unmarked(text, {"U0DANA": "dana"}) == "⚠️ R-003 dana & S0OPS, 1970-01-01 00:00 UTC\nquiet\na *b* _c_"
    )
    assert mentioned([text, "<@U0DANA> <@W0LEE>"]) == ("U0DANA", "W0LEE")
    assert unmarked("<@W0LEE> <https://a.example|there> <https://b.example>", {}) == (
        "W0LEE there (https://a.example) https://b.example"
    )


@given(st.text(st.characters(exclude_characters="`*_", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))))
def test_outside_text_is_read_as_it_was_written(text: str) -> None:
    assert unmarked(f"a {words.safe(text, 4000)} b", {}) == f"a {text.strip()} b"


@given(st.text(max_size=60))
def test_no_markup_of_outsiders_gets_into_the_html(text: str) -> None:
    rows = (words.safe(text), "<script>alert(1)</script>")
    letter = laid_out(Draft("good", "shop", "", {"a": "<b>"}, (("Changes", rows),)), {})
    assert "<script" not in letter.html
    assert "<b>" not in letter.html
    assert "<script>alert(1)</script>" in letter.text


def told(kind: str, **payload: object) -> Event:
    return Event(kind=kind, payload={"topic": mail("announcement"), **payload})


def test_an_emails_events_say_how_far_it_got() -> None:
    delayed, sent = told("mail_delayed", why="away"), told("mail_sent", to=["a@x"])
    refused = told("mail_refused", refused={"b@x": "550 no"})
    state = states([delayed, refused, sent])[mail("announcement")]
    assert state.ended == {"a@x", "b@x"}
    assert (state.delayed, state.given_up, state.refused) == ("away", "", {"b@x": "550 no"})
    assert MailState().then(told("mail_given_up", why="no")).given_up == "no"
    assert trouble(mail("result:2")) == "mailed:result:2"


def test_commands_have_no_marks_and_sections_stand_apart() -> None:
    draft = Draft(
        "good", "shop", "lead", {}, (("Changes", ("one",)), ("Way back", ("`/rollback` or the button",)))
    )
    letter = laid_out(draft, {})
    assert letter.text == (
        "shop\n====\n\nlead\n\nChanges\n  - one\n\nWay back\n  - /rollback or the button\n"
    )
    assert "`" not in letter.html
