"""The draft of what customers are told: each change's note by language, oldest first."""

from pipeline.changes import Change
from pipeline.customers import LONGEST, draft


def change(**notes: str) -> Change:
    said = {name.replace("_", "-"): (text,) for name, text in notes.items()}
    return Change("a" * 40, "feat", None, "it", False, "Sam", "sam@x", said)


def test_notes_are_listed_oldest_first_and_once() -> None:
    changes = [
        change(customer_note="Third"),
        change(customer_note="Second\nline"),
        change(),
        change(customer_note="Second line"),
    ]
    found = draft(changes, ("en",))
    assert found is not None
    assert found.texts == {"en": "• Second line\n• Third"}
    assert found.untranslated == {}


def test_what_is_not_translated_is_counted_and_taken_in_another_language() -> None:
    found = draft([change(customer_note="New"), change(customer_note_pt_br="Novo")], ("pt-BR", "en"))
    assert found is not None
    assert found.texts == {"pt-BR": "• Novo\n• New", "en": "• Novo\n• New"}
    assert found.untranslated == {"pt-BR": 1, "en": 1}


def test_there_is_no_draft_without_notes_and_no_endless_one() -> None:
    assert draft([change()], ("en",)) is None
    long = draft([change(customer_note=f"{number} " + "x" * 400) for number in range(50)], ("en",))
    assert long is not None
    assert len(long.texts["en"]) <= LONGEST
    assert long.seen != draft([change(customer_note="x")], ("en",)).seen  # type: ignore[union-attr]  # there is one
