"""One product's git repository through the git program and one bare mirror (ports.Repository)."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath

from pipeline.adapters.git_checkout import checkout
from pipeline.adapters.git_cli import DAMAGED, NETWORK, Git
from pipeline.adapters.git_extent import counted
from pipeline.adapters.git_objects import TRAILER, Signer, changelog_commit, tag_object
from pipeline.adapters.git_tags import SEEN, TAGS, refs, take_tags_over
from pipeline.errors import RepositoryError
from pipeline.plain import plain
from pipeline.ports import Commit, Extent, Published
from pipeline.process import Output

ATTEMPTS = 5
"""How often a publication starts again because the main branch moved meanwhile."""

LARGEST_PATCH = 50_000_000
LARGEST_TEXT = 10_000_000
"""Bytes of a text file that `read` gives back at most."""

_NOT_A_NAME = re.compile(r"^-|^@$|\.\.|@\{|[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]")
_FIELDS = ("%H", "%an", "%ae", "%cI", "%s", "%b")


class GitRepository:
    """A product's repository. `url` may be a path; credentials in it are kept from the list of processes.

    `mirror` is a cache: it may be removed at any time and is fetched again. `committer` is the name
    and address that sign the tags and CHANGELOG commits. All methods raise RepositoryError.
    """

    def __init__(self, *, url: str, branch: str, mirror: Path, committer: tuple[str, str]) -> None:
        self._git = Git(mirror, url)
        self._branch = branch
        self._head = f"refs/heads/{branch}"
        self._committer = committer
        self._writing = asyncio.Lock()
        self._ready = False

    async def fetch(self) -> None:
        """Bring the mirror up to date. A release's tag that moved at the origin is an error."""
        async with self._writing:
            await self._fetch()

    async def tags(self) -> Mapping[str, str]:
        """Every tag and the commit it points at."""
        output = await self._read("show-ref", "--tags", "--dereference", doing="list the tags", codes=(0, 1))
        found: dict[str, str] = {}
        for line in output.stdout.decode("utf-8", "replace").splitlines():  # the peeled line comes second
            sha, name = line.split(" ", 1)
            found[name.removeprefix(TAGS).removesuffix("^{}")] = sha
        return found

    async def resolve(self, ref: str) -> str | None:
        """The full commit SHA of a branch, tag or commit; None for anything else, also for expressions."""
        if not _is_name(ref):
            return None
        doing, args = "look a name up", ("rev-parse", "--verify", "--quiet", "--end-of-options")
        output = await self._read(*args, ref + "^{commit}", doing=doing, codes=(0, 1, 128))
        if re.search(DAMAGED, output.stderr):
            raise self._git.error(doing, output)
        return output.stdout.decode().strip() if output.ok else None

    async def is_on_main(self, sha: str) -> bool:
        """Whether the commit is on the main branch; False for one that does not exist."""
        commit = await self.resolve(sha)
        if commit is None:
            return False
        args = ("merge-base", "--is-ancestor", commit, self._head)
        return (await self._read(*args, doing="compare with the main branch", codes=(0, 1))).ok

    async def read(self, sha: str, path: str) -> str | None:
        """A UTF-8 file at a commit; None when no file is there. Raises for other encodings and huge files."""
        inside = PurePosixPath(path)
        if not inside.parts or inside.is_absolute() or ".." in inside.parts or "\0" in path:
            return None
        commit = await self._commit(sha)
        listed = await self._read("ls-tree", "-z", "-l", commit, str(inside), doing="look for a file")
        entry = listed.stdout.split(b"\t")[0].decode().split()
        if not entry or entry[1] != "blob":
            return None
        if int(entry[3]) > LARGEST_TEXT:
            raise RepositoryError(
                f"{plain(path)} at {commit[:10]} has {int(entry[3]):,} bytes, more than the {LARGEST_TEXT:,}"
                " that are read. Next: name a smaller file."
            )
        return _text(await self._read("cat-file", "blob", entry[2], doing="read a file"), path, commit)

    async def log(self, base: str | None, head: str) -> tuple[Commit, ...]:
        """The commits in base..head, newest first."""
        span = await self._span(base, head)
        form = "--format=" + "%x00".join(_FIELDS)
        output = await self._read("log", "-z", form, span, "--", doing="read the history")
        fields = output.stdout.decode("utf-8", "replace").split("\0")
        size = len(_FIELDS)
        return tuple(_as_commit(fields[at : at + size]) for at in range(0, len(fields) - size + 1, size))

    async def checkout(self, sha: str, folder: Path) -> None:
        """Write a commit's files into `folder`, all or nothing; a complete earlier checkout is kept."""
        await checkout(self._git, await self._commit(sha), folder)

    async def patch(self, base: str | None, head: str) -> bytes:
        """What each commit changed: also what a later one took away again. At most 50 MB."""
        span = await self._span(base, head)
        args = ("log", "--patch", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames", "--format=")
        found = (await self._read(*args, span, "--", doing="read what the commits changed")).stdout
        if len(found) > LARGEST_PATCH:
            raise RepositoryError(
                f"The commits since the last release change {len(found):,} bytes, more than the {LARGEST_PATCH:,} that"
                " are looked through. Next: release in smaller steps, or take large files out of the repository."
            )
        return found

    async def changed_files(self, base: str | None, head: str) -> tuple[str, ...]:
        """The paths that differ; a renamed file counts with both names."""
        end = await self._commit(head)
        args = ["ls-tree", "-r", "-z", "--name-only", end]
        if base is not None:
            args = ["diff-tree", "-r", "-z", "--no-renames", "--name-only", await self._commit(base), end]
        output = await self._read(*args, doing="compare two commits")
        return tuple(path for path in output.stdout.decode("utf-8", "replace").split("\0") if path)

    async def extent(self, base: str | None, head: str) -> Extent:
        """How much differs; binary files count as no lines."""
        if base is None:
            return Extent(await self.changed_files(None, head), 0, 0)
        args = (
            "diff-tree",
            "-r",
            "-z",
            "--no-renames",
            "--numstat",
            await self._commit(base),
            await self._commit(head),
        )
        output = await self._read(*args, doing="compare two commits")
        return counted(output.stdout.decode("utf-8", "replace"))

    async def published(self, tag: str) -> Published | None:
        """What stands at the origin for this tag now."""
        async with self._writing:
            await self._fetch()
            return await self._standing(tag)

    async def publish(self, *, sha: str, tag: str, message: str, changelog: str, at: datetime) -> Published:
        """Tag `sha` and add the section `changelog` to CHANGELOG.md on the main branch, in one atomic push.

        The tag is looked up first: there at the same commit, the push happened and nothing is repeated.
        When the main branch moves meanwhile, the section is put on the new tip.
        """
        if not _is_name(tag):
            raise RepositoryError(f"“{plain(tag, 60)}” cannot be a tag's name. Next: use vX.Y.Z.")
        signer = Signer(*self._committer, at)
        refused: tuple[str, Output] | None = None
        async with self._writing:
            for _ in range(ATTEMPTS):
                await self._fetch()
                standing = await self._standing(tag)
                if standing is not None:
                    return await self._agreed(standing, await self._commit(sha))
                tip = await self._commit(self._head)
                if refused and refused[0] == tip:
                    raise self._git.error(f"push {tag}", refused[1])
                made = await self._make(await self._commit(sha), tip, tag, message, changelog, signer)
                output = await self._push(made, tip)
                if output.ok:
                    await self._take_over(made)
                    return made
                refused = tip, output
        raise RepositoryError(
            f"{tag} was not published: {self._branch} moved {ATTEMPTS} times while its CHANGELOG commit was"
            " made. Nothing was changed. Next: ask again when it is quieter."
        )

    # ------------------------------------------------------------- inside

    async def _read(self, *arguments: str, doing: str, codes: tuple[int, ...] = (0,)) -> Output:
        if not self._ready:
            await self._prepare()
        return await self._git.run(*arguments, doing=doing, codes=codes)

    async def _prepare(self) -> None:
        """A mirror from an earlier life is good to read without the origin; a new one is fetched."""
        async with self._writing:
            self._ready = self._ready or await self._has_branch()
            if not self._ready:
                await self._fetch()

    async def _has_branch(self) -> bool:
        if not (self._git.mirror / "HEAD").exists():
            return False
        args = ("show-ref", "--verify", "--quiet", self._head)
        return (await self._git.attempt(*args, doing="look for the main branch")).ok

    async def _fetch(self) -> None:
        doing = "fetch from the origin"
        self._git.mirror.parent.mkdir(parents=True, exist_ok=True)
        if not (self._git.mirror / "HEAD").exists():
            await self._git.run("init", "--quiet", "--bare", str(self._git.mirror), doing=doing)
        refspecs = ("+refs/heads/*:refs/heads/*", f"+refs/tags/*:{SEEN}*")
        args = ("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "origin", *refspecs)
        await self._git.run(*args, doing=doing, timeout=NETWORK)
        await take_tags_over(self._git)
        if not await self._has_branch():
            raise RepositoryError(
                f"The repository ({self._git.shown}) has no branch {self._branch}."
                " Next: correct `branch` in bot.toml, or push that branch."
            )
        await self._git.run("symbolic-ref", "HEAD", self._head, doing=doing)  # git-cliff looks at HEAD
        self._ready = True

    async def _commit(self, ref: str) -> str:
        commit = await self.resolve(ref)
        if commit is None:
            raise RepositoryError(
                f"“{plain(ref, 60)}” is no commit of the repository ({self._git.shown})."
                " Next: push it, or name another."
            )
        return commit

    async def _span(self, base: str | None, head: str) -> str:
        end = await self._commit(head)
        return end if base is None else f"{await self._commit(base)}..{end}"

    async def _standing(self, tag: str) -> Published | None:
        tags = await refs(self._git, TAGS)
        if tag not in tags:
            return None
        return Published(tag, tags[tag], await self._section_commit(tag))

    async def _section_commit(self, tag: str) -> str | None:
        trailer = f"--format=%H %(trailers:key={TRAILER},valueonly,separator=%x20)"
        grep = ("--fixed-strings", f"--grep={TRAILER}: {tag}")
        output = await self._read(
            "log", *grep, trailer, f"{TAGS}{tag}..{self._head}", "--", doing="read the history"
        )
        for line in output.stdout.decode("utf-8", "replace").splitlines():
            sha, _, named = line.partition(" ")
            if tag in named.split():
                return sha
        return None

    async def _agreed(self, standing: Published, sha: str) -> Published:
        there = await self._commit(TAGS + standing.tag)
        if there != sha:
            raise RepositoryError(
                f"{standing.tag} exists already, at {there[:10]} and not at {sha[:10]}. A tag is never moved."
                " Next: release this commit under the next version."
            )
        return standing

    async def _make(
        self, sha: str, tip: str, tag: str, message: str, changelog: str, signer: Signer
    ) -> Published:
        tag_sha = await tag_object(self._git, sha, tag, message, signer)
        return Published(tag, tag_sha, await changelog_commit(self._git, tip, tag, changelog, signer))

    async def _push(self, made: Published, tip: str) -> Output:
        wanted = {TAGS + made.tag: (made.tag_sha, "")}
        if made.changelog_commit:
            wanted[self._head] = (made.changelog_commit, tip)
        leases = [f"--force-with-lease={ref}:{before}" for ref, (_, before) in wanted.items()]
        refspecs = [f"{after}:{ref}" for ref, (after, _) in wanted.items()]
        args = ("push", "--atomic", "--porcelain", *leases, "origin", *refspecs)
        return await self._git.attempt(*args, doing=f"push {made.tag}", timeout=NETWORK)

    async def _take_over(self, made: Published) -> None:
        orders = f"update {TAGS}{made.tag} {made.tag_sha}\n"
        if made.changelog_commit:
            orders += f"update {self._head} {made.changelog_commit}\n"
        await self._git.run("update-ref", "--stdin", doing="take the push over", stdin=orders.encode())


def _is_name(ref: str) -> bool:
    return 0 < len(ref) <= 250 and not _NOT_A_NAME.search(ref)


def _text(output: Output, path: str, commit: str) -> str:
    try:
        return output.stdout.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RepositoryError(
            f"{plain(path)} at {commit[:10]} is not UTF-8 text: {error.reason} at byte {error.start}."
            " Next: save it as UTF-8."
        ) from error


def _as_commit(fields: list[str]) -> Commit:
    sha, author, email, at, subject, body = fields
    return Commit(sha, subject, body.strip(), author, email, datetime.fromisoformat(at))
