"""The volumes that a playbook names: one for each environment, shared by its two slots, never removed."""

from collections.abc import Mapping

import docker
import docker.errors

from pipeline.adapters.slots.site import Address
from pipeline.errors import TargetError

OWNER = "releasebot.volume"
"""The label that says whose a volume is: its value is an environment's identity."""


def volumes(
    address: Address, wanted: Mapping[str, str], mounts: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The volumes to be (name on the engine -> path), and what is mounted in all: the operator's `mounts` win.

    No product's or environment's name has a dot, so that no two products can mean the same volume.
    """
    taken = set(mounts.values())
    mine = {
        f"{address.product}.{address.environment}.{name}": path
        for name, path in wanted.items()
        if path not in taken
    }
    return mine, {**mine, **mounts}


def ensure_volume(client: docker.APIClient, name: str, address: Address) -> None:
    """Make the volume if it is not there. Raises TargetError when it is another bot's.

    One without a mark is taken: somebody has brought it back from a backup under this name.
    """
    try:
        found = client.inspect_volume(name)
    except docker.errors.NotFound:
        found = client.create_volume(name, labels={OWNER: address.identity})
    owner = (found["Labels"] or {}).get(OWNER, address.identity)
    if owner != address.identity:
        raise TargetError(
            f"{address.title} wants the volume {name}, which belongs to an environment of the same name of another "
            f"bot, or of this one when its state was in another folder. Nothing was started. Next: if the data "
            f"is to be used here, name the volume under mounts in bot.toml; else give the product another name."
        )
