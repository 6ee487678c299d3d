"""Running the playbook's commands: on this machine, or in a container of an image just built or named."""

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import config, environment
from pipeline.config import Check, Playbook, Suite
from pipeline.context import Context
from pipeline.errors import PipelineError
from pipeline.junit import SuiteResult, read_suite
from pipeline.models import Release
from pipeline.ports import Command, CommandResult, Container, Limits, Network
from pipeline.stages.build import image_of
from pipeline.stages.common import images, log_of, variables


@dataclass(frozen=True)
class Tree:
    """A checkout to run commands in, and the release whose commit it is."""

    release_id: str
    path: Path


async def version_before(ctx: Context, previous: Release) -> tuple[Context, Tree]:
    """What runs commands of the version that is in service: by its own playbook, in its own checkout."""
    checkout = ctx.folder / "base-checkout"
    await ctx.ports.repository.checkout(previous.commit, checkout)
    before = replace(ctx, playbook=Playbook.model_validate(previous.playbook))
    return before, Tree(previous.id, checkout)


async def run_check(
    ctx: Context, name: str, check: Check, env: dict[str, str] | None = None, tree: Tree | None = None
) -> CommandResult:
    """Run a command of the playbook; without another `tree`, in the checkout of the released commit.

    `env` is an environment's: with it the command works on something that runs, which is near the bot.
    """
    report = report_path(ctx, name)
    await asyncio.to_thread(report.parent.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(_clear, report)  # a half-written report of an earlier attempt
    tree = tree or Tree(ctx.release.id, ctx.checkout)
    inside = await _container(ctx, check.container, tree, report.parent, near=env is not None)
    command = Command(
        name=name,
        argv=tuple(word.replace("{output}", str(report)) for word in check.run),
        cwd=tree.path,
        env=environment.merged(environment.inside() if inside else environment.base(), env or {}),
        timeout=check.timeout.total_seconds(),
        log=ctx.folder / log_of(name),
        container=inside,
    )
    return await ctx.ports.runner.run(command)


def _clear(report: Path) -> None:
    """Some tools write into a folder."""
    if report.is_dir() and not report.is_symlink():
        shutil.rmtree(report)
    else:
        report.unlink(missing_ok=True)


def report_path(ctx: Context, name: str) -> Path:
    """Where a command writes its report: in a folder of its own, as a container may write all of that."""
    return ctx.folder / "reports" / name / "report.out"


async def run_suite(
    ctx: Context, name: str, suite: Suite, where: str, address: str, version: str, tree: Tree | None = None
) -> tuple[CommandResult, SuiteResult]:
    """Run a suite against an address and read its JUnit report."""
    env = variables(ctx, where) | {
        "SMOKE_BASE_URL": address,
        "EXPECT_VERSION": version,
        "RELEASE_ENVIRONMENT": where,
    }
    result = await run_check(ctx, name, suite, env, tree)
    return result, await asyncio.to_thread(read_suite, report_path(ctx, name), suite.required, suite.dry_run)


async def _container(
    ctx: Context, wanted: config.Container | None, tree: Tree, output: Path, *, near: bool
) -> Container | None:
    if wanted is None:
        return None
    image = wanted.image or await _image(ctx, str(wanted.component), tree)
    limits = Limits(wanted.memory, wanted.cpus, wanted.pids)
    network: Network = ("host" if near else "own") if wanted.network else "none"
    return Container(image, ctx.release.product, output, network, limits)


async def _image(ctx: Context, component: str, tree: Tree) -> str:
    """The image that a release has, or will have: tests do not wait for the build, they ask for it too."""
    if tree.release_id == ctx.release.id:
        return (await image_of(ctx, component)).digest
    digests = {image.component: image.digest for image in await images(ctx, tree.release_id)}
    if component not in digests:
        raise PipelineError(
            f"The version before has no image of {component}, which its playbook wants to run commands in. "
            "Next: look at what serves, and decide."
        )
    return digests[component]
