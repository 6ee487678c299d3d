"""Slash commands: what was typed becomes a command of the service, or a refusal that teaches."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from handlers import (
    closing,
    flags,
    following,
    forms,
    grammar,
    hotfix,
    looking,
    measuring,
    schedule,
    starting,
    working,
)
from handlers.desk import Desk, Request
from handlers.flags_grammar import ShowFlags, SwitchFlag
from handlers.metrics_grammar import ShowMetrics
from handlers.text import help as help_text
from pipeline import turning
from pipeline.errors import Refused


async def on_release(desk: Desk, request: Request) -> None:
    """`/release ...`"""
    if request.trigger and not request.fields["text"].split():
        await starting.open_form(desk, request)
        return
    product = desk.service.product_of(request.channel)
    try:
        typed = grammar.parse_release(request.fields["text"])
    except Refused as refusal:
        raise await starting.with_examples(desk, product, refusal) from None
    await _carry_out(desk, request, product, typed)


async def on_approve(desk: Desk, request: Request) -> None:
    """`/approve`: the form of the release that waits in this channel."""
    await _carry_out(desk, request, desk.service.product_of(request.channel), grammar.Approve())


async def on_rollback(desk: Desk, request: Request) -> None:
    """`/rollback`: the form that shows what would happen."""
    await _carry_out(desk, request, desk.service.product_of(request.channel), grammar.RollBack())


async def _carry_out(desk: Desk, request: Request, product: str, typed: grammar.Typed) -> None:
    await CARRIED_OUT[type(typed)](desk, request, product, typed)


async def _approve(desk: Desk, request: Request, product: str, typed: grammar.Approve) -> None:
    await forms.open_approval(desk, request, (await working.current(desk, product)).release.id)


async def _reject(desk: Desk, request: Request, product: str, typed: grammar.Reject) -> None:
    await forms.open_rejection(desk, request, (await working.current(desk, product)).release.id)


async def _roll_back(desk: Desk, request: Request, product: str, typed: grammar.RollBack) -> None:
    await forms.open_rollback(desk, request, product)


async def _abort(desk: Desk, request: Request, product: str, typed: grammar.Abort) -> None:
    release_id = (await working.current(desk, product)).release.id
    await turning.abort(desk.service, request.actor, release_id, typed.reason, request.origin)


async def _help(desk: Desk, request: Request, product: str, typed: grammar.Help) -> None:
    await desk.tell(request, help_text.commands(desk.service.config.commands))


CARRIED_OUT: Mapping[type[grammar.Typed], Callable[[Desk, Request, str, Any], Awaitable[None]]] = {
    grammar.StartRelease: starting.start,
    grammar.Hotfix: hotfix.start,
    grammar.Approve: _approve,
    grammar.Reject: _reject,
    grammar.RollBack: _roll_back,
    grammar.Abort: _abort,
    grammar.Retry: working.retry,
    grammar.Skip: working.skip,
    grammar.Pause: working.pause,
    grammar.Resume: working.resume,
    grammar.Lock: closing.lock,
    grammar.Unlock: closing.unlock,
    grammar.Freeze: closing.freeze,
    grammar.Unfreeze: closing.unfreeze,
    grammar.Schedule: schedule.schedule,
    grammar.Queue: schedule.queue,
    grammar.Unschedule: schedule.unschedule,
    grammar.ShowStatus: looking.status,
    grammar.ListReleases: looking.recent,
    ShowMetrics: measuring.show,
    grammar.Plan: looking.plan,
    grammar.Show: looking.show,
    grammar.Logs: looking.logs,
    grammar.Follow: following.follow,
    ShowFlags: flags.show,
    SwitchFlag: flags.ask,
    grammar.Help: _help,
}
"""Who carries out each command that the grammar knows."""
