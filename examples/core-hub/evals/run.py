"""`python -m evals.run --output PATH [--case ID ...]`: run the suite and write the neutral result record.

Exit code 0 says that a complete record was written, whatever it says: judging it against the
thresholds of playbook.toml is the release bot's work. The reader behind it is a deterministic
stand-in for a language model (see core_hub.reader), so the costs are notional.
"""

import argparse
import asyncio
import hashlib
import json
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic_evals.reporting import EvaluationReport, ReportCase, ReportCaseFailure

from core_hub import reader
from evals.suite import FIELDS, Facts, dataset, suite_hash

Report = EvaluationReport[str, reader.Reading, Facts]


async def task(text: str) -> reader.Reading:
    """What is evaluated: the product's own function, not a copy."""
    return reader.read(text)


def record(only: list[str]) -> dict[str, Any]:
    """Run all cases, or only those with these ids, one after another, and return the record."""
    suite = dataset(only)
    report = asyncio.run(suite.evaluate(task, max_concurrency=1, progress=False))
    cases = [_case(case) for case in report.cases] + [_failure(case) for case in report.failures]
    cases.sort(key=lambda case: case["id"])
    return {
        "tool": "pydantic-evals",
        "tool_version": version("pydantic-evals"),
        "subject": "core_hub.reader.read",
        "suite_hash": suite_hash(),
        "model": reader.MODEL,
        "prompt_hash": "sha256:" + hashlib.sha256(Path(reader.__file__).read_bytes()).hexdigest(),
        "errors": _errors(report, len(suite.cases)),
        "metrics": _metrics(report, cases),
        "cases": cases,
    }


def _case(case: ReportCase[str, reader.Reading, Facts]) -> dict[str, Any]:
    right = [name for name in FIELDS if name in case.assertions and case.assertions[name].value]
    failures = "; ".join(f"{failure.name}: {failure.error_message}" for failure in case.evaluator_failures)
    usage = reader.usage(case.inputs)
    return {
        "id": case.name,
        "passed": len(right) == len(FIELDS),
        "score": round(len(right) / len(FIELDS), 4),
        "latency_ms": round(case.task_duration * 1000, 3),
        "cost_usd": round(usage.cost_usd, 9),
        "tokens": usage.tokens,
        "critical": case.metadata.critical if case.metadata else False,
        "error": failures or None,
    }


def _failure(case: ReportCaseFailure[str, reader.Reading, Facts]) -> dict[str, Any]:
    return {
        "id": case.name,
        "passed": False,
        "score": 0.0,
        "latency_ms": None,
        "cost_usd": 0.0,
        "tokens": 0,
        "critical": case.metadata.critical if case.metadata else False,
        "error": case.error_message,
    }


def _errors(report: Report, expected: int) -> list[str]:
    found = len(report.cases) + len(report.failures)
    missing = [] if found == expected else [f"{found} of {expected} cases were run"]
    return missing + [f"{case.name}: {case.error_message}" for case in report.failures]


def _metrics(report: Report, cases: list[dict[str, Any]]) -> dict[str, float]:
    latencies = sorted(case["latency_ms"] for case in cases if case["latency_ms"] is not None)
    p95 = statistics.quantiles(latencies, n=20, method="inclusive")[-1] if len(latencies) > 1 else 0.0
    return {
        "accuracy": _share([case["passed"] for case in cases]),
        **{f"{name}_accuracy": _share([_right(case, name) for case in report.cases]) for name in FIELDS},
        "cost_usd": round(sum(case["cost_usd"] for case in cases), 9),
        "latency_ms_p95": round(p95, 3),
    }


def _right(case: ReportCase[str, reader.Reading, Facts], name: str) -> bool:
    return name in case.assertions and bool(case.assertions[name].value)


def _share(results: list[bool]) -> float:
    return round(sum(results) / len(results), 4) if results else 0.0


def main(arguments: list[str]) -> int:
    """Write the record; 1 when it could not be made or written."""
    parser = argparse.ArgumentParser(prog="python -m evals.run", description="Evaluate the reader.")
    parser.add_argument("--output", type=Path, required=True, help="where the record (JSON) is written")
    parser.add_argument("--case", nargs="+", default=[], help="the ids of the cases to run; all without it")
    parsed = parser.parse_args(arguments)
    output: Path = parsed.output
    try:
        text = json.dumps(record(parsed.case), indent=2)
        output.write_text(text + "\n", encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(
            f"No record was written to {output}: {type(error).__name__}: {error}. "
            "Look at evals/cases.json and at the folder of --output.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
