"""Deterministic git objects: the same arguments give the same SHA, so a repeated publication is the same.

Not an adapter itself: what pipeline/adapters/git.py is built from.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from pipeline.adapters.git_cli import Git
from pipeline.changelog import insert_section
from pipeline.errors import RepositoryError
from pipeline.plain import plain_lines

CHANGELOG = "CHANGELOG.md"
TRAILER = "Changelog-For"
"""Marks the commit that brought a version's section, so that it is found again."""

_REGULAR = ("100644", "100755")


@dataclass(frozen=True)
class Signer:
    """Who makes the objects, and when (aware)."""

    name: str
    email: str
    at: datetime

    @property
    def line(self) -> str:
        return f"{_field(self.name)} <{_field(self.email)}> {int(self.at.timestamp())} +0000"

    @property
    def env(self) -> dict[str, str]:
        date = f"@{int(self.at.timestamp())} +0000"
        values = {"NAME": _field(self.name), "EMAIL": _field(self.email), "DATE": date}
        return {
            f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in values.items()
        }


async def tag_object(git: Git, sha: str, tag: str, message: str, signer: Signer) -> str:
    """Write the annotated tag of a commit; its SHA. Nothing refers to it yet."""
    text = plain_lines(message, 20_000) or tag
    content = f"object {sha}\ntype commit\ntag {tag}\ntagger {signer.line}\n\n{text}\n"
    output = await git.run("mktag", doing=f"write the tag {tag}", stdin=content.encode("utf-8", "replace"))
    return output.stdout.decode().strip()


async def changelog_commit(git: Git, tip: str, tag: str, section: str, signer: Signer) -> str | None:
    """Write a commit on `tip` that adds `section` to CHANGELOG.md; its SHA, or None with nothing to add."""
    mode, existing = await _existing(git, tip)
    merged = insert_section(existing, section)
    if merged == (existing or ""):
        return None
    blob = await _write(git, "hash-object", "-w", "--stdin", data=merged.encode("utf-8", "surrogateescape"))
    tree = await _write(git, "mktree", "-z", data=await _tree_with(git, tip, mode, blob))
    message = f"docs(changelog): add {tag}\n\n{TRAILER}: {tag}\n"
    return await _write(git, "commit-tree", tree, "-p", tip, data=message.encode(), env=signer.env)


async def _existing(git: Git, tip: str) -> tuple[str, str | None]:
    listed = await git.run("ls-tree", "-z", tip, CHANGELOG, doing=f"look for {CHANGELOG}")
    if not listed.stdout:
        return _REGULAR[0], None
    mode, _, blob = listed.stdout.split(b"\t")[0].decode().split()
    if mode not in _REGULAR:
        raise RepositoryError(
            f"{CHANGELOG} on the main branch is a link or a folder, so the release's section cannot be added."
            " Next: make it a plain file."
        )
    content = await git.run("cat-file", "blob", blob, doing=f"read {CHANGELOG}")
    return mode, content.stdout.decode("utf-8", "surrogateescape")  # its bytes come back as they were


async def _tree_with(git: Git, tip: str, mode: str, blob: str) -> bytes:
    listed = await git.run("ls-tree", "-z", tip, doing="read the main branch's files")
    name = b"\t" + CHANGELOG.encode()
    others = [entry for entry in listed.stdout.split(b"\0") if entry and not entry.endswith(name)]
    return b"\0".join([*others, f"{mode} blob {blob}".encode() + name, b""])


async def _write(git: Git, *arguments: str, data: bytes, env: dict[str, str] | None = None) -> str:
    output = await git.run(*arguments, doing=f"write the {CHANGELOG} commit", stdin=data, env=env)
    return output.stdout.decode().strip()


def _field(text: str) -> str:
    """A name or address without the characters that structure git's objects."""
    return re.sub(r"[<>\x00-\x1f\x7f]", "", text).strip(" .,:;\"'\\") or "release bot"
