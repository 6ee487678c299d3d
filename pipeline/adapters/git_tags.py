"""How the mirror takes the origin's tags over: a release's tag never moves unseen.

Not an adapter itself: what pipeline/adapters/git.py is built from.
"""

import structlog

from pipeline.adapters.git_cli import Git
from pipeline.errors import RepositoryError
from pipeline.version import is_release_tag

TAGS = "refs/tags/"
SEEN = "refs/origin/tags/"
"""The tags as the mirror took them over, and as the origin had them at the last fetch."""

_log = structlog.get_logger(__name__)


async def refs(git: Git, prefix: str) -> dict[str, str]:
    """The objects (annotated tags not peeled) of all refs under `prefix`, by the rest of their names."""
    args = ("for-each-ref", "--format=%(objectname) %(refname)", prefix)
    output = await git.run(*args, doing="list the tags")
    lines = (line.split(" ", 1) for line in output.stdout.decode("utf-8", "surrogateescape").splitlines())
    return {name.removeprefix(prefix): sha for sha, name in lines}


async def take_tags_over(git: Git) -> None:
    """New, gone and floating tags follow the origin. Raises RepositoryError for a release's tag that moved.

    Floating tags (`nightly`, `v1`) are common and harmless; `vX.Y.Z` and `vX.Y.Z-rc.N` are promises.
    """
    seen, have = await refs(git, SEEN), await refs(git, TAGS)
    moved = sorted(name for name in seen.keys() & have.keys() if seen[name] != have[name])
    for name in filter(is_release_tag, moved):
        raise _moved(git, name, have[name], seen[name])
    for name in moved:
        _log.info("floating_tag_moved", tag=name, before=have[name], after=seen[name])
    orders = [f"update {TAGS}{name} {sha}\n" for name, sha in seen.items() if have.get(name) != sha]
    orders += [f"delete {TAGS}{name}\n" for name in have.keys() - seen.keys()]
    if orders:
        content = "".join(orders).encode("utf-8", "surrogateescape")
        await git.run("update-ref", "--stdin", doing="take tags over", stdin=content)


def _moved(git: Git, tag: str, before: str, after: str) -> RepositoryError:
    return RepositoryError(
        f"The tag {tag} was moved at the origin ({git.shown}): from {before[:10]} to {after[:10]}."
        " A release's tag stays where it was. Next: put it back at the origin; if the move was meant,"
        f" remove the bot's copy {git.mirror} and start the bot again."
    )
