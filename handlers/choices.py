"""What the forms of the commands offer: what is really there, looked up when a form is opened."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from handlers.blocks.fields import LONGEST_VALUE, Choice
from handlers.desk import Desk
from handlers.likeness import like_a_version
from handlers.phrases import Words
from handlers.text import flags, ids, times, words
from handlers.text.language import mark, tr
from handlers.working import latest, of_version
from pipeline import logs, switching
from pipeline.config import Playbook
from pipeline.errors import PipelineError, Refused
from pipeline.locks import ENVIRONMENTS
from pipeline.models import Lock
from pipeline.models_time import Wish
from pipeline.outlook import outlook
from pipeline.states import StageStatus
from pipeline.version import candidate_tags, latest_release, parse_version, release_of

Lookup = Callable[[Desk, str, Words], Awaitable[Sequence[Choice]]]
"""The choices for a product, and for what was typed; at most 100 of them are shown. Raises Refused."""

MOST_RELEASES = 200
"""Releases that are looked through for their versions."""
_ENVIRONMENTS = {"production": mark("production"), "staging": mark("staging")}


async def ready_versions(desk: Desk, product: str) -> list[str]:
    """Versions with a candidate tag that are newer than the last release; [] when the repository is away."""
    try:
        tags = await desk.service.ports(product).repository.tags()
    except PipelineError:
        return []
    last = latest_release(tags)
    named = {version for tag in tags if "-rc." in tag and (version := release_of(tag.split("-rc.")[0]))}
    newer = sorted(version for version in named if last is None or version > last)
    return [version.tag for version in newer if candidate_tags(tags, parse_version(version.tag))][:5]


async def products(desk: Desk, product: str, typed: Words) -> list[Choice]:
    return [Choice(name, name) for name in desk.service.config.products]


async def environments(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """Production first: it is meant where nothing is said."""
    return [Choice(name, tr(_ENVIRONMENTS[name])) for name in ENVIRONMENTS]


async def closed(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """The environments that are locked, each with who locked it and why."""
    return [Choice(lock.environment, _locked(lock)) for lock in (await outlook(desk.service, product)).locks]


def _locked(lock: Lock) -> str:
    return f"{tr(_ENVIRONMENTS[lock.environment])}: {lock.reason}"


async def released(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """The versions that were ever asked for, newest first, with how the last attempt went."""
    found: dict[str, Choice] = {}
    for release in await desk.service.recent(product, MOST_RELEASES):
        state = words.state(release.status)[1]
        found.setdefault(release.version, Choice(release.version, f"{release.version} — {state}"))
    if not found:
        raise Refused("nothing_released")
    return list(found.values())


async def wished(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """What is scheduled or queued."""
    found = await outlook(desk.service, product)
    return [Choice(wish.version, f"{wish.version} — {_due(wish, found.zone)}") for wish in found.wishes]


def _due(wish: Wish, zone: str) -> str:
    return times.in_zone(wish.due_at, zone) if wish.due_at else tr("in the queue")


async def skippable(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """The steps that the playbook lets people skip, and that wait or have failed."""
    found = await latest(desk, product)
    stuck = (StageStatus.WAITING, StageStatus.FAILED)
    allowed = Playbook.model_validate(found.release.playbook).skippable
    runs = {name: run for name in allowed if (run := found.runs.get(name)) and run.status in stuck}
    return [Choice(name, f"{name} — {tr(words.STAGE_STATES[run.status])}") for name, run in runs.items()]


async def outputs(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """What the commands of the release that was typed wrote, else of the newest; the last one first."""
    version = next((word for word in typed if like_a_version(word)), None)
    found = await (of_version(desk, product, version) if version else latest(desk, product))
    there = await logs.names(desk.service, found)
    return [Choice(name, name) for name in reversed(there)]


async def flag_names(desk: Desk, product: str, typed: Words) -> list[Choice]:
    """The flags of all environments."""
    boards = await switching.boards(desk.service, product)
    keys = dict.fromkeys(each.flag.key for board in boards for each in board.flags)
    found = [Choice(key, key) for key in keys if len(key) <= LONGEST_VALUE]
    if not found:
        raise Refused("no_flags", where=" / ".join(board.environment for board in boards))
    return found


async def states(desk: Desk, product: str, typed: Words) -> list[Choice]:
    return [Choice(name, flags.word(name == "on")) for name in ("on", "off")]


CHOICES: Mapping[str, Lookup] = {
    ids.PRODUCT: products,
    ids.ENVIRONMENT: environments,
    ids.LOCKED: closed,
    ids.RELEASED: released,
    ids.WISHED: wished,
    ids.STAGE: skippable,
    ids.OUTPUT: outputs,
    ids.FLAG_NAME: flag_names,
    ids.STATE: states,
}
"""What each select offers, by its block id."""
