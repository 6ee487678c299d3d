"""The demo with containers: the engine that has to be there, and what bot.toml says more then."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import tomlkit

from bot.demo.base_image import base_image
from bot.demo.history import EXAMPLE
from pipeline.adapters.docker.engine import Engine
from pipeline.errors import ConfigError

DATABASES = "databases"
"""The folder of the product's databases, which is all that its containers see of this machine."""


@dataclass(frozen=True)
class Containers:
    """Where the product's containers run, and the image that theirs are built on.

    `keeps_images`: what was built is not removed with the containers, and the next demo starts sooner.
    """

    host: str
    base: str
    keeps_images: bool = True

    @classmethod
    async def ready(cls, keeps_images: bool = True) -> "Containers":
        """On the engine that answers here, with a base image. Raises ConfigError where no engine is."""
        engine = Engine()
        try:
            await engine.call(
                "The demo with containers did not begin", docker.APIClient.ping, error=ConfigError
            )
        except ConfigError as error:
            raise ConfigError(
                f"{error} Without an engine, `releasebot demo` shows the same with processes."
            ) from error
        return cls(engine.host, await base_image(engine, EXAMPLE / "requirements.txt"), keeps_images)

    def settle(self, path: Path, product: str) -> None:
        """Put both environments of bot.toml on the engine.

        The databases are files, and both the bot, which migrates them, and the containers know them by one
        path. So the programs run as the user who owns them.
        """
        file: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
        settings = file["products"][product]
        settings["docker"] = {"host": self.host, "args": {"BASE": self.base}}
        databases = str(path.parent / DATABASES)
        for environment in settings["environments"].values():
            environment["target"] = "docker"
            environment["mounts"] = {databases: databases}
            environment["user"] = f"{os.getuid()}:{os.getgid()}"
        path.write_text(tomlkit.dumps(file), encoding="utf-8")
