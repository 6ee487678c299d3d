"""Labels, reasons and verdicts: plain data that is stored, compared and bound to an approval."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Label = Literal[
    "safe",
    "needs-window",
    "destructive",
    "irreversible",
    "breaks-old-version",
    "fails-to-apply",
    "unknown",
]

CODES: Mapping[Label, tuple[str, ...]] = {
    "fails-to-apply": ("fails", "fails_with_rows", "not_kept"),
    "breaks-old-version": (
        "gone",
        "renamed",
        "values_gone",
        "required_column",
        "default_gone",
        "not_null",
        "new_constraint",
        "key_gone",
        "type_changed",
        "written_by_database",
        "trigger_refuses",
        "trigger_gone",
        "rule_added",
        "row_security",
        "policy_changed",
        "revoked",
        "owner_changed",
        "result_changed",
        "sequence_back",
        "not_updatable",
        "rows_hidden",
        "old_write_refused",
    ),
    "destructive": (
        "drops",
        "truncates",
        "deletes",
        "overwrites",
        "may_change",
        "unrun",
        "loses_values",
        "narrows",
        "unlogged",
    ),
    "irreversible": (
        "downgrade_unreadable",
        "downgrade_missing",
        "downgrade_empty",
        "downgrade_raises",
        "downgrade_fails",
        "downgrade_partial",
        "data_not_back",
        "up_again_fails",
    ),
    "needs-window": (
        "window_rewrite",
        "window_scan",
        "window_update",
        "window_lock",
        "window_reindex",
        "window_refresh",
        "window_lint",
    ),
    "unknown": (
        "not_measured",
        "not_rendered",
        "too_slow",
        "unread",
        "edited",
        "environment",
        "other_database",
        "here_missing",
    ),
    "safe": (),
}
"""Which reasons give which label. The sentence of each is in handlers/text/verdicts.py."""

LABELS: tuple[Label, ...] = tuple(CODES)
"""Worst first, as they are told."""

_LABEL_OF: Mapping[str, Label] = {code: label for label, codes in CODES.items() for code in codes}
_SHOWN = 25  # reasons of one label: a migration that drops a hundred tables is judged by the first


@dataclass(frozen=True)
class Reason:
    """Why a label holds: a code and the facts of its sentence. Compares by both."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return json.dumps([self.code, self.facts], sort_keys=True, default=str)


def reason(code: str, **facts: Any) -> Reason:
    """A reason. Its code is one of CODES."""
    return Reason(code, facts)


def label_of(code: str) -> Label:
    """The label that a reason gives. Raises KeyError for a code that there is not."""
    return _LABEL_OF[code]


@dataclass(frozen=True)
class Verdict:
    """What is to be known of one revision before it runs; `labels` is never empty, and `safe` stands alone.

    `notes` are reasons, too, of no label: what a reader of a safe verdict should have in mind.
    """

    revision: str
    title: str
    labels: tuple[Label, ...]
    reasons: tuple[Reason, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Reason, ...] = ()

    @property
    def safe(self) -> bool:
        return self.labels == ("safe",)


def verdict_of(
    revision: str,
    title: str,
    reasons: Iterable[Reason],
    evidence: Mapping[str, Any] | None = None,
    notes: Iterable[Reason] = (),
) -> Verdict:
    """The verdict that these reasons make: their labels, worst first; `safe` when there is none."""
    distinct = {one.key: one for one in reasons}
    by_label = {label: [one for one in distinct.values() if label_of(one.code) == label] for label in LABELS}
    labels: tuple[Label, ...] = tuple(label for label in LABELS if by_label[label]) or ("safe",)
    kept = tuple(one for label in LABELS for one in by_label[label][:_SHOWN])
    told = tuple({one.key: one for one in notes}.values())
    return Verdict(revision, title, labels, kept, evidence or {}, told)


def as_plain(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON data, to store; `from_plain` reads it back."""
    return {
        "revision": verdict.revision,
        "title": verdict.title,
        "labels": list(verdict.labels),
        "reasons": [[one.code, dict(one.facts)] for one in verdict.reasons],
        "evidence": dict(verdict.evidence),
        "notes": [[one.code, dict(one.facts)] for one in verdict.notes],
    }


def from_plain(stored: Mapping[str, Any]) -> Verdict:
    """A verdict from `as_plain`'s data."""
    return Verdict(
        stored["revision"],
        stored["title"],
        tuple(stored["labels"]),
        tuple(Reason(code, facts) for code, facts in stored["reasons"]),
        stored.get("evidence", {}),
        tuple(Reason(code, facts) for code, facts in stored.get("notes", ())),
    )


def digest(verdicts: Iterable[Mapping[str, Any]]) -> str:
    """A hash of stored verdicts' substance: revisions, labels and reasons, not how long it took to measure."""
    substance = [[one["revision"], one["labels"], one["reasons"]] for one in verdicts]
    text = json.dumps(substance, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
