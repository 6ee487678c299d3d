"""Reading a suite's JUnit XML: named steps must be there and *passed*; skipped is not passed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import defusedxml.ElementTree
from junitparser import Error, Failure, JUnitXmlError, TestCase

from pipeline.plain import plain

LARGEST = 20_000_000
"""Bytes of a report that are read at most: far beyond any suite, far below what would fill the memory."""

SHOWN = 50
"""How many failures are kept with their text."""

_RANK = {"passed": 0, "skipped": 1, "failed": 2}


@dataclass(frozen=True)
class SuiteResult:
    """How a suite ended. `steps` has each test's outcome (passed, skipped, failed) by its name.

    `missing` are the required steps that were not run or skipped; `failures` has a short text by name.
    """

    passed: bool
    steps: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


def read_suite(path: Path, required: Sequence[str], dry_run: Sequence[str] = ()) -> SuiteResult:
    """Read a report. Never raises: a report that cannot be read is a failure that says why.

    Steps of `dry_run` are required too, and must have the property `dry_run` with the value "true".

    A required step is matched by its whole name, whatever its case, a `test_` before it, and
    underscores, hyphens or spaces in it; of several tests with one name, the worst counts.
    """
    try:
        root = _parse(path)
        steps, failures = _steps(root)
        failures |= _in_earnest(root, dry_run)
    except (OSError, ValueError, SyntaxError, LookupError, RecursionError, JUnitXmlError) as error:
        return SuiteResult(False, missing=(*required, *dry_run), failures={"report": _unreadable(error)})
    missing = _missing(steps, [*required, *dry_run])
    if not steps:
        failures["report"] = "The report has no tests in it."
    elif not failures and "passed" not in steps.values():
        failures["report"] = "No test passed."
    return SuiteResult(not missing and not failures, steps, missing, dict(list(failures.items())[:SHOWN]))


def _in_earnest(root: Any, dry_run: Sequence[str]) -> dict[str, str]:
    """The steps that did not say that they were a dry run, with what is wrong about that."""
    said: set[str] = set()
    for case in root.iter("testcase"):
        values = {prop.get("name"): str(prop.get("value")).casefold() for prop in case.iter("property")}
        if values.get("dry_run") == "true":
            said.add(normal(case.get("name") or ""))
    why = 'It did not say that it was a dry run: its property "dry_run" is not "true".'
    return {plain(step, 150): why for step in dry_run if normal(step) not in said}


def _missing(steps: Mapping[str, str], required: Sequence[str]) -> tuple[str, ...]:
    by_name: dict[str, str] = {}
    for name, outcome in steps.items():
        by_name[normal(name)] = _worse(by_name.get(normal(name)), outcome)
    return tuple(step for step in required if by_name.get(normal(step), "skipped") == "skipped")


def _worse(one: str | None, other: str) -> str:
    return other if one is None else max(one, other, key=_RANK.__getitem__)


def normal(name: str) -> str:
    """A step's name as it is compared: "Create charge", "create-charge" and "test_create_charge" are one."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold().removeprefix("test ")


def _parse(path: Path) -> Any:
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"it has {size:,} bytes, and at most {LARGEST:,} are read")
    return parse_xml(path.read_bytes())


def parse_xml(data: bytes) -> Any:
    """The root of an XML report. Raises ValueError (also for entities and a DTD) or SyntaxError."""
    if not data:
        raise ValueError("it is empty")
    return defusedxml.ElementTree.fromstring(data, forbid_dtd=True)


def _steps(root: Any) -> tuple[dict[str, str], dict[str, str]]:
    steps: dict[str, str] = {}
    failures: dict[str, str] = {}
    for element in root.iter("testcase"):
        case: TestCase = TestCase.fromelem(element)  # type: ignore[no-untyped-call]  # junitparser left it untyped
        name = plain(case.name or "(no name)", 150)
        outcome, text = _outcome(case)
        if outcome == "failed":
            failures.setdefault(name, text)
        steps[name] = _worse(steps.get(name), outcome)
    return steps, failures or dict(suites_errors(root))


def _outcome(case: TestCase) -> tuple[str, str]:
    for result in case.result:
        if isinstance(result, Failure | Error):
            return "failed", plain(result.message or result.text or "failed without a message", 300)
    return ("skipped" if case.is_skipped else "passed"), ""


def suites_errors(root: Any) -> Iterator[tuple[str, str]]:
    """A suite that broke outside its tests counts errors that no test has."""
    for suite in root.iter("testsuite"):
        for kind in ("errors", "failures"):
            if int(suite.get(kind) or 0) > 0:
                yield plain(suite.get("name") or "suite", 150), f"The suite counts {kind} that no test shows."


def _unreadable(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "There is no report: the suite wrote none."
    reason = (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
    return f"The report cannot be read: {plain(reason)}."
