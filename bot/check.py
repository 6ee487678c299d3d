"""`releasebot check`: what is still missing, and what a release would do. It changes nothing."""

import os
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from bot.tasks import chosen
from bot.wiring import COMMITTER, read_config, secret_of
from handlers.text.refusals import plain
from handlers.text.stages import PROBLEMS
from pipeline import candidate, environment, flags, playbook, policy
from pipeline.adapters.git import GitRepository
from pipeline.candidate import Candidate
from pipeline.config import Playbook, Product
from pipeline.errors import Refused
from pipeline.stages.preflight import images_missing
from pipeline.version import Version, latest_release, parse_version

TOKENS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")


async def check(product: str | None, version: str | None) -> int:
    """Print findings and the plan. 0 when nothing is missing, 1 otherwise; raises ConfigError on a wrong file."""
    path = Path(os.environ.get("RELEASEBOT_CONFIG", "bot.toml"))
    config = read_config(path)
    print(f"ok       {path} is valid")
    missing = [f"{name} is not set where the bot runs" for name in TOKENS if not os.environ.get(name)]
    for name in [chosen(config, product)] if product or version else list(config.products):
        missing += await _product(name, config.products[name], version)
    for problem in missing:
        print(f"MISSING  {problem}")
    return 1 if missing else 0


async def _product(name: str, product: Product, text: str | None) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        repository = GitRepository(
            url=product.repository, branch=product.branch, mirror=Path(folder) / "m.git", committer=COMMITTER
        )
        try:
            await repository.fetch()
            version = parse_version(text) if text else _next(await repository.tags())
            found = await candidate.find(repository, product, name, version, None)
            policy.newer(version, None, found.last_tagged)
            tree = await _flags_text(repository, found)
        except Refused as refusal:
            return [plain(refusal)]
    print(f"ok       {name}: repository, commit {found.commit[:10]} ({found.found_by}) and its playbook")
    _tell(name, product, found, version)
    wrong = [
        PROBLEMS[problem["code"]].format(**problem) for problem in images_missing(found.playbook, product)
    ]
    return [*_requirements(name, product, found.playbook), *wrong, *_flags(found.playbook, tree)]


async def _flags_text(repository: GitRepository, found: Candidate) -> str | None:
    return await repository.read(found.commit, found.playbook.flags.file) if found.playbook.flags else None


def _next(tags: Iterable[str]) -> Version:
    last = latest_release(tags)
    return Version(last.major, last.minor + 1, 0) if last else Version(0, 1, 0)


def _requirements(name: str, product: Product, found: Playbook) -> list[str]:
    problems = []
    for where in ("staging", "production"):
        _, absent = environment.declared(found, product, where, partial(secret_of, name))
        problems += [
            f"{name} {where}: {variable}: put it into bot.toml, or set {environment.secret_name(name, where, variable)}"
            for variable in absent
        ]
    return problems


def _flags(found: Playbook, text: str | None) -> list[str]:
    return (
        [f"flag: {sentence}" for sentence in flags.unsafe(text or "", found.flags.safe)]
        if found.flags
        else []
    )


def _tell(name: str, product: Product, found: Candidate, version: Version) -> None:
    """What a release would do, in the playbook's own words."""
    last = found.last_tagged.tag if found.last_tagged else "nothing"
    print(f"\nA release of {name} {version.tag} (last: {last}) would:")
    for number, stage in enumerate(playbook.RELEASE, 1):
        print(f"  {number:2}. {stage.phrase}{_detail(stage.name, found.playbook)}")
    print(f"Production: {product.environments.production.url}\n")


def _detail(stage: str, found: Playbook) -> str:
    steps = " % then ".join(map(str, found.canary.steps))
    details = {
        "test": ", ".join(found.tests),
        "build": ", ".join(found.components),
        "evaluation": f"{found.evaluation.cases} cases" if found.evaluation else "none",
        "checklist": f"{len(found.checklist.before)} items",
        "canary": f"{steps} % for {found.canary.hold.total_seconds():.0f} s each",
        "watch": f"{found.watch.duration.total_seconds() / 60:g} min",
    }
    return f": {details[stage]}" if stage in details else ""
