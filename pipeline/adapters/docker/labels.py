"""What the bot writes on the images and on the commands' containers of an engine, to find them again.

A container inherits the labels of its image: so an image's have names that no container's has. No value is secret.
"""

from collections.abc import Mapping

PRODUCT = "releasebot.image.product"
COMPONENT = "releasebot.image.component"
VERSION = "releasebot.image.version"
COMMIT = "releasebot.image.commit"
RELEASE = "releasebot.image.release"
INPUTS = "releasebot.image.inputs"
"""The hash of all that went into an image."""
OWNER = "releasebot.image.owner"
"""Which bot made it: two bots on one engine leave each other's images alone."""

COMMAND = "releasebot.command"
"""Which command a container runs: the hash of the path of its log, which one attempt at a time writes."""


OF_PRODUCT = "releasebot.product"
"""For whom a command runs; as on the containers of the services."""


def filters(labels: Mapping[str, str]) -> dict[str, list[str]]:
    """The engine's filter for everything that carries all of these labels."""
    return {"label": [f"{name}={value}" for name, value in labels.items()]}
