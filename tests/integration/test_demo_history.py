"""The demo's repository: always the same commits, and candidates that go well and badly as told."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.demo.history import EXAMPLE, build_history
from pipeline.config import Playbook, parse
from pipeline.environment import base
from pipeline.errors import RepositoryError

ON_MAIN = ("v0.1.0", "v0.2.0-rc.1", "v0.3.0-rc.1", "v0.4.0-rc.1")
TAGS = (*ON_MAIN, "v0.9.0-rc.1")


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("history") / "core-hub.git"
    begun = time.monotonic()
    build_history(destination)
    assert time.monotonic() - begun < 5  # about 0.5 s on an idle machine
    return destination


def check_out(repository: Path, tag: str, folder: Path) -> Path:
    git(repository, "-c", "core.bare=false", f"--work-tree={folder}", "checkout", "-q", tag, "--", ".")
    return folder


def test_the_same_commits_whoever_builds_them(repository: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text(
        "[user]\nname = Eve\n[core]\nautocrlf = true\n[commit]\ngpgSign = true\n[init]\ndefaultBranch = trunk\n"
    )
    (tmp_path / "repository").mkdir()
    stranger = base() | {
        "HOME": str(tmp_path),
        "TZ": "Asia/Tokyo",
        "GIT_AUTHOR_NAME": "Eve",
        "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
        "GIT_DIR": str(tmp_path / "elsewhere"),
    }
    code = "import sys, pathlib, bot.demo.history as h; h.build_history(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "repository")]
    subprocess.run(command, check=True, env=stranger, cwd=EXAMPLE.parents[1], timeout=60)
    assert git(tmp_path / "repository", "show-ref") == git(repository, "show-ref")
    assert git(repository, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(repository, "fsck", "--strict") == ""


def test_tags_are_annotated_and_stand_on_main_in_order(repository: Path) -> None:
    assert git(repository, "tag", "--sort=v:refname").splitlines() == [*ON_MAIN, "v0.9.0-rc.1"]
    assert {git(repository, "cat-file", "-t", tag) for tag in TAGS} == {"tag"}
    commits = git(repository, "rev-list", "--reverse", "main").splitlines()
    places = [commits.index(git(repository, "rev-parse", f"{tag}^{{commit}}")) for tag in ON_MAIN]
    assert (places, len(commits)) == ([0, 7, 10, 13], 14)
    assert git(repository, "rev-parse", "v0.9.0-rc.1^{commit}") not in commits
    assert git(repository, "merge-base", "experiment", "main") == git(
        repository, "rev-parse", "v0.2.0-rc.1^{}"
    )


def test_people_and_trailers(repository: Path) -> None:
    authors = set(git(repository, "log", "--format=%an <%ae>", "main").splitlines())
    names = ("Dana Souza", "Sam Costa", "Lee Park", "Kim Lima")
    assert authors == {f"{name} <{name.split()[0].lower()}@example.com>" for name in names}
    trailers = git(repository, "log", "--format=%(trailers:only,unfold)", "v0.1.0..v0.2.0-rc.1")
    keys = {line.split(":")[0] for line in trailers.splitlines() if line}
    assert keys == {"Customer-Note", "Customer-Note-pt", "Risk", "Flag", "Rollback", "Migration"}
    assert "BREAKING CHANGE:" in git(repository, "log", "-1", "--format=%B", "experiment")


@pytest.mark.parametrize("tag", TAGS)
def test_every_version_is_complete_and_lints_itself(tag: str, repository: Path, tmp_path: Path) -> None:
    playbook = parse(Playbook, git(repository, "show", f"{tag}:playbook.toml"), tag)
    files = git(repository, "ls-tree", "-r", "--name-only", tag).splitlines()
    assert not [file for file in files if file.startswith("history/") or "__pycache__" in file]
    for component in playbook.components.values():
        assert all(any(file.startswith(source) for file in files) for source in component.sources)
    tree = check_out(repository, tag, tmp_path)
    for command in (playbook.tests["lint"].run, ("ruff", "format", "--check", "--no-cache", ".")):
        done = subprocess.run(command, cwd=tree, env=base(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout


def evaluate(repository: Path, tag: str, folder: Path) -> tuple[Playbook, dict[str, Any]]:
    tree = check_out(repository, tag, folder)
    playbook = parse(Playbook, (tree / "playbook.toml").read_text(encoding="utf-8"), tag)
    assert playbook.evaluation
    argv = [part.replace("{output}", str(folder / "eval.json")) for part in playbook.evaluation.run]
    subprocess.run(argv, check=True, cwd=tree, env=base(), timeout=60)
    record: dict[str, Any] = json.loads((folder / "eval.json").read_text(encoding="utf-8"))
    assert (len(record["cases"]), record["errors"]) == (playbook.evaluation.cases, [])
    return playbook, record


def lost(record: dict[str, Any]) -> dict[str, bool]:
    """The cases that are not passed, each with whether it is critical."""
    return {case["id"]: case["critical"] for case in record["cases"] if not case["passed"]}


def over_thresholds(playbook: Playbook, record: dict[str, Any]) -> list[str]:
    assert playbook.evaluation
    metrics = record["metrics"]
    low = [name for name, least in playbook.evaluation.minimum.items() if metrics[name] < least]
    return low + [name for name, most in playbook.evaluation.maximum.items() if metrics[name] > most]


def test_only_v0_3_0_fails_the_evaluation_by_four_named_cases(repository: Path, tmp_path: Path) -> None:
    records = {}
    for tag in ON_MAIN[1:]:
        (tmp_path / tag).mkdir()
        playbook, record = evaluate(repository, tag, tmp_path / tag)
        records[tag] = record
        assert bool(over_thresholds(playbook, record)) == (tag == "v0.3.0-rc.1")
    assert len({record["suite_hash"] for record in records.values()}) == 1
    assert lost(records["v0.2.0-rc.1"]) == lost(records["v0.4.0-rc.1"]) == {"c15-amount-in-words": False}
    assert lost(records["v0.3.0-rc.1"]) == {
        "c05-metered-api": False,
        "c07-refund-order": True,
        "c13-invoice-number": False,
        "c14-purchase-year": False,
        "c15-amount-in-words": False,
    }


def test_the_tests_of_v0_3_0_see_nothing_wrong(repository: Path, tmp_path: Path) -> None:
    tree = check_out(repository, "v0.3.0-rc.1", tmp_path)
    playbook = parse(Playbook, (tree / "playbook.toml").read_text(encoding="utf-8"), "v0.3.0-rc.1")
    subprocess.run(playbook.tests["unit"].run, check=True, cwd=tree, env=base(), timeout=60)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RepositoryError, match="is not an empty folder"):
        build_history(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_the_example_the_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="an installed package brings no examples"):
        build_history(tmp_path / "core-hub.git", tmp_path / "nowhere")


def test_a_patch_that_does_not_apply_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    example = check_out_example(tmp_path / "example")
    (example / "core_hub" / "reader.py").write_text("# somebody changed this\n")
    with pytest.raises(RepositoryError, match=r"(?s)`git am` failed: .*history/README\.md says what to do"):
        build_history(tmp_path / "made" / "core-hub.git", example)
    assert list((tmp_path / "made").iterdir()) == []


def check_out_example(folder: Path) -> Path:
    """The example as it is in this checkout, without what running it left behind."""
    for source in EXAMPLE.rglob("*"):
        if source.is_file() and "__pycache__" not in source.parts:
            target = folder / source.relative_to(EXAMPLE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return folder
