"""The cases, as they stand in cases.json, and the evaluators that judge one answer."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import EvaluationReason, Evaluator, EvaluatorContext

from core_hub.reader import Reading

CASES = Path(__file__).parent / "cases.json"
FIELDS = ("category", "amount_cents", "suspicious")


@dataclass
class Facts:
    """What the record says about a case besides its result."""

    critical: bool


@dataclass
class Agrees(Evaluator[str, Reading, Facts]):
    """Whether one field of the answer is the expected one; named after the field."""

    field: str

    def get_default_evaluation_name(self) -> str:
        """The field's name, under which the report is read."""
        return self.field

    def evaluate(self, ctx: EvaluatorContext[str, Reading, Facts]) -> EvaluationReason:
        """Compare the field; the reason names both values."""
        expected, found = getattr(ctx.expected_output, self.field), getattr(ctx.output, self.field)
        return EvaluationReason(expected == found, f"expected {expected!r}, found {found!r}")


def dataset(only: Sequence[str] = ()) -> Dataset[str, Reading, Facts]:
    """The suite, or these cases of it. Raises ValueError or KeyError when cases.json is damaged."""
    raw: list[dict[str, Any]] = json.loads(CASES.read_text(encoding="utf-8"))
    cases = [
        Case(
            name=case["id"],
            inputs=case["text"],
            expected_output=Reading(**case["expect"]),
            metadata=Facts(case["critical"]),
        )
        for case in raw
        if not only or case["id"] in only
    ]
    return Dataset(name="reader", cases=cases, evaluators=[Agrees(field) for field in FIELDS])


def suite_hash() -> str:
    """The hash of the cases alone: their order of keys and the file's layout do not count."""
    canonical = json.dumps(json.loads(CASES.read_text(encoding="utf-8")), sort_keys=True, ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
