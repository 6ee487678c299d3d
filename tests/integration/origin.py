"""A real repository to release from: a bare origin and a clone in which people work."""

import os
import subprocess
from pathlib import Path

from pipeline.adapters.git import GitRepository

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ana Lima",
    "GIT_AUTHOR_EMAIL": "ana@example.org",
    "GIT_COMMITTER_NAME": "Ana Lima",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
}


class Origin:
    """`path` is the bare repository; `work` the clone that commits and pushes to it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.work = folder / "origin.git", folder / "work"
        self._clock = 1_760_000_000
        folder.mkdir(parents=True, exist_ok=True)
        self._run(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        self._run(folder, "clone", "--quiet", str(self.path), str(self.work))
        self.git("checkout", "--quiet", "-B", "main")

    def git(self, *arguments: str) -> str:
        return self._run(self.work, *arguments)

    def bare(self, *arguments: str) -> str:
        return self._run(self.path, *arguments)

    def commit(self, message: str, files: dict[str, str | bytes] | None = None) -> str:
        """Commit on the current branch and push it; the commit's SHA."""
        for name, content in (files or {}).items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-m", message)
        self.git("push", "--quiet", "--force", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str, commit: str = "HEAD", *, annotated: bool = True) -> None:
        """Make or move a tag, here and at the origin."""
        self.git("tag", "--force", *(["-a", "-m", name] if annotated else []), name, commit)
        self.git("push", "--quiet", "--force", "origin", f"refs/tags/{name}")

    def hook(self, name: str, script: str) -> None:
        """Install a hook at the origin."""
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def repository(self, mirror: Path | None = None, *, branch: str = "main") -> GitRepository:
        """The product's adapter on this origin."""
        return repository(str(self.path), mirror or self.path.with_name("mirror.git"), branch=branch)

    def _run(self, folder: Path, *arguments: str) -> str:
        self._clock += 60
        date = f"@{self._clock} +0000"
        env = ENV | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def repository(url: str, mirror: Path, *, branch: str = "main") -> GitRepository:
    """The product's adapter on any address."""
    return GitRepository(url=url, branch=branch, mirror=mirror, committer=("Release Bot", "bot@example.org"))
