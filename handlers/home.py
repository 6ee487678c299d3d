"""The Home tab: what waits for the reader, what runs and what is deployed, the way to start."""

import structlog
from slack_sdk.errors import SlackApiError

from handlers.answers import code
from handlers.blocks import home, parts
from handlers.desk import Desk
from handlers.text import help as help_text
from handlers.text.language import spoken_in, tr
from pipeline import policy
from pipeline.errors import PipelineError, StoreError
from pipeline.outlook import outlook
from pipeline.overview import Standing, standing
from pipeline.snapshot import Snapshot
from pipeline.states import StageStatus

log = structlog.get_logger()

OLD = 60.0
"""Seconds that a group's membership may be old: here it decides what is shown, never what may be done."""


async def publish(desk: Desk, user: str) -> None:
    """Show the tab to one person. It is a view only: what fails here is shown again at the next look."""
    with spoken_in(await desk.languages.of(user, desk.service.language_of(""))):
        blocks = [parts.header(tr("Releases")), home.start_button(), *await _body(desk, user)]
        blocks.append(parts.section(help_text.commands(desk.service.config.commands)))
    view = {"type": "home", "blocks": parts.as_dicts(blocks)[: home.LIMIT]}
    try:
        await desk.client.views_publish(user_id=user, view=view)
    except SlackApiError as error:
        if code(error) != "hash_conflict":
            raise


async def _body(desk: Desk, user: str) -> list[parts.Part]:
    try:
        found = [await standing(desk.service, name) for name in desk.service.config.products]
        ahead = [await outlook(desk.service, name) for name in desk.service.config.products]
        measured = [await desk.measures.of(desk.service, name) for name in desk.service.config.products]
    except StoreError:
        return [parts.section("⚠️ " + tr(help_text.NO_DATABASE))]
    waits = [block for one in found for block in await _waiting(desk, user, one)]
    for_me = [parts.header(tr("Waiting for you")), *waits] if waits else []
    products = [
        block
        for one, next_, figures in zip(found, ahead, measured, strict=True)
        for block in home.product(one, next_, figures, desk.service.product(one.product).channel)
    ]
    return [*for_me, parts.header(tr("Products")), *products]


async def _waiting(desk: Desk, user: str, here: Standing) -> list[parts.Part]:
    """What a product's release wants of this person, as far as Slack tells who is in which group."""
    if here.current is None:
        return []
    try:
        tasks = [task for task in _tasks(here.current, user) if await _is_for(desk, user, here.product, task)]
    except PipelineError as error:
        log.warning("home: who may do what could not be looked up", error=str(error))
        return []
    return home.waiting(here.current, tasks)


def _tasks(shown: Snapshot, user: str) -> list[str]:
    """What is asked of people now, and could be asked of this one."""
    waiting = [run for run in shown.runs.values() if run.status is StageStatus.WAITING]
    asked = {run.name for run in waiting}
    approved = any(a.user == user and a.stage_run_id in {run.id for run in waiting} for a in shown.approvals)
    tasks = ["approve"] if "approval" in asked and not approved and user != shown.release.requested_by else []
    tasks += ["tick"] if asked & {"checklist", "after"} else []
    decide = any(str(run.data.get("asks", "")).startswith("decision") for run in waiting)
    return tasks + (["decide"] if decide else [])


async def _is_for(desk: Desk, user: str, product: str, task: str) -> bool:
    action: policy.Action = "tick" if task == "tick" else "approve"
    entries = policy.listed(action, desk.service.product(product))
    return user in await policy.members(entries, desk.service.ports(product).directory, OLD)
