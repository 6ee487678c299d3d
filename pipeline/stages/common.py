"""What several stages need: variables, bundles, the sentence of a suite that failed, the database job."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from pipeline import bundles, environment, timings
from pipeline.config import Migrations
from pipeline.context import Context, Failed, Skipped
from pipeline.errors import PipelineError
from pipeline.events import Fact, record
from pipeline.junit import SuiteResult
from pipeline.models import Approval, Deployment, Release, StageRun
from pipeline.ports import Bundle, CommandResult, DeployTarget, Image, MigrationJob


def variables(ctx: Context, where: str) -> dict[str, str]:
    """The declared variables and secrets of one environment. Raises PipelineError naming what is missing."""
    return bundles.variables(ctx.ports, ctx.playbook, where)


def suite_failed(name: str, result: CommandResult, suite: SuiteResult) -> Failed | None:
    """The failure of a suite, or None: it must exit 0, and every required step must be there and passed."""
    if result.ok and suite.passed:
        return None
    return Failed("suite_failed", command_facts(result) | {
        "suite": name,
        "missing": list(suite.missing),
        "failures": dict(list(suite.failures.items())[:5]),
    })  # fmt: skip


def command_facts(result: CommandResult) -> dict[str, Any]:
    """What people need of a command that failed: its name, how it ended, its last lines, its log (in the release's
    folder)."""
    return {
        "name": result.name,
        "log": log_of(result.name),
        "code": result.code,
        "timed_out": result.timed_out,
        "seconds": round(result.seconds, 1),
        "tail": list(result.tail[-12:]),
    }


def log_of(name: str) -> str:
    """Where a command's output is, in the release's folder: cleaned, redacted and bounded by the runner."""
    return f"logs/{name}.log"


def target(ctx: Context, where: str) -> DeployTarget:
    return ctx.ports.targets[where]


async def images(ctx: Context, release_id: str) -> tuple[Image, ...]:
    """The images that a release was tested, approved and deployed with."""
    return await bundles.images(ctx.db, release_id)


async def bundle(ctx: Context, where: str, release: Release | None = None) -> Bundle:
    """All services of a release (this one unless another is given) for one environment."""
    return await bundles.bundle(ctx.db, ctx.ports, release or ctx.release, where)


async def base_release(ctx: Context) -> Release | None:
    """The release that was live before this one: where the way back leads."""
    if not ctx.release.base_release:
        return None
    async with ctx.db.reading() as session:
        return await session.get(Release, ctx.release.base_release)


async def contractions(ctx: Context) -> tuple[str, ...]:
    """What the version in service has announced not to need any more, in its own playbook."""
    base = await base_release(ctx)
    settings = (base.playbook.get("migrations") or {}) if base else {}
    return tuple(settings.get("contractions", ()))


async def run_of(ctx: Context, release_id: str, *stages: str) -> StageRun | None:
    """The last run of one of these stages of another release."""
    async with ctx.db.reading() as session:
        found: StageRun | None = await session.scalar(
            select(StageRun)
            .where(StageRun.release_id == release_id, StageRun.name.in_(stages))
            .order_by(StageRun.id.desc())
            .limit(1)
        )
        return found


async def kept_by(ctx: Context) -> str | None:
    """Which approver decided that the release goes on, whatever this stage run found."""
    said = await last_decision(ctx, "keep")
    return said.user if said else None


async def last_decision(ctx: Context, *kinds: str) -> Approval | None:
    """The newest decision of these kinds that people made on this stage run."""
    async with ctx.db.reading() as session:
        found: Approval | None = await session.scalar(
            select(Approval)
            .where(Approval.stage_run_id == ctx.run.id, Approval.decision.in_(kinds))
            .order_by(Approval.id.desc())
            .limit(1)
        )
        return found


async def skipped(ctx: Context) -> Skipped | None:
    """Whether a person had this attempt of a stage skipped. Only what has waited can have been."""
    said = await last_decision(ctx, "skip") if ctx.run.code else None
    return Skipped("skipped_by", {"by": said.user, "reason": said.note}) if said else None


def migration_job(ctx: Context, where: str) -> MigrationJob | None:
    """The product's migrations against one environment's database; None when it has none."""
    settings = ctx.playbook.migrations
    if settings is None:
        return None
    env = environment.merged(environment.base(), patience(settings), variables(ctx, where))
    log = ctx.folder / "logs" / f"{ctx.run.name}-migrations.log"
    return MigrationJob(ctx.checkout, settings.config, env, log, settings.timeout.total_seconds())


def patience(settings: Migrations) -> dict[str, str]:
    """How long a statement on PostgreSQL may wait for a lock, and last: libpq's own variable, which needs no env.py."""
    limits = {
        "lock_timeout": settings.lock_timeout,
        "statement_timeout": settings.statement_timeout or settings.timeout,
    }
    given = [f"-c {name}={int(limit.total_seconds() * 1000)}ms" for name, limit in limits.items()]
    return {"PGOPTIONS": " ".join(given)}


def database_url(ctx: Context, where: str) -> str:
    """The URL of one environment's database. Raises PipelineError when it is not declared."""
    settings = ctx.playbook.migrations
    name = settings.url_env if settings else "DATABASE_URL"
    values = variables(ctx, where)
    if name not in values:
        raise PipelineError(
            f"{name} is not declared for {where}. Add it to bot.toml's env or to the secrets."
        )
    return values[name]


async def record_deployment(
    ctx: Context, kind: str, deployed: Release, environment: str = "production"
) -> datetime:
    """Write down, once, that a version took all traffic of an environment, and how long that has taken."""
    async with ctx.recording() as session:
        known: datetime | None = await session.scalar(
            select(Deployment.at).where(
                Deployment.cause == ctx.release.id,
                Deployment.kind == kind,
                Deployment.environment == environment,
            )
        )
        if known is not None:
            return known
        at = ctx.clock()
        lead, restore = await timings.of(session, ctx.release, ctx.runs, kind, at)
        session.add(
            Deployment(
                product=ctx.release.product,
                environment=environment,
                release_id=deployed.id,
                kind=kind,
                version=deployed.version,
                cause=ctx.release.id,
                at=at,
                lead_seconds=lead,
                restore_seconds=restore,
            )
        )
        what = {"environment": environment, "kind": kind, "version": deployed.version}
        fact = Fact("version_deployed", payload=what | {"commit": deployed.commit}, topics=())
        await record(session, ctx.release, [fact], at)
    return at
