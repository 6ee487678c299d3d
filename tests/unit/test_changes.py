"""Changes: what counts, what cancels out, and what hostile commits may do (nothing)."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.changes import Change, Changes, reverted, trailers


def commit(number: int, message: str, **fields: object) -> dict[str, object]:
    return {
        "id": sha(number),
        "raw_message": message,
        "conventional": ":" in message.partition("\n")[0],
        "group": "<!-- 01 -->Added",
        "author": {"name": "Ana", "email": "ana@example.org"},
        **fields,
    }


def sha(number: int) -> str:
    return f"{number:08x}".ljust(40, "0")


def revert(number: int, *targets: int, subject: str = 'Revert "x"') -> dict[str, object]:
    body = "\n".join(f"This reverts commit {sha(target)}." for target in targets)
    return commit(number, f"{subject}\n\n{body}", group="Other")


def changes(*commits: dict[str, object]) -> Changes:
    return Changes.from_context(commits, base=None, head=sha(99))


def test_a_conventional_commit_is_read() -> None:
    message = (
        "feat(api)!: drop the old login\n\nWhy it goes.\n\n"
        "Customer-Note: Log in again\nCustomer-Note-pt: Entre de novo,\n  por favor\n"
        "Risk: sessions end\nRisk: support calls\nFlag: new-login\nRollback: redeploy\nMigration: 0007\n\n"
        "Co-authored-by: Bea <bea@example.org>\n"
    )
    (change,) = changes(commit(1, message, breaking=True, group="<!-- 00 -->Breaking")).items
    assert (change.type, change.scope, change.subject) == ("feat", "api", "drop the old login")
    assert (change.breaking, change.group) == (True, "Breaking")
    assert change.customer_notes == {"en": "Log in again", "pt": "Entre de novo,\npor favor"}
    assert change.risks == ("sessions end", "support calls")
    assert (change.flags, change.rollback, change.migration) == (("new-login",), ("redeploy",), ("0007",))
    assert change.trailers["co-authored-by"] == ("Bea <bea@example.org>",)


def test_any_other_commit_is_of_type_other() -> None:
    (change,) = changes(commit(1, "made it work\n\nRisk: none known", group="Other")).items
    assert (change.type, change.scope, change.subject) == ("other", None, "made it work")
    assert change.risks == ("none known",)


def test_prose_is_no_trailer() -> None:
    assert trailers("We saw this:\nRisk: high, they said\n\nno: trailer") == {"no": ("trailer",)}
    assert trailers("http://example.org\nRisk:\nRisk : spaced") == {}
    assert trailers("") == {}


def test_a_reverted_commit_and_its_revert_are_gone() -> None:
    found = changes(commit(4, "fix: b"), revert(3, 1), commit(2, "fix: a"), commit(1, "feat: x"))
    assert [change.sha for change in found.items] == [sha(4), sha(2)]
    assert found.reverted == 2


def test_a_reverted_revert_brings_the_commit_back() -> None:
    context = [revert(3, 2, subject='Reapply "x"'), revert(2, 1), commit(1, "feat: x")]
    assert reverted(context) == {sha(3), sha(2)}


def test_a_thousand_reverts_of_reverts_are_counted_through() -> None:
    context = [revert(n, n - 1) for n in range(1001, 1, -1)] + [commit(1, "feat: x")]
    assert sha(1) not in reverted(context)
    assert sha(1) in reverted(context[1:])


def test_a_revert_of_something_older_stays() -> None:
    assert reverted([revert(2, 77)]) == frozenset()
    assert reverted([revert(3, 1, 77), commit(1, "feat: x")]) == {sha(1)}


def test_reverts_by_reference_and_by_short_name_count_too() -> None:
    context = [commit(2, f"revert: feat: x\n\nRefs: {sha(1)[:9]}"), commit(1, "feat: x")]
    assert reverted(context) == {sha(1), sha(2)}


def test_only_reverts_revert() -> None:
    assert (
        reverted([commit(2, f"fix: y\n\nThis reverts commit {sha(1)} in part."), commit(1, "feat: x")])
        == set()
    )


def test_groups_are_in_reading_order() -> None:
    found = changes(
        commit(1, "chore: a", group="<!-- 08 -->Maintenance"),
        commit(2, "feat!: b", group="<!-- 00 -->Breaking"),
        commit(3, "c", group="<script>"),
    )
    assert list(found.groups) == ["Breaking", "Maintenance", "Other"]
    assert found.counts == {"chore": 1, "feat": 1, "other": 1}


def test_risks_are_said_once_and_breaking_ones_first() -> None:
    found = changes(
        commit(1, "fix: a\n\nRisk: slow\nRisk: slow"), commit(2, "feat!: b\n\nRisk: slow", breaking=True)
    )
    assert found.risks() == ("Breaking: b", "slow")
    assert [change.subject for change in found.breaking] == ["b"]


def test_customers_hear_only_what_is_meant_for_them() -> None:
    found = changes(
        commit(2, "feat: b\n\nCustomer-Note: New b\nCustomer-Note-pt: Novo b"),
        commit(1, "feat: a\n\nCustomer-Note: New a"),
        commit(3, "feat: internal\n\nCustomer-Notes: typo"),
    )
    assert found.customer_notes("pt") == ("New a", "Novo b")
    assert found.customer_notes("en") == ("New a", "New b")


def test_authors_are_named_once() -> None:
    by = [{"name": name, "email": ""} for name in ("bea", "Ana", "bea")]
    assert changes(*(commit(n, "fix: x", author=who) for n, who in enumerate(by))).authors == ("Ana", "bea")


def test_hostile_text_stays_data_without_control_characters() -> None:
    message = f"feat(a\u202eb): <!channel> \x1b[31m*bold* {'x' * 9000}\n\nRisk: \u2066 @here\x00\x07"
    (change,) = changes(commit(1, message, author={"name": "A\u202eB\n", "email": None})).items
    assert change.scope == "ab"
    assert change.subject.startswith("<!channel> [31m*bold* xxx")
    assert len(change.subject) == 200
    assert change.risks == ("@here",)
    assert (change.author, change.email) == ("AB", "")


def test_a_context_with_nothing_in_it_is_read() -> None:
    assert changes({}).items == (Change("", "other", None, "(no message)", False, "", ""),)
    assert changes().groups == {}


def test_a_huge_message_is_read_in_bounds() -> None:
    (change,) = changes(commit(1, "fix: x\n\n" + "Risk: y\n" * 200_000)).items
    assert len(change.risks) < 1000


@given(st.text(), st.text())
def test_any_message_is_a_change(subject: str, body: str) -> None:
    (change,) = changes(commit(1, f"{subject}\n\n{body}", conventional=True)).items
    assert change.subject
    assert len(change.subject) <= 200
    assert "\n" not in change.subject
