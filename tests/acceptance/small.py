"""A small product, for acceptance tests that look at what the bot does.

An api, a frontend and a worker of the service scripts: nothing in it takes time, its slow requests take as long as they
are told, and its worker writes down when it starts and ends. It has the example product's name, so that the demo's
bot.toml and the town fit it.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from bot.demo.containers import DATABASES
from bot.demo.house import PRODUCT, lay_out
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
BEGUN, GO = "test-begun", "test-may-end"
"""Files in the town's folder: one that the test of v0.3.0 makes, and the one that it waits for."""
HELD = f"sh -c 'touch {{folder}}/{BEGUN}; until [ -e {{folder}}/{GO} ]; do sleep 0.05; done; false'"
DOCKERFILE = "ARG BASE\nFROM ${BASE}\nWORKDIR /srv\nCOPY *.py ./\n"
WHO = {"NAME": "Dana Souza", "EMAIL": "dana@example.com", "DATE": "2026-11-02T09:00:00+00:00"}


def prepare_small(folder: Path, first: int, canary: float, watch: float) -> None:
    """As the demo's house is prepared, with this product instead of the example: v0.1.0, which is released, a
    candidate of v0.2.0, and one of v0.3.0 whose test waits for GO and fails."""
    lay_out(folder, first, canary, watch)
    path = folder / "bot.toml"
    file: Any = tomlkit.parse(path.read_text())
    for name, environment in file["products"][PRODUCT]["environments"].items():
        environment["env"]["JOURNAL"] = str(folder / DATABASES / f"{name}.journal")
    path.write_text(tomlkit.dumps(file))
    _history(folder / "work", folder / f"{PRODUCT}.git", HELD.format(folder=folder))


def _history(work: Path, bare: Path, held: str) -> None:
    """Each version with its own sources."""
    work.mkdir()
    _git(work, "init", "-q", "--template=", "-b", "main")
    files = {"playbook.toml": PLAYBOOK, "smoke.py": SMOKE, "Dockerfile": DOCKERFILE}
    for script in ("web.py", "worker.py"):
        files[script] = (SCRIPTS / script).read_text()
    _commit(work, files, "v0.1.0")
    for version in ("v0.2.0", "v0.3.0"):
        more = {script: f"{files[script]}# {version}\n" for script in ("web.py", "worker.py")}
        playbook = PLAYBOOK.replace('run = "true"', f'run = "{held}"') if version == "v0.3.0" else PLAYBOOK
        _commit(work, more | {"playbook.toml": playbook}, f"{version}-rc.1")
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
