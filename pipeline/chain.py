"""The chain of the audit log: how an entry is hashed, and whether a row of entries is as it was written. Pure.

The hash of an entry covers all its other fields, its number in the product's chain and the hash of the entry before:
SHA-256, or HMAC-SHA-256 with a key, over JSON with sorted keys, no spaces, and everything beyond ASCII escaped
(near RFC 8785). What is hashed is what is stored and exported, character by character.
"""

import hashlib
import hmac
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pipeline.redact import Redactor

GENESIS = "0" * 64
"""What stands for the hash before the first entry."""

Why = Literal["changed", "missing", "order", "head", "beyond", "unsealed", "other_key"]


class Entry(NamedTuple):
    """One entry. `at` is UTC in ISO 8601 with microseconds, `payload` canonical JSON, `key` names the key ("": none).

    `source` is from where the actor asked, `origin` the id of their request.
    """

    product: str
    seq: int
    at: str
    actor: str
    team: str
    source: str
    origin: str
    kind: str
    release: str | None
    version: str | None
    commit: str | None
    payload: str
    key: str
    previous: str
    hash: str


class Head(NamedTuple):
    """The last entry of a product's chain: its number and its hash."""

    seq: int
    hash: str


EMPTY = Head(0, GENESIS)

canonical: Callable[[Any], str] = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False
).encode
"""A value as it is hashed. Raises TypeError and ValueError for what JSON does not have."""


def body(entry: Entry) -> str:
    """What is hashed: every field but the hash. The payload stands as it is stored."""
    before = {
        "actor": entry.actor,
        "at": entry.at,
        "commit": entry.commit,
        "key": entry.key,
        "kind": entry.kind,
        "origin": entry.origin,
    }
    return f'{canonical(before)[:-1]},"payload":{entry.payload},{_rest(entry)}'


def line(entry: Entry) -> str:
    """An entry as it is exported: what is hashed, and the hash."""
    text = body(entry)
    at = text.index(',"key":"')  # within strings quotes are escaped: this is the field
    return f'{text[:at]},"hash":"{entry.hash}"{text[at:]}'


def _rest(entry: Entry) -> str:
    after = {
        "previous": entry.previous,
        "product": entry.product,
        "release": entry.release,
        "seq": entry.seq,
        "source": entry.source,
        "team": entry.team,
        "version": entry.version,
    }
    return canonical(after)[1:]


class Seal:
    """How entries are made: secrets are masked, then the entry is hashed, with a key where there is one.

    Who can write to the database but does not know the key cannot make an entry that fits.
    """

    def __init__(self, key: str = "", redact: Callable[[str], str] | None = None) -> None:
        self._key = key.encode()
        self._redact = redact or Redactor(())
        named = hashlib.sha256(b"releasebot audit key " + self._key)
        self.key = named.hexdigest()[:12] if key else ""

    def hash_of(self, entry: Entry) -> str:
        """The hash that an entry must have, if it was made with this seal's key."""
        text = body(entry).encode()
        if entry.key:
            return hmac.digest(self._key, text, "sha256").hex()
        return hashlib.sha256(text).hexdigest()

    def next(self, head: Head, draft: Entry) -> Entry:
        """The draft as the entry after `head`."""
        placed = draft._replace(seq=head.seq + 1, previous=head.hash, key=self.key)
        return placed._replace(hash=self.hash_of(placed))

    def payload(self, facts: Mapping[str, Any]) -> str:
        """Facts as they are kept, without secrets. Raises TypeError for what is no JSON."""
        texts: list[str] = []
        plain = _plain(facts, texts)
        everything = "\n".join(texts)  # one look for all: nearly always there is nothing to mask
        return canonical(plain if self._redact(everything) == everything else _masked(plain, self._redact))


def _plain(value: Any, texts: list[str]) -> Any:
    """The value in JSON's own types; every text in it is added to `texts`."""
    if isinstance(value, str):
        texts.append(value)
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(str(key), texts): _plain(inner, texts) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, texts) for inner in value]
    return value


def _masked(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): _masked(inner, redact) for key, inner in value.items()}
    return [_masked(inner, redact) for inner in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- verifying


@dataclass(frozen=True)
class Broken:
    """The first place where a chain is not as it was written. `until` is the last of several missing entries."""

    why: Why
    seq: int
    until: int = 0


@dataclass
class Chain:
    """Walks along one product's chain, entry by entry.

    `sealed_from` is the number of the first entry that was made with the key, where one is given; `seen` are the
    hashes among `noted` that were met, with their entries' numbers.
    """

    seal: Seal
    sealed_from: int = 1
    noted: frozenset[str] = frozenset()
    last: Head = EMPTY
    seen: dict[str, int] = field(default_factory=dict)

    def follow(self, entries: Iterable[Entry]) -> Broken | None:
        """Look at the next entries, in the order of their numbers; the first that does not fit."""
        for entry in entries:
            if why := self._wrong(entry):
                return why
            self.last = Head(entry.seq, entry.hash)
            if entry.hash in self.noted:
                self.seen[entry.hash] = entry.seq
        return None

    def _wrong(self, entry: Entry) -> Broken | None:
        expected = self.last.seq + 1
        if entry.seq != expected:
            return _misplaced(entry.seq, expected)
        if entry.key not in ("", self.seal.key):
            return Broken("other_key", expected)
        if self.seal.key and not entry.key and expected >= self.sealed_from:
            return Broken("unsealed", expected)
        if self.seal.hash_of(entry) != entry.hash:
            return Broken("changed", expected)
        return Broken("order", expected) if entry.previous != self.last.hash else None

    def end(self, head: Head, last: int) -> Broken | None:
        """Whether the chain ends where its head says; `last` is the highest number that there is."""
        if self.last.seq < head.seq:
            return Broken("missing", self.last.seq + 1, head.seq)
        if last != head.seq:
            return Broken("beyond", head.seq + 1)
        return Broken("head", head.seq) if self.last != head else None


def _misplaced(seq: object, expected: int) -> Broken:
    if isinstance(seq, int) and seq > expected:
        return Broken("missing", expected, seq - 1)
    return Broken("order", expected)
