"""A bot that does one operation on the local target and may be killed at any moment: FOLDER PORT OPERATION [HOST]."""

import asyncio
import sys
from pathlib import Path

from tests.services.docker import DockerPlace
from tests.services.local import SHOP, Place


async def main(folder: Path, first: int, operation: str, *host: str) -> None:
    here = DockerPlace(folder, host[0], first) if host else Place(folder, first)
    new, old = await here.bundle("1.1.0", SHOP), await here.bundle("1.0.0", SHOP)
    print("ready", flush=True)
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


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
