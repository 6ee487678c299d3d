"""Preflight: what must be true before anything is spent on the release."""

import asyncio
from pathlib import Path
from typing import Any

from pipeline import environment, standing
from pipeline.changes import Changes
from pipeline.config import Component, Playbook, Product
from pipeline.context import Context, Failed, Outcome, Passed, Secrets
from pipeline.stages.common import contractions
from pipeline.stages.flags import at_commit, in_force
from pipeline.version import parse_version

MOST_CHANGES = 300
"""Changes kept with the release for messages; the repository has them all."""


async def check(ctx: Context) -> Outcome:
    """Check out the commit, and name every problem at once rather than one per try."""
    await ctx.ports.repository.fetch()
    await ctx.ports.repository.checkout(ctx.release.commit, ctx.checkout)
    problems = [
        *await _repository(ctx),
        *variables_missing(ctx.playbook, ctx.product, ctx.ports.secrets),
        *images_missing(ctx.playbook, ctx.product),
        *limits_unreadable(ctx.playbook, ctx.product),
        *await asyncio.to_thread(_files, ctx),
    ]
    if problems:
        return Failed("not_ready", {"problems": problems})
    release = ctx.release
    context = await ctx.ports.changelog.context(release.commit, release.base_commit, release.version)
    changes = Changes.from_context(context, base=release.base_commit, head=release.commit)
    kept = [{**vars(change), "trailers": dict(change.trailers)} for change in changes.items[:MOST_CHANGES]]
    told = {
        "commit": release.commit[:10],
        "changes": len(changes.items),
        "flags": await in_force(ctx),
        "unused": unused(ctx),
    }
    extent = await ctx.ports.repository.extent(release.base_commit, release.commit)
    data = {"changes": kept, "authors": list(changes.emails), "contractions": await _contractions(ctx)}
    return Passed("ready", told, data | standing.kept(ctx.playbook, extent))


async def _contractions(ctx: Context) -> list[str]:
    """What this version announces, and the one before did not, that a later one takes away."""
    settings, known = ctx.playbook.migrations, await contractions(ctx)
    return [thing for thing in (settings.contractions if settings else ()) if thing not in known]


async def _repository(ctx: Context) -> list[dict[str, Any]]:
    problems = []
    tag = parse_version(ctx.release.version).tag
    tagged = (await ctx.ports.repository.tags()).get(tag)
    if ctx.release.direction == "release" and tagged is not None:
        problems.append({"code": "tag_taken", "tag": tag, "commit": tagged[:10]})
    if not await ctx.ports.repository.is_on_main(ctx.release.commit):
        problems.append({"code": "not_on_main", "commit": ctx.release.commit[:10]})
    return problems


def variables_missing(playbook: Playbook, product: Product, secrets: Secrets) -> list[dict[str, Any]]:
    """The variables and secrets that the playbook names for an environment, and that are not there."""
    problems = []
    for where in ("staging", "production"):
        _, missing = environment.declared(playbook, product, where, secrets)
        problems += [
            {
                "code": "variable_missing",
                "name": name,
                "environment": where,
                "secret": environment.secret_name(playbook.product, where, name),
            }
            for name in missing
        ]
    return problems


def unused(ctx: Context) -> list[str]:
    """Names that are set and that nothing asks for, each with its environment: told, for they may be misspelt."""
    return [
        f"{where}: {name}"
        for where in ("staging", "production")
        for name in environment.unused(ctx.playbook, ctx.product, where, ctx.ports.secret_names(where))
    ]


def images_missing(playbook: Playbook, product: Product) -> list[dict[str, Any]]:
    """On Docker every component has an image; elsewhere none has, that a command could run in."""
    if product.environments.production.target == "docker":
        names = [name for name, component in playbook.components.items() if component.image is None]
        return [{"code": "image_missing", "component": name} for name in names]
    checks = playbook.checks().items()
    named = [(key, check.container.component) for key, check in checks if check.container]
    return [{"code": "no_such_image", "check": key, "component": name} for key, name in named if name]


def limits_unreadable(playbook: Playbook, product: Product) -> list[dict[str, Any]]:
    """Without a Prometheus there are no queries, and the product must show its numbers itself."""
    if product.prometheus is not None:
        return []
    problems = [
        {"code": "query_unanswered", "limit": limit.name} for limit in playbook.watch.limits if limit.query
    ]
    metrics = [limit.name for limit in playbook.watch.limits if limit.query is None]
    return problems + [
        {"code": "metrics_unknown", "limit": name} for name in metrics if not playbook.watch.metrics
    ]


def _files(ctx: Context) -> list[dict[str, Any]]:
    """The components' sources are there, and the flags stand at their safe default."""
    problems = [
        {"code": "source_missing", "component": name, "path": source}
        for name, component in ctx.playbook.components.items()
        for source in _sources(ctx, component)
        if not _is_there(ctx.checkout, source)
    ]
    return problems + [{"code": "flag_unsafe", "problem": sentence} for sentence in at_commit(ctx)]


def _sources(ctx: Context, component: Component) -> tuple[str, ...]:
    """What the component's image is made of; on Docker also the Dockerfile."""
    on_docker = ctx.product.environments.production.target == "docker"
    recipe = component.image if on_docker else None
    return (*component.sources, recipe.dockerfile) if recipe else component.sources


def _is_there(checkout: Path, source: str) -> bool:
    """Whether a source of a component is a path or a pattern of the checkout; nothing outside it counts."""
    if Path(source).is_absolute() or ".." in Path(source).parts:
        return False
    return (checkout / source).exists() or any(checkout.glob(source))
