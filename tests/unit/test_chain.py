"""The chain of the audit log: whatever is done to its entries afterwards is found, and no secret is in them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.chain import EMPTY, Broken, Chain, Entry, Head, Seal, body, canonical, line
from pipeline.redact import Redactor

TEXT = st.text(max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
FACTS = st.dictionaries(
    TEXT, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=4), max_size=4
)
PLAIN, KEYED = Seal(), Seal("a key that nobody knows, at least not here")
AT = "2026-11-23T09:00:00.000000Z"


def draft(seal: Seal, facts: dict[str, Any], actor: str = "U0DANA", version: str | None = None) -> Entry:
    return Entry(
        "shop", 0, AT, actor, "T1", "slack C0SHOP", "click 1", "item_ticked", None, version, None,
        seal.payload(facts), "", "", "",
    )  # fmt: skip


def written(seal: Seal, drafts: list[Entry]) -> list[Entry]:
    head, entries = EMPTY, []
    for one in drafts:
        entries.append(seal.next(head, one))
        head = Head(entries[-1].seq, entries[-1].hash)
    return entries


def found(seal: Seal, entries: list[Entry], head: Head, sealed_from: int = 1) -> Broken | None:
    """What is found in a database that holds these entries and this head."""
    chain = Chain(seal, sealed_from)
    known = sorted((entry for entry in entries if entry.seq <= head.seq), key=lambda entry: entry.seq)
    return chain.follow(known) or chain.end(head, max((entry.seq for entry in entries), default=0))


DRAFTS = st.lists(st.builds(draft, st.just(PLAIN), FACTS, TEXT, st.none() | TEXT), min_size=2, max_size=8)


@given(DRAFTS, st.sampled_from([PLAIN, KEYED]))
def test_what_was_written_is_unbroken(drafts: list[Entry], seal: Seal) -> None:
    entries = written(seal, drafts)
    assert found(seal, entries, Head(len(entries), entries[-1].hash)) is None


def change(data: st.DataObject, entries: list[Entry]) -> None:
    """Another value in any one field."""
    at = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(Entry._fields))
    before = getattr(entries[at], name)
    values = st.integers(1, 20) if name == "seq" else TEXT
    value: Any = data.draw(values.filter(lambda value: value != before))
    entries[at] = entries[at]._replace(**{name: value})


def take_away(data: st.DataObject, entries: list[Entry]) -> None:
    del entries[data.draw(st.integers(0, len(entries) - 1))]


def cut_the_end(data: st.DataObject, entries: list[Entry]) -> None:
    del entries[data.draw(st.integers(0, len(entries) - 1)) :]


def swap(data: st.DataObject, entries: list[Entry]) -> None:
    """Two entries trade their places."""
    one, other = data.draw(
        st.lists(st.integers(0, len(entries) - 1), min_size=2, max_size=2, unique=True), label="places"
    )
    numbers = entries[one].seq, entries[other].seq
    entries[one], entries[other] = (
        entries[one]._replace(seq=numbers[1]),
        entries[other]._replace(seq=numbers[0]),
    )


def forged(data: st.DataObject, entries: list[Entry]) -> Entry:
    """An entry whose own hash is right, as far as that can be had without the key."""
    after = data.draw(st.sampled_from([EMPTY, *(Head(entry.seq, entry.hash) for entry in entries)]))
    return PLAIN.next(after, draft(PLAIN, {"forged": data.draw(st.integers())}))


def put_in(data: st.DataObject, entries: list[Entry]) -> None:
    entries.append(forged(data, entries))


def replace(data: st.DataObject, entries: list[Entry]) -> None:
    new = forged(data, entries)
    entries[:] = [new if entry.seq == new.seq else entry for entry in entries if new.seq <= len(entries)]


@given(
    DRAFTS,
    st.sampled_from([PLAIN, KEYED]),
    st.sampled_from([change, take_away, cut_the_end, swap, put_in, replace]),
    st.data(),
)
def test_whatever_is_done_to_a_chain_is_found(
    drafts: list[Entry], seal: Seal, harm: Any, data: st.DataObject
) -> None:
    entries = written(seal, drafts)
    head = Head(len(entries), entries[-1].hash)
    harm(data, entries)
    assert found(seal, entries, head) is not None


def test_it_is_said_where_and_how() -> None:
    entries = written(PLAIN, [draft(PLAIN, {"n": n}) for n in range(5)])
    head, elsewhere = Head(5, entries[-1].hash), Head(5, "0" * 64)
    third = entries[2]._replace(payload='{"n":7}')
    again = third._replace(hash=PLAIN.hash_of(third))
    assert found(PLAIN, [*entries[:2], third, *entries[3:]], head) == Broken("changed", 3)
    assert found(PLAIN, [*entries[:2], again, *entries[3:]], head) == Broken("order", 4)
    assert found(PLAIN, [*entries[:1], *entries[3:]], head) == Broken("missing", 2, 3)
    assert found(PLAIN, entries[:3], head) == Broken("missing", 4, 5)
    assert found(PLAIN, [], head) == Broken("missing", 1, 5)
    assert found(PLAIN, entries, Head(3, entries[2].hash)) == Broken("beyond", 4)
    assert found(PLAIN, entries, EMPTY) == Broken("beyond", 1)
    assert found(PLAIN, entries, elsewhere) == Broken("head", 5)


def test_without_the_key_nobody_can_write_a_chain_that_fits() -> None:
    """Who can write to the database may make a whole chain anew: only a key (or a noted head) tells."""
    entries = written(KEYED, [draft(KEYED, {"n": n}) for n in range(3)])
    anew = written(PLAIN, [draft(PLAIN, {"n": n}) for n in (0, 7, 2)])
    other = written(Seal("a" * 40), [draft(PLAIN, {"n": n}) for n in (0, 7, 2)])
    named = [entry._replace(key=KEYED.key) for entry in other]
    assert found(PLAIN, anew, Head(3, anew[-1].hash)) is None
    assert found(KEYED, anew, Head(3, anew[-1].hash)) == Broken("unsealed", 1)
    assert found(KEYED, other, Head(3, other[-1].hash)) == Broken("other_key", 1)
    assert found(KEYED, named, Head(3, named[-1].hash)) == Broken("changed", 1)
    assert found(PLAIN, entries, Head(3, entries[-1].hash)) == Broken("other_key", 1)


def test_a_key_that_came_later_is_said_to_have_come_later() -> None:
    before = written(PLAIN, [draft(PLAIN, {"n": n}) for n in range(3)])
    sealed = KEYED.next(Head(3, before[-1].hash), draft(KEYED, {}))
    entries, head = [*before, sealed], Head(4, sealed.hash)
    assert found(KEYED, entries, head) == Broken("unsealed", 1)
    assert found(KEYED, entries, head, sealed_from=4) is None
    assert found(KEYED, before, Head(3, before[-1].hash), sealed_from=3) == Broken("unsealed", 3)


@given(FACTS, TEXT)
def test_an_exported_line_is_what_was_hashed(facts: dict[str, Any], actor: str) -> None:
    entry = PLAIN.next(EMPTY, draft(PLAIN, facts, actor))
    exported = json.loads(line(entry))
    assert exported.pop("hash") == entry.hash
    assert canonical(exported) == body(entry)
    assert exported["payload"] == json.loads(entry.payload)
    assert line(entry).isascii()
    assert canonical(json.loads(line(entry))) == line(entry)


def test_what_json_does_not_have_is_kept_as_text_or_refused() -> None:
    facts: dict[Any, Any] = {"seconds": float("nan"), "names": ("a", "b"), 3: "ação \ud800 \0"}
    kept = json.loads(PLAIN.payload(facts))
    assert kept == {"3": "ação \ud800 \0", "names": ["a", "b"], "seconds": "nan"}
    with pytest.raises(TypeError):
        PLAIN.payload({"what": object()})


@given(
    st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters='"\\'), min_size=6, max_size=20)
)
def test_no_secret_is_in_an_entry(secret: str) -> None:
    seal = Seal(redact=Redactor([secret]))
    payload = seal.payload({"why": f"it is {secret}!", "deep": [{secret: [1, secret]}]})
    kept = json.loads(payload)
    assert kept["why"] == "it is ***!"
    assert kept["deep"] == [{"***": [1, "***"]}]


def test_what_looks_like_a_secret_is_masked_also_without_knowing_it() -> None:
    token = "xoxb-123456789012-abcdef"
    assert json.loads(PLAIN.payload({"note": f"use {token}"})) == {"note": "use ***"}
