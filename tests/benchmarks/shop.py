"""The least product that can be released: one small service, one smoke test, nothing that takes time.

What a release of it costs is therefore nearly all the bot's own. It has the example product's name, so that
the demo's configuration and the acceptance tests' town fit it.
"""

import os
import subprocess
from pathlib import Path

from bot.demo.house import BOT_TOML as HOUSE_TOML
from bot.demo.house import PRODUCT

SERVICE = Path(__file__).parents[1] / "services" / "web.py"
PLAYBOOK = f"""
product = "{PRODUCT}"
[components.web]
sources = ["web.py"]
run = "python web.py"
route = "/"
health = "/healthz"
version = "/version"
[tests.unit]
run = "true"
[smoke]
run = "python smoke.py {{output}}"
required = ["test_version"]
[requires.production]
env = ["DATABASE_URL"]
[checklist]
after = [{{ key = "looked", title = "Somebody has looked at it" }}]
"""
SMOKE = """
import json, os, pathlib, sys, urllib.request
with urllib.request.urlopen(os.environ["SMOKE_BASE_URL"] + "/version", timeout=10) as answer:
    assert json.load(answer)["version"] == os.environ["EXPECT_VERSION"]
pathlib.Path(sys.argv[1]).write_text(
    "<testsuite name='s' tests='1'><testcase name='test_version' classname='s'/></testsuite>"
)
"""
WHO = {"NAME": "Dana Souza", "EMAIL": "dana@example.com", "DATE": "2026-11-02T09:00:00+00:00"}


def version(number: int) -> str:
    """The number-th version after v0.1.0, which is number 1."""
    return f"v0.{number}.0"


def prepare(folder: Path, first: int, releases: int, watch: str = "") -> None:
    """Write the product's repository with so many candidates after v0.1.0, and bot.toml; ports from `first`.

    `watch`: that table of the playbook. It is then watched at its own pace.
    """
    folder.mkdir(parents=True)
    text = HOUSE_TOML.format(
        folder=folder, staging=first, production=first + 1, staging_first=first + 2,
        production_first=first + 20, canary=0, watch=0,
    )  # fmt: skip
    text = text.replace('watch = "0s"\nwatch_every = "2s"\n', "") if watch else text
    (folder / "bot.toml").write_text(text, encoding="utf-8")
    _history(folder / "work", folder / "core-hub.git", releases, PLAYBOOK + watch)


def _history(work: Path, bare: Path, releases: int, playbook: str) -> None:
    work.mkdir()
    _git(work, "init", "-q", "--template=", "-b", "main")
    for name, text in {"playbook.toml": playbook, "smoke.py": SMOKE, "web.py": SERVICE.read_text()}.items():
        (work / name).write_text(text, encoding="utf-8")
    _commit(work, "feat: the shop", "v0.1.0")
    for number in range(2, releases + 2):
        (work / "number.txt").write_text(str(number), encoding="utf-8")
        _commit(work, f"feat: change {number}", f"{version(number)}-rc.1")
    _git(work, "clone", "-q", "--bare", str(work), str(bare))


def _commit(work: Path, subject: str, tag: str) -> None:
    _git(work, "add", "--all")
    _git(work, "commit", "-q", "--no-gpg-sign", "-m", subject)
    _git(work, "tag", "-a", tag, "-m", tag)


def _git(work: Path, *arguments: str) -> None:
    who = {f"GIT_{role}_{what}": said for role in ("AUTHOR", "COMMITTER") for what, said in WHO.items()}
    env = {"PATH": os.environ["PATH"], "HOME": str(work), "GIT_CONFIG_NOSYSTEM": "1", **who}
    subprocess.run(["git", *arguments], cwd=work, env=env, check=True, timeout=30)
