"""`releasebot check`: what is still missing, and what a release would do. It changes nothing."""

import asyncio
import os
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from bot.migration_files import Place, backend_named, heads_in
from bot.outside import COMMITTER, utc_now
from bot.reading import read_config, secret_names, secret_of
from bot.tasks import chosen
from handlers.text import times
from handlers.text.migrations import line
from handlers.text.plan import detail
from handlers.text.refusals import plain
from handlers.text.stages import problem
from pipeline import candidate, environment, freezes, plan, playbook, policy
from pipeline.adapters.flags.http import ADMIN, CLIENT
from pipeline.adapters.git import GitRepository
from pipeline.adapters.shadow.judge import ShadowJudge
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.candidate import Candidate
from pipeline.config import Product
from pipeline.environment import secret_name
from pipeline.errors import DatabaseError, Refused
from pipeline.ports import JudgeOrder
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
    for one in missing:
        print(f"MISSING  {one}")
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
            problems = await plan.problems(repository, product, partial(secret_of, name), found)
        except Refused as refusal:
            return [plain(refusal)]
        judged = await _migrations(name, product, repository, found, Path(folder))
    print(f"ok       {name}: repository, commit {found.commit[:10]} ({found.found_by}) and its playbook")
    _tell(name, product, found, version)
    for where in ("staging", "production"):
        for extra in environment.unused(found.playbook, product, where, secret_names(name, where)):
            print(f"note     {name} {where}: {extra} is set, and the playbook asks for nothing of that name")
    for one in judged:
        print(f"migration {one}")
    wrong = [f"{name}: {problem(one).replace('`', '')}" for one in problems]
    return [*wrong, *_tokens(name, product), *_mail(name, product)]


def _mail(name: str, product: Product) -> list[str]:
    """What the product's mail server wants, and is not there."""
    if product.email is None:
        return []
    ca_file, password = product.email.ca_file, secret_name(name, "email", "PASSWORD")
    needed = product.email.user and not secret_of(name, "email", "PASSWORD")
    missing = [f"{name}: the password of {product.email.user} at {product.email.host}: set {password}"]
    lost = [f"{name}: email.ca_file {ca_file} is not there"] if ca_file and not ca_file.is_file() else []
    return [*(missing if needed else []), *lost]


def _tokens(name: str, product: Product) -> list[str]:
    """What a server with the product's flags wants of each environment."""
    if product.flags.provider == "file":
        return []
    wanted = [(where, token) for where in ("staging", "production") for token in (ADMIN, CLIENT)]
    return [
        f"{name} {where}: a token for its flags: set {secret_name(name, where, token)}"
        for where, token in wanted
        if not secret_of(name, where, token)
    ]


async def _migrations(
    name: str, product: Product, repository: GitRepository, found: Candidate, folder: Path
) -> list[str]:
    """What the migrations since the last release would do, a line each."""
    settings, last = found.playbook.migrations, found.last_tagged
    if settings is None or last is None:
        return []
    before, now = folder / "before", folder / "now"
    await repository.checkout((await repository.tags())[last.tag], before)
    await repository.checkout(found.commit, now)
    values, _ = environment.declared(found.playbook, product, "staging", partial(secret_of, name))
    place = Place(now / settings.config, now)
    lower = await asyncio.to_thread(heads_in, Place(before / settings.config, before).scripts)
    production = product.environments.production.env.get(settings.url_env, "")
    order = JudgeOrder(
        folder=now,
        config=place.config,
        env=environment.merged(environment.base(), values),
        lower=lower,
        backend=backend_named(production),
        timeout=settings.timeout.total_seconds(),
    )
    keeper = Keeper(os.environ.get("RELEASEBOT_SHADOW_URL") or None)
    try:
        judgement = await ShadowJudge(keeper).judge(order)
    except DatabaseError as error:
        return [str(error)]
    finally:
        await keeper.stop()
    return [line(one).replace("`", "") for one in judgement.verdicts]


def _next(tags: Iterable[str]) -> Version:
    last = latest_release(tags)
    return Version(last.major, last.minor + 1, 0) if last else Version(0, 1, 0)


def _tell(name: str, product: Product, found: Candidate, version: Version) -> None:
    """What a release would do, in the playbook's own words."""
    last = found.last_tagged.tag if found.last_tagged else "nothing"
    print(f"\nA release of {name} {version.tag} (last: {last}) would:")
    for number, stage in enumerate(playbook.RELEASE, 1):
        said = detail(stage.name, found.playbook)
        print(f"  {number:2}. {stage.phrase}" + (f": {said}" if said else ""))
    print(f"Production: {product.environments.production.url}{frozen_now(product)}\n")


def frozen_now(product: Product) -> str:
    """What bot.toml's freezes say of this moment and the next days."""
    now = utc_now()
    if frozen := freezes.standing(product, None, now):
        until = f"until {times.in_zone(frozen.until, product.timezone)}" if frozen.until else "for ever"
        return f", frozen now by “{frozen.name}” {until}"
    begins = freezes.windows(product, None).next(now)
    return f", next frozen from {times.in_zone(begins, product.timezone)}" if begins else ""
