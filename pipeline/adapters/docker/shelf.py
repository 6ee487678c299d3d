"""Where images stand: on the engine by their ids and labels, and in a registry by digest, where there is one."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import docker
import docker.errors
import structlog

from pipeline import environment
from pipeline.adapters.docker import labels
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.streams import Cut
from pipeline.errors import BuildError
from pipeline.ports import BuildOrder, Image

OURS = "releasebot"
"""The first part of the names of images that stand on no registry."""

_PULL = 900  # seconds: how long an engine may say nothing while it moves an image

log = structlog.get_logger()


@dataclass(frozen=True)
class Registry:
    """A registry, and who may push there. Without a user the engine asks as nobody."""

    name: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def credentials(self) -> dict[str, str] | None:
        """As the engine wants them; they are sent with each call and stored nowhere."""
        return {"username": self.user, "password": self.password} if self.user else None


class Shelf:
    """One product's images of one bot. `owner` tells this bot's from another's on the same engine."""

    def __init__(self, engine: Engine, product: str, owner: str, registry: Registry | None = None) -> None:
        self._engine, self._product, self._owner, self._registry = engine, product, owner, registry

    def marks(self, order: BuildOrder, inputs: str) -> dict[str, str]:
        """The labels of an image."""
        return self._own() | {
            labels.COMPONENT: order.component,
            labels.VERSION: order.version,
            labels.COMMIT: order.commit,
            labels.RELEASE: order.release_id,
            labels.INPUTS: inputs,
        }

    def _own(self) -> dict[str, str]:
        return {labels.PRODUCT: self._product, labels.OWNER: self._owner}

    async def find(self, order: BuildOrder, inputs: str) -> str | None:
        """The id of the image that was made of exactly this before; None when there is none."""
        wanted = labels.filters(self._own() | {labels.COMPONENT: order.component, labels.INPUTS: inputs})
        what = f"{order.component} could not be looked for among the images"
        found = await self._engine.call(what, lambda client: client.images(filters=wanted), error=BuildError)
        # An image that somebody made from ours has our labels too, but it is younger.
        return min(found, key=lambda image: image["Created"])["Id"] if found else None

    async def put(self, order: BuildOrder, digest: str) -> Image:
        """Give the image its tag of this release, which keeps it from the engine's own prune, and push it."""
        name, tag, cut = self._name(order.component), _tag(f"{order.version[:60]}-{order.release_id}"), Cut()

        def work(client: docker.APIClient) -> str:
            client.tag(digest, name, tag)
            with cut.watching(client):
                return self._pushed(client, name, tag) if self._registry else f"{name}:{tag}"

        what = f"{order.component} could not be tagged"
        reference = await self._engine.call(what, work, error=BuildError, timeout=_PULL, abort=cut)
        return Image(order.component, order.version, digest, reference)

    def _pushed(self, client: docker.APIClient, name: str, tag: str) -> str:
        """The image's name in the registry, by digest. Raises BuildError with what the registry said."""
        pieces = list(client.push(name, tag, stream=True, decode=True, auth_config=self._credentials()))
        said = [str(piece["error"]) for piece in pieces if "error" in piece]
        known = [str(piece["aux"]["Digest"]) for piece in pieces if "Digest" in piece.get("aux", {})]
        if said or not known:
            raise BuildError(_not_pushed(self._product, name, said[0] if said else "it said nothing"))
        return f"{name}@{known[-1]}"

    async def has(self, image: Image) -> bool:
        """Whether the image is on the engine, or was just fetched from the registry. Raises BuildError."""
        cut = Cut()

        def work(client: docker.APIClient) -> bool:
            if _inspected(client, image.digest):
                return True
            with cut.watching(client):
                return self._fetched(client, image)

        what = f"The image of {image.component} {image.version} could not be looked for"
        return await self._engine.call(what, work, error=BuildError, timeout=_PULL, abort=cut)

    def _fetched(self, client: docker.APIClient, image: Image) -> bool:
        name, _, content = image.reference.partition("@")
        if not self._registry or not name.startswith(f"{self._registry.name}/"):
            return False  # nor does another registry get to see these credentials
        with suppress(docker.errors.NotFound):
            client.pull(name, content, auth_config=self._credentials())
        if not _inspected(client, image.digest):
            return False
        client.tag(image.digest, name, _tag(image.version))
        return True

    async def prune(self, keep: frozenset[str], used_before: datetime) -> tuple[str, ...]:
        """Remove images of this product that are not in `keep`, older than `used_before`, and of no container."""

        def work(client: docker.APIClient) -> list[str]:
            found = {image["Id"] for image in client.images(filters=labels.filters(self._own()))}
            old = [digest for digest in sorted(found - keep) if _last_used(client, digest) < used_before]
            return [digest for digest in old if self._removed(client, digest)]

        return tuple(
            await self._engine.call("images could not be pruned", work, error=BuildError, timeout=_PULL)
        )

    def _removed(self, client: docker.APIClient, digest: str) -> bool:
        """Whether the image is gone. What a person tagged, or anything is made of, is left alone."""
        names = (_inspected(client, digest) or {}).get("RepoTags") or []
        foreign = [name for name in names if not name.startswith(f"{self._prefix()}/")]
        if foreign or client.containers(all=True, filters={"ancestor": digest}):
            return False
        try:
            for name in names or [digest]:
                client.remove_image(name)
        except docker.errors.APIError as error:
            log.warning("docker: an image stays", image=digest, error=str(error.explanation or error))
        return _inspected(client, digest) is None

    def _prefix(self) -> str:
        return self._registry.name if self._registry else OURS

    def _name(self, component: str) -> str:
        """An image's name: its own for each component."""
        return "/".join([self._prefix(), _part(self._product), _part(component)])

    def _credentials(self) -> dict[str, str] | None:
        return self._registry.credentials if self._registry else None


def _inspected(client: docker.APIClient, digest: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.inspect_image(digest)
    except docker.errors.NotFound:
        return None
    return found


def _last_used(client: docker.APIClient, digest: str) -> datetime:
    """When a build last gave this image: each gives it a tag, and the engine keeps the time of that."""
    image = _inspected(client, digest) or {}
    times = [image.get("Created"), image.get("Metadata", {}).get("LastTagTime")]
    known = [datetime.fromisoformat(time) for time in times if time]
    return max(known, default=datetime.fromisoformat("9999-12-31T00:00:00Z"))


def _not_pushed(product: str, name: str, why: str) -> str:
    user, password = (environment.secret_name(product, "registry", part) for part in ("user", "password"))
    return (
        f"{name} could not be pushed: {why}. Production is untouched. Next: see that the registry answers, "
        f"and that who is named by {user} and {password} may push there."
    )


def _part(name: str) -> str:
    """As a part of an image's name may be written: it does not end with a hyphen, and our names have no `_`."""
    bare = name.rstrip("-")
    return bare if bare == name else f"{bare}_{len(name) - len(bare)}"


def _tag(text: str) -> str:
    """As a tag may be written."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)[:128]
