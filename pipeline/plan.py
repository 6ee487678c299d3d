"""What a release would do, and what stands in its way: looked up as for a start, and nothing is done."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline import candidate, flags, openness, policy, snapshot
from pipeline.candidate import Candidate
from pipeline.changes import Changes
from pipeline.config import Product
from pipeline.context import Ports, Secrets
from pipeline.errors import PipelineError, Refused
from pipeline.models import Release
from pipeline.ports import Extent, Repository
from pipeline.service import Service
from pipeline.stages.preflight import images_missing, limits_unreadable, variables_missing
from pipeline.version import Version, parse_version


@dataclass(frozen=True)
class Plan:
    """`obstacles` refuse a start now; `problems` (codes and facts) would fail its first stage.

    `base` is the version in service, None when nothing is.
    """

    product: str
    version: Version
    found: Candidate
    base: Release | None
    changes: Changes
    extent: Extent
    obstacles: tuple[Refused, ...]
    problems: tuple[dict[str, Any], ...]


async def plan(service: Service, name: str, text: str, ref: str | None) -> Plan:
    """What `/release VERSION [COMMIT]` would do now. Raises Refused when there is no such version or commit."""
    ports, version = service.ports(name), parse_version(text)
    found = await candidate.find(ports.repository, service.product(name), name, version, ref)
    async with service.db.reading() as session:
        live = await snapshot.live_deployment(session, name)
        base = await session.get(Release, live.release_id) if live else None
        product, now = service.product(name), service.clock()
        taken = await openness.taken(session, name, product, version.tag, now)
        frozen = await openness.frozen(session, name, product, version.tag, now)
    obstacles = [*_outdated(version, base, found), *(refused for refused in (taken, frozen) if refused)]
    changes, extent = await _changes(ports, found, base, version)
    wrong = await problems(ports.repository, ports.product, ports.secrets, found)
    return Plan(name, version, found, base, changes, extent, tuple(obstacles), tuple(wrong))


def _outdated(version: Version, base: Release | None, found: Candidate) -> Iterator[Refused]:
    try:
        policy.newer(version, parse_version(base.version) if base else None, found.last_tagged)
    except Refused as refused:
        yield refused


async def _changes(
    ports: Ports, found: Candidate, base: Release | None, version: Version
) -> tuple[Changes, Extent]:
    since = base.commit if base else None
    try:
        context = await ports.changelog.context(found.commit, since, version.tag)
        extent = await ports.repository.extent(since, found.commit)
    except PipelineError as error:
        raise Refused("repository_unreadable", error=str(error)) from error
    return Changes.from_context(context, base=since, head=found.commit), extent


async def problems(
    repository: Repository, product: Product, secrets: Secrets, found: Candidate
) -> list[dict[str, Any]]:
    """What a release of this commit would stumble over at once: names that are missing, flags that are not safe."""
    settings = found.playbook.flags
    text = await repository.read(found.commit, settings.file) if settings else None
    unsafe: Iterable[str] = flags.problems(text or "", settings.safe) if settings else ()
    return [
        *variables_missing(found.playbook, product, secrets),
        *images_missing(found.playbook, product),
        *limits_unreadable(found.playbook, product),
        *({"code": "flag_unsafe", "problem": sentence} for sentence in unsafe),
    ]
