"""A bot that does one operation on a target and may be killed at any moment."""

import asyncio
from pathlib import Path

from tests.services.docker import DockerPlace
from tests.services.local import SHOP, Place


def drive(folder: Path, first: int, operation: str, *host: str) -> None:
    """Do it at the place in this folder with these ports; `host`: of the engine, where it is one of containers."""
    asyncio.run(_drive(folder, first, operation, *host))


async def _drive(folder: Path, first: int, operation: str, *host: str) -> None:
    here = DockerPlace(folder, host[0], first) if host else Place(folder, first)
    new, old = await here.bundle("1.1.0", SHOP), await here.bundle("1.0.0", SHOP)
    if operation == "retire":
        return await here.target.retire("r-1.1.0")
    await here.target.prepare(old if operation == "back" else new)
    if operation == "shift":
        await here.target.shift("r-1.1.0", 10)
    elif operation == "promote":
        await here.target.promote("r-1.1.0")
    elif operation == "back":
        await here.target.promote("r-1.0.0")
    return None
