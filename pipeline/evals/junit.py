"""JUnit XML, which many test runners write: one test is one case. Read safely by pipeline/junit.py.

It has no inputs, so that the suite is known by its tests' names alone. Properties of a test (pytest's
`record_property`) give what else there is: cost_usd, tokens, critical; of a suite, the model and prompt_hash.
"""

from collections.abc import Iterator
from typing import Any

from junitparser import Error, Failure, JUnitXmlError, TestCase

from pipeline.evals.record import Case, Record, UnreadableError, case_id, suite_hash, tokens_of
from pipeline.junit import parse_xml, suites_errors
from pipeline.plain import plain

NAME = "junit"


def read(data: bytes) -> Record:
    """Raises UnreadableError."""
    try:
        return _record(parse_xml(data)).measured()
    except (ValueError, SyntaxError, LookupError, RecursionError, JUnitXmlError) as error:
        why = plain(str(error) or type(error).__name__)
        raise UnreadableError("report_unreadable", format=NAME, place="the report", why=why) from error


def _record(root: Any) -> Record:
    cases = tuple(_case(element) for element in root.iter("testcase"))
    about = dict(_properties(root.find("testsuite") if root.tag == "testsuites" else root))
    suite = next(root.iter("testsuite"), None)
    shown = any(case.error or not case.passed for case in cases)
    return Record(
        tool=about.get("tool", NAME),
        tool_version=about.get("tool_version", ""),
        subject=(suite.get("name") if suite is not None else "") or NAME,
        suite_hash=about.get("suite_hash") or suite_hash(sorted(case.id for case in cases)),
        model=about.get("model", ""),
        prompt_hash=about.get("prompt_hash", ""),
        errors=() if shown else tuple(why for _, why in suites_errors(root)),
        cases=cases,
    )


def _case(element: Any) -> Case:
    case: TestCase = TestCase.fromelem(element)  # type: ignore[no-untyped-call]  # junitparser left it untyped
    name, group = case.name or "(no name)", case.classname or ""
    about, error = dict(_properties(element)), _error(case)
    failed = any(isinstance(result, Failure) for result in case.result)
    return Case(
        id=case_id(f"{group}.{name}" if group else name),
        passed=not failed and not error,
        score=float(not failed) if not error else None,
        latency_ms=case.time * 1000 if case.time is not None else None,
        cost_usd=_number(about.get("cost_usd")),
        tokens=tokens_of(_number(about.get("tokens"))),
        critical=about.get("critical", "").casefold() in ("true", "1", "yes"),
        error=error,
        tags=tuple(tag[:200] for tag in (name, group, *(f"{key}={value}" for key, value in about.items()))),
    )


def _error(case: TestCase) -> str | None:
    """Why it was not measured: it broke, or it was skipped."""
    broken = next((result for result in case.result if isinstance(result, Error)), None)
    if broken is not None:
        return plain(broken.message or broken.text or "it broke without a message", 300) or "it broke"
    return "it was skipped" if case.is_skipped else None


def _properties(element: Any) -> Iterator[tuple[str, str]]:
    found = element.find("properties") if element is not None else None
    for each in found if found is not None else ():
        yield each.get("name") or "", each.get("value") or ""


def _number(text: str | None) -> float | None:
    return float(text) if text else None
