"""Reading what evaluation tools write, each in its own form, into one neutral record. Pure.

Whatever the bytes: a Record, or an UnreadableError that says why.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from pipeline.evals import deepeval, inspect_ai, junit, neutral, promptfoo, pydantic_evals
from pipeline.evals.record import Case, Record, UnreadableError, unreadable
from pipeline.plain import plain

__all__ = ["FAILED_CODES", "READERS", "Case", "Record", "UnreadableError", "read"]

READERS: Mapping[str, Callable[[bytes], Record]] = {
    "neutral": neutral.read,
    "pydantic-evals": pydantic_evals.read,
    "promptfoo": promptfoo.read,
    "inspect-ai": inspect_ai.read,
    "deepeval": deepeval.read,
    "junit": junit.read,
}

FAILED_CODES: Mapping[str, frozenset[int]] = {
    "promptfoo": frozenset({100}),
    "deepeval": frozenset({1}),
    "junit": frozenset({1}),
}
"""Exit codes besides 0 by which a tool says that cases failed: there is a verdict. deepeval and JUnit are pytest's."""


class _Shape(BaseModel):
    """The keys by which the forms are told apart; what stands under them does not matter here."""

    suite_hash: Any = None
    failures: Any = None
    eval_id: Any = Field(None, alias="evalId")
    eval: Any = None
    test_cases: Any = Field(None, alias="testCases")


def read(data: bytes, format_: str | None) -> Record:
    """Read a report of this format; without one, a report of pydantic-evals or the neutral record, by its shape.

    Raises UnreadableError, and never anything else.
    """
    if not data.strip():
        raise UnreadableError("report_missing")
    looks = _looks_like(data)
    wanted = format_ or ("neutral" if looks == "neutral" else "pydantic-evals")
    try:
        return READERS[wanted](data)
    except UnreadableError as error:
        raise _mistaken(error, wanted, looks) from error
    except ValidationError as error:  # a value that no record can hold, such as a negative number of tokens
        raise unreadable(error, wanted) from error
    except (ValueError, OverflowError, RecursionError) as error:
        why = plain(str(error) or type(error).__name__)
        raise UnreadableError("report_unreadable", format=wanted, place="the report", why=why) from error


def _mistaken(error: UnreadableError, wanted: str, looks: str | None) -> UnreadableError:
    """It may be a good report of another tool."""
    if looks is None or looks == wanted:
        return error
    return UnreadableError("report_of_another", format=wanted, looks=looks)


def _looks_like(data: bytes) -> str | None:
    """Which format a report seems to be in; None when that cannot be told."""
    head = data[:200].lstrip()
    if head.startswith(b"PK\x03\x04"):
        return "inspect-ai (.eval)"
    if head.startswith(b"<"):
        return "junit"
    try:
        shape = _Shape.model_validate_json(data)
    except ValidationError:
        return None
    signs = {
        "neutral": shape.suite_hash,
        "pydantic-evals": shape.failures,
        "promptfoo": shape.eval_id,
        "inspect-ai": shape.eval,
        "deepeval": shape.test_cases,
    }
    return next((name for name, found in signs.items() if found is not None), None)
