"""A small product in containers, for acceptance tests that look at what the bot does on an engine.

An api, a frontend and a worker of the service scripts: nothing in it takes time, its slow requests take as long as they
are told, and its worker writes down when it starts and ends. It has the example product's name, so that the demo's
bot.toml and the town fit it.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import docker
import tomlkit

from bot.demo.containers import DATABASES, Containers
from bot.demo.house import PRODUCT
from bot.wiring import make_ports, read_config
from pipeline.adapters.slots.site import Address
from tests.acceptance.town import PATIENCE, Nobody, Town, open_town
from tests.benchmarks.shop import SMOKE
from tests.services.local import SCRIPTS

WEB = 'sources = ["web.py"]\nrun = "python web.py"\nimage = {}\nhealth = "/healthz"\nversion = "/version"'
PLAYBOOK = f"""
product = "{PRODUCT}"
[components.api]
{WEB}
route = "/api/"
[components.frontend]
{WEB}
route = "/"
[components.worker]
sources = ["worker.py"]
run = "python worker.py"
image = {{}}
grace = "5s"
[tests.unit]
run = "true"
[smoke]
run = "python smoke.py {{output}}"
required = ["test_version"]
[checklist]
after = [{{ key = "looked", title = "Somebody has looked at it" }}]
"""
DOCKERFILE = "ARG BASE\nFROM ${BASE}\nWORKDIR /srv\nCOPY *.py ./\n"
WHO = {"NAME": "Dana Souza", "EMAIL": "dana@example.com", "DATE": "2026-11-02T09:00:00+00:00"}


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
        identity = Address.of(PRODUCT, environment, config, self._state(environment)).identity
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

    def _state(self, environment: str) -> Path:
        return self.town.folder / "state" / "products" / PRODUCT / environment

    def operations(self) -> list[dict[str, Any]]:
        """The operation log of production."""
        text = (self._state("production") / "operations.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    async def begun(self, step: str, known: int) -> None:
        """Wait until a step begins that is not among the first `known` lines of the operation log."""
        async with asyncio.timeout(PATIENCE):
            while not any(line["step"] == step for line in self.operations()[known:]):
                await asyncio.sleep(0.005)

    def seconds(self, step: str, **facts: object) -> float:
        """How long the last such step took."""
        lines = [line for line in self.operations() if line["step"] == step and facts.items() <= line.items()]
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
    settle = partial(_settle, containers=containers)
    with closing(docker.APIClient(containers.host, version="auto")) as client:
        try:
            async with open_town(folder, canary=canary, watch=watch, settle=settle) as town:
                yard = Yard(town, client)
                yield yard
            assert [yard.places(where, dead=True) for where in ("staging", "production")] == [[], []]
        finally:
            await remove_images(folder)


def _settle(path: Path, containers: Containers) -> None:
    """The small product instead of the town's, in containers."""
    containers.settle(path, PRODUCT)
    file: Any = tomlkit.parse(path.read_text())
    for name, environment in file["products"][PRODUCT]["environments"].items():
        environment["env"]["JOURNAL"] = str(path.parent / DATABASES / f"{name}.journal")
    path.write_text(tomlkit.dumps(file))
    shutil.rmtree(path.parent / f"{PRODUCT}.git")
    _history(path.parent / "work", path.parent / f"{PRODUCT}.git")


def _history(work: Path, bare: Path) -> None:
    """v0.1.0, which is released, and a candidate of v0.2.0: each with its own sources."""
    work.mkdir()
    _git(work, "init", "-q", "--template=", "-b", "main")
    files = {"playbook.toml": PLAYBOOK, "smoke.py": SMOKE, "Dockerfile": DOCKERFILE}
    for script in ("web.py", "worker.py"):
        files[script] = (SCRIPTS / script).read_text()
    _commit(work, files, "v0.1.0")
    more = {script: f"{files[script]}# v0.2.0\n" for script in ("web.py", "worker.py")}
    _commit(work, more, "v0.2.0-rc.1")
    _git(work, "clone", "-q", "--bare", str(work), str(bare))


def _commit(work: Path, files: Mapping[str, str], tag: str) -> None:
    for name, text in files.items():
        (work / name).write_text(text)
    _git(work, "add", "--all")
    _git(work, "commit", "-q", "--no-gpg-sign", "-m", f"feat: what makes {tag}")
    _git(work, "tag", "-a", tag, "-m", tag)


def _git(work: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": said for role in ("AUTHOR", "COMMITTER") for what, said in WHO.items()}
    env = {"PATH": os.environ["PATH"], "HOME": str(work), "GIT_CONFIG_NOSYSTEM": "1", **who}
    subprocess.run(["git", *arguments], cwd=work, env=env, check=True, stdin=subprocess.DEVNULL, timeout=60)


async def remove_images(folder: Path) -> None:
    """What the town's bot built."""
    product = read_config(folder / "bot.toml").products[PRODUCT]
    builder = make_ports(PRODUCT, product, folder / "state", Nobody(), str).builder
    await builder.prune(frozenset(), datetime.now(UTC))
