"""Which commit a version means, and the playbook that stands there."""

import hashlib
import tomllib
from dataclasses import dataclass
from typing import Any

from pipeline.config import Playbook, Product, parse
from pipeline.errors import ConfigError, Refused, RepositoryError
from pipeline.ports import Repository
from pipeline.version import Version, candidate_tags, latest_release, suggestions


@dataclass(frozen=True)
class Candidate:
    """A commit that could become the version. `raw` is the playbook as TOML's plain data."""

    commit: str
    found_by: str
    playbook: Playbook
    raw: dict[str, Any]
    playbook_hash: str
    last_tagged: Version | None


async def find(
    repository: Repository, product: Product, name: str, version: Version, ref: str | None
) -> Candidate:
    """Find the commit: the one that was named, else the newest tag vX.Y.Z-rc.N, else the main branch's tip.

    Raises Refused: repository_unreadable, unknown_commit, not_on_main, playbook_missing, playbook_wrong.
    """
    try:
        await repository.fetch()
        tags = await repository.tags()
        wanted = ref or next(reversed(candidate_tags(tags, version)), product.branch)
        commit = await repository.resolve(wanted)
        if commit is None:
            near = suggestions(wanted, [*tags, product.branch])
            raise Refused("unknown_commit", ref=wanted[:80], near=",".join(near))
        if not await repository.is_on_main(commit):
            raise Refused(
                "not_on_main", version=version.tag, ref=wanted[:80], commit=commit[:10], branch=product.branch
            )
        text = await repository.read(commit, product.playbook)
    except RepositoryError as error:
        raise Refused("repository_unreadable", error=str(error)) from error
    if text is None:
        raise Refused("playbook_missing", path=product.playbook, commit=commit[:10])
    playbook = _playbook(text, f"{product.playbook} at {commit[:10]}", name)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Candidate(commit, wanted, playbook, tomllib.loads(text), digest, latest_release(tags))


def _playbook(text: str, origin: str, product: str) -> Playbook:
    try:
        playbook = parse(Playbook, text, origin)
    except ConfigError as error:
        raise Refused("playbook_wrong", error=str(error)) from error
    if playbook.product != product:
        raise Refused("playbook_wrong", error=f"{origin} is for {playbook.product}, bot.toml says {product}.")
    return playbook
