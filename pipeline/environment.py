"""The environments (variables) in which the product's commands and services run: never the bot's own."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pipeline.config import Playbook, Product

FLAG_TOKENS = FLAGS_ADMIN, FLAGS_CLIENT = "FLAGS_ADMIN_TOKEN", "FLAGS_CLIENT_TOKEN"
"""The secrets of an environment for a server of flags: to switch them, and to read them as an application does."""

_PASSED_ON = ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def base() -> dict[str, str]:
    """What every command gets: PATH with this Python's programs first, and nothing secret."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def inside() -> dict[str, str]:
    """What a command in a container gets besides what its image sets: nothing of this machine's."""
    return {"HOME": "/tmp", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108 - the container's


def secret_name(product: str, environment: str, name: str) -> str:
    """Where the bot finds a product's secret in its own environment: PRODUCT_ENVIRONMENT_NAME."""
    return f"{product}_{environment}_{name}".upper().replace("-", "_")


def declared(
    playbook: Playbook, product: Product, environment: str, secrets: Callable[[str, str], str | None]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables of an environment, and the names of those that are required and missing."""
    plain = getattr(product.environments, environment).env
    required = playbook.requires.get(environment)
    names = required.secrets if required else ()
    found = {name: secrets(environment, name) for name in names}
    values = dict(plain) | {name: value for name, value in found.items() if value}
    missing = [name for name, value in found.items() if not value]
    missing += [name for name in (required.env if required else ()) if name not in plain]
    return values, tuple(missing)


def unused(playbook: Playbook, product: Product, environment: str, secrets: Iterable[str]) -> tuple[str, ...]:
    """The names that are set for an environment (`secrets` of them in the bot's own) and that the playbook never asks
    for: leftovers, or misspelt. A playbook that says nothing of the environment asks for whatever is there."""
    required = playbook.requires.get(environment)
    if required is None:
        return ()
    there = {*getattr(product.environments, environment).env, *secrets}
    ours = FLAG_TOKENS if product.flags.provider != "file" else ()
    return tuple(sorted(there - {*required.env, *required.secrets, *ours}))


def merged(*parts: Mapping[str, str]) -> dict[str, str]:
    """Later parts win."""
    return {name: value for part in parts for name, value in part.items()}
