"""The demo's repository: Core Hub as it was released once, and the candidates that came after.

`examples/core-hub` is the tree of v0.1.0. What follows are ordinary patches, one per commit, in
`examples/core-hub/history/BRANCH/TAG/`: git applies a folder's patches in order and tags the last
one. Names and dates are fixed, so the same files give the same commits wherever this runs.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from semver import Version

from pipeline.errors import RepositoryError

EXAMPLE = Path(__file__).parents[2] / "examples" / "core-hub"
FIRST_TAG = "v0.1.0"
FIRST_DATE = "2026-09-01T09:00:00+00:00"
FIRST_MESSAGE = "feat: take charges, have them approved, send them"
BRANCHES = (("main", FIRST_TAG), ("experiment", "v0.2.0-rc.1"))
"""Each branch and the tag it starts from, in the order in which they are made."""

MERGER = ("Dana Souza", "dana@example.com")
"""Who commits: everybody writes patches, one person merges them."""

SECONDS = 60.0
"""The most one git command may take; all of them together take about one second."""


def build_history(destination: Path, example: Path = EXAMPLE) -> None:
    """Make the bare repository at `destination`, which must not be there yet or be an empty folder.

    Branches `main` and `experiment`; annotated tags v0.1.0, v0.2.0-rc.1, v0.3.0-rc.1, v0.4.0-rc.1 on
    main and v0.9.0-rc.1 on experiment. Nothing is left behind when it fails. Raises RepositoryError.
    """
    _check(destination, example)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".history-") as folder:
            _build(example, Path(folder)).rename(destination)
    except OSError as error:
        raise RepositoryError(
            f"The demo's repository could not be made at {destination}: {error}. "
            "Next: choose a folder that can be written."
        ) from error


def _build(example: Path, folder: Path) -> Path:
    work, bare = folder / "work", folder / "bare.git"
    git = _Git(work, folder)
    _commit_first(example, git)
    for branch, start in BRANCHES:
        git("checkout", "-q", "-B", branch, f"{start}^{{commit}}")
        for step in _steps(example / "history" / branch):
            patches = sorted(str(patch) for patch in step.glob("*.patch"))
            git("am", "-q", "--committer-date-is-author-date", "--no-gpg-sign", *patches)
            _tag(git, step.name, f"Candidate {step.name}", git("log", "-1", "--format=%aI"))
    git("init", "-q", "--bare", "--template=", "-b", "main", str(bare))
    git("push", "-q", "--mirror", str(bare))
    return bare


def _commit_first(example: Path, git: "_Git") -> None:
    unwanted = shutil.ignore_patterns("history", "__pycache__", ".*_cache")
    shutil.copytree(example, git.work, ignore=unwanted)
    git("init", "-q", "--template=", "-b", "main")
    # A file's mode depends on how this package was unpacked; its content does not.
    git("config", "core.fileMode", "false")
    git("add", "--all")
    git("commit", "-q", "--no-gpg-sign", "-m", FIRST_MESSAGE, date=FIRST_DATE)
    _tag(git, FIRST_TAG, "Core Hub 0.1.0", FIRST_DATE)


def _steps(branch: Path) -> Iterator[Path]:
    """The branch's folders by rising version; each is named after the tag that it leads to."""
    folders = [folder for folder in branch.iterdir() if folder.is_dir()]
    yield from sorted(folders, key=lambda folder: Version.parse(folder.name.removeprefix("v")))


def _tag(git: "_Git", name: str, message: str, date: str) -> None:
    git("tag", "--no-sign", "-a", "-m", message, name, date=date)


def _check(destination: Path, example: Path) -> None:
    if not (example / "history").is_dir():
        raise RepositoryError(
            f"The demo's product was looked for in {example} and is not there: an installed package brings "
            "no examples. Next: run the demo from a checkout of the release bot's repository."
        )
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise RepositoryError(
            f"The demo's repository was not made: {destination} is there already, and is not an empty folder. "
            "Next: remove it, or choose another one."
        )


class _Git:
    """git in one working folder, deaf to this user's and this machine's configuration."""

    def __init__(self, work: Path, home: Path) -> None:
        self.work = work
        program = shutil.which("git")
        if program is None:
            raise RepositoryError(
                "The demo needs git, which is not on PATH. Next: install git and try again."
            )
        self._program = program
        self._env = _environment(home)

    def __call__(self, *arguments: str, date: str = FIRST_DATE) -> str:
        """Run one command and return its output. Raises RepositoryError with what git said."""
        env = {**self._env, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        try:
            done = subprocess.run(  # noqa: S603 - fixed commands and paths of this package, no shell
                (self._program, *arguments),
                cwd=self.work,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise RepositoryError(_failed(arguments, f"it took over {SECONDS:.0f} s")) from error
        except subprocess.CalledProcessError as error:
            raise RepositoryError(_failed(arguments, error.stderr.strip()[-500:])) from error
        return done.stdout.strip()


def _environment(home: Path) -> Mapping[str, str]:
    name, email = MERGER
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }


def _failed(arguments: tuple[str, ...], why: str) -> str:
    return (
        f"The demo's repository could not be made: `git {arguments[0]}` failed: {why}. Next: if a patch does not "
        "apply, examples/core-hub was changed without its history; its history/README.md says what to do."
    )
