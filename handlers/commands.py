"""Slash commands: what was typed becomes a command of the service, or a refusal that teaches."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from handlers import (
    asking,
    asks,
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
from handlers.phrases import FreezePhrase, LockPhrase, SchedulePhrase
from handlers.text import help as help_text
from pipeline import turning
from pipeline.errors import Refused


async def on_release(desk: Desk, request: Request) -> None:
    """`/release ...`"""
    if request.trigger and not request.fields["text"].split():
        await starting.open_form(desk, request)
    else:
        await _in_its_channel(desk, request)


async def on_approve(desk: Desk, request: Request) -> None:
    """`/approve`: the form of the release that waits in this channel."""
    await _in_its_channel(desk, request)


async def on_rollback(desk: Desk, request: Request) -> None:
    """`/rollback`: the form that shows what would happen."""
    await _in_its_channel(desk, request)


async def _in_its_channel(desk: Desk, request: Request) -> None:
    """Carry a command out for the channel's product; one that belongs to none, or to several, is asked about."""
    products = desk.service.products_of(request.channel)
    if len(products) == 1:
        await _said(desk, request, products[0], request.name, request.fields["text"])
    elif request.trigger is None:
        desk.service.product_of(request.channel)
    else:
        await asking.ask_product(desk, request, products)


async def for_product(desk: Desk, request: Request) -> None:
    """The form that asks for the product: the command is carried out as if it was typed in that one's channel."""
    command, text = str(request.fields.get("command")), str(request.fields.get("text") or "")
    await _said(desk, request, asking.product_of(desk, request.fields), command, text)


async def _said(desk: Desk, request: Request, product: str, command: str, text: str) -> None:
    names = desk.service.config.commands
    if command == names.approve:
        await _carry_out(desk, request, product, grammar.Approve())
    elif command == names.rollback:
        await _carry_out(desk, request, product, grammar.RollBack(" ".join(text.split())))
    else:
        await _release(desk, request, product, text[: grammar.LONGEST])


async def _release(desk: Desk, request: Request, product: str, text: str) -> None:
    """What is missing is asked for by a form; what is wrong is refused, with the form beside it."""
    try:
        typed = grammar.parse_release(text, desk.now(product))
    except Refused as refusal:
        await _ask_for(desk, request, product, text, refusal)
        return
    try:
        await _carry_out(desk, request, product, typed)
    except Refused as refusal:
        if refusal.code not in asking.MISTYPED:
            raise
        await _refuse(desk, request, product, text, refusal)


async def _ask_for(desk: Desk, request: Request, product: str, text: str, refusal: Refused) -> None:
    known = asking.about(text)
    if known is not None and asking.left_out(refusal):
        try:
            await asking.open_form(desk, request, product, *known)
            return
        except Refused as without:
            if without.code not in asking.NO_FORM:
                raise
    shown = await starting.with_examples(desk, product, refusal)
    await _refuse(desk, request, product, text, shown)


async def _refuse(desk: Desk, request: Request, product: str, text: str, refusal: Refused) -> None:
    known = asking.about(text)
    await desk.refuse(request, refusal, asking.button(product, text) if known is not None else None)


async def fill(desk: Desk, request: Request) -> None:
    """The button beside a refusal or a list: the form, filled with what was typed."""
    product, text = closing.hints(desk, request, 2)
    known = asking.about(text)
    if known is None:
        raise Refused("out_of_date", version="the product")
    await asking.open_form(desk, request, product, *known)


async def on_form(desk: Desk, request: Request) -> None:
    """The form of a command: it is carried out as if it was typed, and everything is looked at again."""
    product = asking.product_of(desk, request.fields)
    typed = asks.FORMS[request.name].make(asking.given(desk, product, request.fields))
    await _carry_out(desk, request, product, typed)


async def _carry_out(desk: Desk, request: Request, product: str, typed: grammar.Typed) -> None:
    await CARRIED_OUT[type(typed)](desk, request, product, typed)


async def _approve(desk: Desk, request: Request, product: str, typed: grammar.Approve) -> None:
    await forms.open_approval(desk, request, (await working.current(desk, product)).release.id)


async def _reject(desk: Desk, request: Request, product: str, typed: grammar.Reject) -> None:
    release = (await working.current(desk, product)).release.id
    await forms.open_rejection(desk, request, release, why=typed.reason)


async def _roll_back(desk: Desk, request: Request, product: str, typed: grammar.RollBack) -> None:
    await forms.open_rollback(desk, request, product, why=typed.reason)


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
    LockPhrase: closing.lock,
    grammar.Unlock: closing.unlock,
    FreezePhrase: closing.freeze,
    grammar.Unfreeze: closing.unfreeze,
    grammar.Schedule: schedule.schedule,
    SchedulePhrase: schedule.schedule_at,
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
