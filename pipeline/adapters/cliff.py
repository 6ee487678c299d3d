"""History as changes and as a changelog entry, by the git-cliff program (ports.ChangelogWriter)."""

import json
import os
import re
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.changes import SUBJECT, is_bookkeeping, read_change, reverted
from pipeline.errors import RepositoryError
from pipeline.plain import plain
from pipeline.process import Output, capture

CONFIG = Path(__file__).with_name("cliff.toml")
TIMEOUT = 120.0
"""Seconds that git-cliff may take."""

_FORGES = ("github", "gitlab", "gitea", "bitbucket", "azure_devops")
_NO_RELEASE: dict[str, object] = {
    "submodule_commits": {},
    **{forge: {"contributors": []} for forge in _FORGES},
}
"""What git-cliff wants to find in a context besides what we know."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class CliffChangelog:
    """Reads `mirror`, the bare repository that pipeline/adapters/git.py keeps. Raises RepositoryError."""

    def __init__(self, *, mirror: Path) -> None:
        self._mirror = mirror.absolute()

    async def context(self, sha: str, base: str | None, version: str) -> list[dict[str, object]]:
        """The commits of base..sha, newest first, as git-cliff sees them; all of them, reverted ones too.

        `sha` and `base` are full commit SHAs.
        """
        for commit in (sha, base or sha):
            if not _COMMIT.fullmatch(commit):
                raise RepositoryError(
                    f"“{plain(commit, 60)}” is no full commit SHA. Next: resolve it in the repository first."
                )
        span = f"{base}..{sha}" if base else sha
        output = await self._run("--context", "--tag", _name(version), "--", span)
        return [commit for release in _parsed(output) for commit in release["commits"]]

    async def entry(self, sha: str, base: str | None, version: str, at: datetime) -> str:
        """The Markdown section `## [X.Y.Z] - YYYY-MM-DD` of this version; the same arguments, the same text."""
        context = await self.context(sha, base, version)
        gone = reverted(context)
        told = [commit for commit in context if commit["id"] not in gone and not is_bookkeeping(commit)]
        shown = [_shown(commit) for commit in told]
        release = {"version": _name(version), "timestamp": int(at.timestamp()), "commits": shown}
        output = await self._run("--from-context", "-", stdin=json.dumps([_NO_RELEASE | release]).encode())
        return output.stdout.decode("utf-8", "replace").strip() + "\n"

    async def _run(self, *arguments: str, stdin: bytes = b"") -> Output:
        place = ("--config", str(CONFIG), "--repository", str(self._mirror), "--workdir", str(self._mirror))
        argv = (_program(), "--offline", "--no-exec", *place, *arguments)
        env = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._mirror), "NO_COLOR": "1"}
        try:
            output = await capture(argv, env=env, timeout=TIMEOUT, stdin=stdin)
        except OSError as error:
            raise RepositoryError(
                f"git-cliff could not be started: {error}. Next: install it again."
            ) from error
        if not output.ok:
            raise RepositoryError(
                f"git-cliff could not read the history: {_said(output)}."
                " Next: fetch the repository; if that does not help, remove the mirror's folder."
            )
        return output


def _program() -> str:
    """The binary of the PyPI package, beside our Python; else the one on PATH."""
    beside = Path(sys.executable).parent
    found = shutil.which("git-cliff", path=str(beside)) or shutil.which("git-cliff")
    if found is None:
        raise RepositoryError("git-cliff is not installed. Next: `pip install git-cliff` where the bot runs.")
    return found


def _parsed(output: Output) -> list[dict[str, Any]]:
    try:
        releases: list[dict[str, Any]] = json.loads(output.stdout)
    except ValueError as error:
        raise RepositoryError(
            f"git-cliff's answer is no JSON: {error}. Next: install the version that the bot was locked with."
        ) from error
    return releases


def _shown(commit: dict[str, object]) -> dict[str, object]:
    """A commit with what the changelog shows of it: one harmless line; what breaks says how.

    In `extra`, because git-cliff reads its own fields from the raw message again.
    """
    change = read_change(commit)
    how = " ".join(change.trailers.get("breaking change", ()))
    line = plain(f"{change.subject}: {how}" if how else change.subject, 2 * SUBJECT)
    return {**commit, "extra": {"line": line, "scope": change.scope or ""}}


def _name(version: str) -> str:
    return plain(version.removeprefix("v"), 60)


def _said(output: Output) -> str:
    lines = [line for line in output.stderr.splitlines() if line.strip() and "INFO" not in line]
    return plain(lines[-1] if lines else "it said nothing", 240).rstrip(".")
