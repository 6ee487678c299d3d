"""Bundles: all services of a release for one environment, from what was built, approved and declared."""

import asyncio

from sqlalchemy import select

from pipeline import environment
from pipeline.config import Playbook
from pipeline.context import Ports
from pipeline.errors import PipelineError
from pipeline.models import Image as ImageRow
from pipeline.models import Release
from pipeline.ports import FLAGS_FILE, Bundle, Image, Limits, ServiceSpec
from pipeline.store import Database

FLAGS_INSIDE = "/run/flags"
"""Where a container finds the folder of its environment's flags."""


async def images(db: Database, release_id: str) -> tuple[Image, ...]:
    """The images that a release was tested, approved and deployed with."""
    async with db.reading() as session:
        rows = await session.scalars(select(ImageRow).where(ImageRow.release_id == release_id))
        return tuple(Image(row.component, row.version, row.digest, row.reference) for row in rows)


def variables(ports: Ports, playbook: Playbook, where: str) -> dict[str, str]:
    """The declared variables and secrets of one environment. Raises PipelineError naming what is missing."""
    values, missing = environment.declared(playbook, ports.product, where, ports.secrets)
    if missing:
        raise PipelineError(
            f"{where} needs {', '.join(missing)}. Set them where the bot runs, then try again."
        )
    return values


def served_flags(ports: Ports, playbook: Playbook, where: str) -> tuple[dict[str, str], dict[str, str]]:
    """How the services of an environment find its flags: the variable with the file's path, and what a container
    mounts for it. Nothing where applications ask a server, or while there is no file yet: their own defaults hold."""
    store = ports.flags.get(where)
    folder = store.served() if store and playbook.flags else None
    if folder is None or playbook.flags is None:
        return {}, {}
    inside = getattr(ports.product.environments, where).target == "docker"
    path = f"{FLAGS_INSIDE}/{FLAGS_FILE}" if inside else str(folder / FLAGS_FILE)
    return {playbook.flags.variable: path}, {str(folder): FLAGS_INSIDE} if inside else {}


async def bundle(db: Database, ports: Ports, release: Release, where: str) -> Bundle:
    """The bundle, by the digests in the database. Raises PipelineError when an image or a variable is gone."""
    playbook = Playbook.model_validate(release.playbook)
    built = {image.component: image for image in await images(db, release.id)}
    lost = [name for name in playbook.components if name not in built]
    gone = [image.component for image in built.values() if not await ports.builder.exists(image)]
    if lost or gone:
        names = ", ".join([*lost, *gone])
        raise PipelineError(
            f"The image of {names} of {release.version} is not in the store any more. Release it again."
        )
    told, shared = await asyncio.to_thread(served_flags, ports, playbook, where)
    env = told | variables(ports, playbook, where) | {"RELEASE_ENVIRONMENT": where}
    services = tuple(_service(playbook, name, built[name], env, shared) for name in playbook.components)
    return Bundle(release.id, release.version, services)


def _service(
    playbook: Playbook, name: str, image: Image, env: dict[str, str], shared: dict[str, str]
) -> ServiceSpec:
    part = playbook.components[name]
    return ServiceSpec(
        component=name,
        image=image,
        run=part.run,
        route=part.route,
        health=part.health,
        version_path=part.version,
        grace=part.grace.total_seconds(),
        ready_timeout=part.ready_timeout.total_seconds(),
        env=env,
        limits=Limits(part.memory, part.cpus, part.pids),
        volumes=part.volumes,
        shared=shared,
        overlap=part.overlap,
    )
