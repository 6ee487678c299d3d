"""The evaluation's record is complete, whatever it says about the reader."""

import json
from pathlib import Path

import pytest

from evals.run import main


def test_a_record_of_twenty_cases(tmp_path: Path) -> None:
    output = tmp_path / "eval.json"
    assert main(["--output", str(output)]) == 0
    record = json.loads(output.read_text(encoding="utf-8"))
    assert (len(record["cases"]), record["errors"], record["tool"]) == (20, [], "pydantic-evals")
    assert all(0 <= case["score"] <= 1 and case["error"] is None for case in record["cases"])


def test_some_cases_alone(tmp_path: Path) -> None:
    output = tmp_path / "eval.json"
    cases = ["c05-metered-api", "c07-refund-order"]
    assert main(["--output", str(output), "--case", *cases]) == 0
    record = json.loads(output.read_text(encoding="utf-8"))
    assert [case["id"] for case in record["cases"]] == cases


def test_a_record_that_cannot_be_written_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path / "none" / "eval.json")]) == 1
    assert "No record was written" in capsys.readouterr().err
