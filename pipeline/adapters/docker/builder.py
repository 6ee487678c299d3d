"""Images on a Docker engine: built from the checkout by a Dockerfile, found again by what went into them.

It speaks to the engine's own builder, which every engine has: no program of the client is needed.
An image's digest is its id on the engine: containers are made by it, so that no tag moves them.
"""

import asyncio
import hashlib
import json
import tarfile
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import docker

from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.shelf import Shelf
from pipeline.adapters.docker.streams import Cut, line, said
from pipeline.errors import BuildError
from pipeline.files import locked
from pipeline.groups import insist
from pipeline.ports import BuildOrder, Image, Recipe
from pipeline.sink import Redact, Sink
from pipeline.sources import content_digest, gather, remove_tree

_WAIT_FOR_BUILD = 3600.0  # seconds: as long as another bot may build the same component
_LOOK_AGAIN = 0.2  # seconds


class DockerBuilder:
    """Builder on an engine. `folder` is its own, for what is on the way to the engine.

    `args` are the operator's build arguments, which win over the playbook's.
    """

    def __init__(
        self,
        engine: Engine,
        shelf: Shelf,
        folder: Path,
        redact: Redact,
        args: Mapping[str, str] | None = None,
    ) -> None:
        self._engine, self._shelf, self._folder, self._redact = engine, shelf, folder, redact
        self._args = args or {}

    async def build(self, order: BuildOrder) -> Image:
        """Build the image, or find the one that was made of the same before. Cancelled, the engine stops too.

        Raises BuildError: no recipe, a source that is missing or leads out of the checkout, a failing step, the
        time limit, an engine or a registry that does not answer.
        """
        recipe = order.recipe
        if recipe is None:
            raise BuildError(_no_recipe(order.component))
        try:
            async with _alone(order.component, self._staging(order).with_suffix(".lock")):
                return await self._build(order, recipe)
        except OSError as error:
            raise BuildError(_no_room(order.component, error)) from error

    async def _build(self, order: BuildOrder, recipe: Recipe) -> Image:
        staging = self._staging(order)
        args = {**recipe.args, **self._args}
        try:
            inputs = await insist(asyncio.to_thread(_gathered, order, recipe, args, staging))
            digest = await self._shelf.find(order, inputs)
            if digest is None:
                digest = await self._made(order, recipe, args, inputs)
        finally:
            await insist(asyncio.to_thread(remove_tree, staging))
        return await self._shelf.put(order, digest)

    async def _made(self, order: BuildOrder, recipe: Recipe, args: Mapping[str, str], inputs: str) -> str:
        context = await insist(asyncio.to_thread(_packed, self._staging(order)))
        sink = await asyncio.to_thread(Sink, order.log, self._redact)
        try:
            work = _Work(recipe, args, self._shelf.marks(order, inputs), context, sink)
            why = await self._worked(order, work)
        finally:
            tail = await insist(asyncio.to_thread(sink.close))
            await insist(asyncio.to_thread(context.unlink))
        digest = await self._shelf.find(order, inputs)
        if digest is None:
            raise BuildError(_failed(order.component, self._redact(why), tail))
        return digest

    async def _worked(self, order: BuildOrder, work: "_Work") -> str:
        """Why there is no image, in the engine's words; at the time limit, that."""
        what, patience = f"{order.component} could not be built", int(order.timeout) + 1
        try:
            async with asyncio.timeout(order.timeout):
                return await self._engine.call(what, work, error=BuildError, timeout=patience, abort=work.cut)
        except TimeoutError:
            return f"it ran into its time limit of {order.timeout:g} s"

    async def exists(self, image: Image) -> bool:
        """Whether the engine has the image, or could get it from the registry just now.

        Raises BuildError when the engine does not answer: then nobody knows.
        """
        return await self._shelf.has(image)

    async def prune(self, keep: Collection[str], used_before: datetime) -> tuple[str, ...]:
        """Remove this bot's images whose digest is not in `keep` and that no build gave since `used_before`.

        An image that a container was made of stays, whoever made that. Gives the digests that were removed.
        """
        return await self._shelf.prune(frozenset(keep), used_before)

    def _staging(self, order: BuildOrder) -> Path:
        return self._folder / order.component


@asynccontextmanager
async def _alone(component: str, path: Path) -> AsyncIterator[None]:
    """Hold the lock on a component's builds, of this bot and of others on this machine.

    Never waits in a thread: a release that is stopped while it waits must not wait on.
    """
    deadline = time.monotonic() + _WAIT_FOR_BUILD
    with ExitStack() as stack:
        while not stack.enter_context(locked(path, 0)):
            stack.close()
            if time.monotonic() >= deadline:
                raise BuildError(f"{component} is being built by another bot. Next: try again later.")
            await asyncio.sleep(_LOOK_AGAIN)
        yield


@dataclass(frozen=True)
class _Work:
    """One build by the engine, to be called in a thread."""

    recipe: Recipe
    args: Mapping[str, str]
    labels: dict[str, str]
    context: Path
    sink: Sink
    cut: Cut = field(default_factory=Cut)

    def __call__(self, client: docker.APIClient) -> str:
        with self.cut.watching(client), self.context.open("rb") as context:
            pieces = client.build(
                fileobj=context,
                custom_context=True,
                dockerfile=self.recipe.dockerfile,
                target=self.recipe.target,
                buildargs=dict(self.args),
                labels=self.labels,
                rm=True,
                forcerm=True,
                decode=True,
            )
            return self._followed(pieces)

    def _followed(self, pieces: Iterable[dict[str, Any]]) -> str:
        why = "the engine ended it without an image"
        for piece in pieces:
            self.sink.feed(line(piece).encode(errors="replace"))
            why = str(piece.get("error", why))
        return why


def _gathered(order: BuildOrder, recipe: Recipe, args: Mapping[str, str], staging: Path) -> str:
    """Copy what the build is to see; gives the hash of all that goes into it."""
    gather(order, [*order.sources, recipe.dockerfile], staging)
    content = content_digest(staging, order.component)
    made_by = [recipe.dockerfile, recipe.target, sorted(args.items())]
    parts = [order.product, order.component, order.version, order.commit, content, made_by]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _packed(staging: Path) -> Path:
    """The build's context as a file. Who packed it, and this machine's umask, are not in it."""
    path = staging.with_suffix(".tar")
    with tarfile.open(path, mode="w") as tar:
        tar.add(staging, ".", filter=_plain)
    return path


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


# ----------------------------------------------------------------- sentences


def _no_recipe(component: str) -> str:
    return (
        f"{component} has no image: on Docker each component is built by a Dockerfile. Next: add, for example, "
        f'image = {{ dockerfile = "Dockerfile" }} to [components.{component}] in the playbook.'
    )


def _failed(component: str, why: str, tail: tuple[str, ...]) -> str:
    printed = "\n".join(said(tail, why)[-12:]) or "(it said nothing)"
    return (
        f"{component} could not be built: {why.strip().rstrip('.')}. Production is untouched. "
        f"Next: correct the Dockerfile or what it builds, and release again. Its last lines:\n{printed}"
    )


def _no_room(component: str, error: OSError) -> str:
    return (
        f"{component} could not be handed to the engine: {error}. Production is untouched. "
        f"Next: see that the disk has room and that the bot may write there."
    )
