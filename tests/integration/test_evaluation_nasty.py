"""Evaluations that hang, print without end, write half a file, or far too much: with real processes."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipeline.adapters.commands import LocalRunner
from pipeline.config import Evaluation
from pipeline.ports import Command, CommandResult, Runner
from pipeline.stages.evaluating import MOST_BYTES, sendable, with_cases
from tests.house import open_house
from tests.integration.test_evaluation_gate import codes, evaluated
from tests.world import PLAYBOOK, World


@dataclass
class RealEvaluation:
    """Everything in memory but the evaluation, which is a process."""

    others: Runner
    real: Runner

    async def run(self, command: Command) -> CommandResult:
        runner = self.real if command.name.startswith("evaluation") else self.others
        return await runner.run(command)


def playbook(script: str, timeout: str = "20s") -> str:
    command = f"run = ['{sys.executable}', '-c', '''{script}''', '{{output}}']\ntimeout = \"{timeout}\""
    return PLAYBOOK.replace('run = "evaluate {output}"', command)


WRITES = {
    "half a file": (
        """import sys; open(sys.argv[1], "w").write('{"tool": "t", "cases": [')""",
        "report_unreadable",
    ),
    "a gigabyte": ("""import sys; open(sys.argv[1], "wb").truncate(1 << 30)""", "report_too_large"),
    "a pipe that nobody writes": ("""import os, sys; os.mkfifo(sys.argv[1])""", "report_missing"),
    "a link out of its folder": (
        """import os, sys; os.symlink("/etc/passwd", sys.argv[1])""",
        "report_missing",
    ),
    "a folder with two files": (
        """import os, sys; os.mkdir(sys.argv[1]); [open(f"{sys.argv[1]}/{n}", "w") for n in "ab"]""",
        "report_several",
    ),
    "an empty folder": ("""import os, sys; os.mkdir(sys.argv[1])""", "report_missing"),
}


@pytest.mark.parametrize("name", WRITES)
async def test_what_it_wrote_is_no_verdict_and_is_named(tmp_path: Path, name: str) -> None:
    script, code = WRITES[name]
    async with open_house(tmp_path, world=World(playbook=playbook(script))) as house:
        house.made = replace(house.made, runner=RealEvaluation(house.made.runner, LocalRunner(str)))
        shown = await evaluated(house)
        assert codes(shown)[0] == code
        report = house.service.folder(shown.release) / "reports" / "evaluation" / "report.out"
        assert not report.is_file() or report.is_symlink() or report.stat().st_size <= MOST_BYTES


async def test_one_that_prints_without_end_and_hangs_is_stopped_and_its_log_bounded(tmp_path: Path) -> None:
    script = "while True: print('a line of output')"
    async with open_house(tmp_path, world=World(playbook=playbook(script, "1s"))) as house:
        house.made = replace(house.made, runner=RealEvaluation(house.made.runner, LocalRunner(str)))
        shown = await evaluated(house)
        run = shown.runs["evaluation"]
        assert (run.code, run.facts["timed_out"]) == ("evaluation_not_run", True)
        assert len(run.facts["tail"]) == 12
        assert "time limit of 1 s" in run.facts["tail"][-1]


async def test_a_report_in_a_folder_is_read(tmp_path: Path) -> None:
    """As tools write that name their files themselves, with a lock beside them."""
    script = """import os, shutil, sys; os.mkdir(sys.argv[1]); open(f"{sys.argv[1]}/.lock", "w"); """
    data = Path(__file__).parents[1] / "data" / "evals" / "deepeval" / "passed.json"
    script += f"""shutil.copy("{data}", f"{{sys.argv[1]}}/run_1.json")"""
    wanted = playbook(script).replace("cases = 2\n", 'cases = 2\nformat = "deepeval"\n')
    async with open_house(tmp_path, world=World(playbook=wanted)) as house:
        house.made = replace(house.made, runner=RealEvaluation(house.made.runner, LocalRunner(str)))
        assert (await evaluated(house)).runs["evaluation"].code == "evaluation_passed"


def test_how_cases_are_told_to_the_command() -> None:
    assert with_cases(("run", "--case", "{cases}"), ["a b", "c"]) == ("run", "--case", "a b", "c")
    assert with_cases(("run", "--only={cases}"), ["a b", "c"]) == ("run", "--only=a b,c")


def test_ids_that_could_be_taken_for_something_else_are_not_run_again() -> None:
    ids = ["fine", "--help", "a,b", "nul\x00", "two\nlines", "ünï"]
    assert sendable(("run", "{cases}"), ids) == ["fine", "a,b", "ünï"]
    assert sendable(("run", "--only={cases}"), ids) == ["fine", "--help", "ünï"]


def test_a_rerun_names_its_cases() -> None:
    with pytest.raises(ValueError, match=r"should have \{cases\} in it"):
        Evaluation(run=("evaluate",), cases=1, rerun=("evaluate", "{output}"))
