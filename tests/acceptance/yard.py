"""The small product in containers: what is on the engine, and what the bot wrote down that it did there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker

from bot.demo.containers import DATABASES, Containers
from bot.demo.house import PRODUCT
from bot.outside import make_ports
from bot.reading import read_config
from pipeline.adapters.slots.site import Address
from tests.acceptance.small import prepare_small
from tests.acceptance.town import PATIENCE, Nobody, Town, open_town


@dataclass
class Yard:
    """A town with the small product, and what is on its engine."""

    town: Town
    client: docker.APIClient

    # -------------------------------------------------------------- containers

    def containers(self, environment: str, *, dead: bool = False) -> list[dict[str, Any]]:
        """Those of one environment that run; also the `dead`."""
        product = read_config(self.town.folder / "bot.toml").products[PRODUCT]
        config = getattr(product.environments, environment)
        identity = Address.of(PRODUCT, environment, config, self.town.state(environment)).identity
        found: list[dict[str, Any]] = self.client.containers(
            all=dead, filters={"label": [f"releasebot.identity={identity}"]}
        )
        return found

    def places(self, environment: str, *, dead: bool = False) -> list[str]:
        """Where in the slots something is; a second copy would be there twice."""
        return sorted(one["Labels"]["releasebot.place"] for one in self.containers(environment, dead=dead))

    def images(self, environment: str, version: str) -> dict[str, str]:
        """Component -> the id of the image that runs."""
        labels = [(one["Labels"], one["ImageID"]) for one in self.containers(environment)]
        return {
            label["releasebot.component"]: image
            for label, image in labels
            if label.get("releasebot.version") == version
        }

    def kill(self, place: str) -> None:
        """docker kill: the engine does not bring it back, as a person wanted it."""
        (found,) = [
            one for one in self.containers("production") if one["Labels"]["releasebot.place"] == place
        ]
        self.client.kill(found["Id"])

    # ------------------------------------------------------------ what was done

    async def begun(self, step: str, known: int) -> None:
        """Wait until a step begins that is not among the first `known` lines of the operation log."""
        async with asyncio.timeout(PATIENCE):
            while not any(line["step"] == step for line in self.town.operations()[known:]):
                await asyncio.sleep(0.02)

    def seconds(self, step: str, **facts: object) -> float:
        """How long the last such step took."""
        lines = [
            line for line in self.town.operations() if line["step"] == step and facts.items() <= line.items()
        ]
        began, ended = [datetime.fromisoformat(line["at"]) for line in lines[-2:]]
        assert [line["when"] for line in lines[-2:]] == ["before", "after"], lines
        return (ended - began).total_seconds()

    def journal(self) -> list[str]:
        """What production's workers said, in order."""
        return (self.town.folder / DATABASES / "production.journal").read_text().splitlines()


@asynccontextmanager
async def open_yard(
    folder: Path, containers: Containers, *, canary: float = 1, watch: float = 600
) -> AsyncIterator[Yard]:
    """The bot with the small product's v0.1.0 in production; nothing is left on the engine at the end."""

    def lay(folder: Path, first: int, canary: float, watch: float) -> None:
        prepare_small(folder, first, canary, watch)
        containers.settle(folder / "bot.toml", PRODUCT)

    with closing(docker.APIClient(containers.host, version="auto")) as client:
        try:
            async with open_town(folder, canary=canary, watch=watch, lay=lay) as town:
                yard = Yard(town, client)
                yield yard
            assert [yard.places(where, dead=True) for where in ("staging", "production")] == [[], []]
        finally:
            await remove_images(folder)


async def remove_images(folder: Path) -> None:
    """What the town's bot built."""
    product = read_config(folder / "bot.toml").products[PRODUCT]
    builder = make_ports(PRODUCT, product, folder / "state", Nobody(), str).builder
    await builder.prune(frozenset(), datetime.now(UTC))
