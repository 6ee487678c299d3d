"""What a person does with the modals they have open: fill in, submit, close."""

from typing import Any

from bot.sandbox import payloads, views
from bot.sandbox.acts import Acts
from bot.sandbox.blocks import elements
from bot.sandbox.delivery import Delivered
from bot.sandbox.errors import SandboxError, SlackError
from bot.sandbox.forms import complaints
from bot.sandbox.workspace import View

Json = dict[str, Any]
Values = dict[str, dict[str, Any]]


async def submit(acts: Acts, user: str, view_id: str, values: Values | None = None) -> Delivered:
    """Fill in `values` ({block_id: {action_id: value}}) and submit.

    A form that the page itself would not send comes back with error `invalid_input` and field errors.
    """
    view = acts.own_view(user, view_id)
    await _fill_all(acts, view, values or {})
    state = acts.state(view)
    problems = complaints(view.blocks, state)
    if problems:
        return Delivered(acked=False, latency_ms=0.0, error="invalid_input", errors=problems)
    payload = payloads.submission(acts.core, acts.workspace.user(user), view, state)
    result = await acts.courier.deliver("interactive", payload)
    return _after(acts, view, result) if result.acked else result


async def close(acts: Acts, user: str, view_id: str, *, everything: bool = False) -> Delivered | None:
    """Close a modal (or the whole stack); the bot hears of it only when it asked (notify_on_close)."""
    view = acts.own_view(user, view_id)
    state = acts.state(view)
    if everything or view.content.get("clear_on_close"):
        _drop(acts, acts.workspace.stacks.get(user, []))
    else:
        stack = acts.workspace.stacks.get(user, [])
        _drop(acts, stack[stack.index(view) :])
    if not view.content.get("notify_on_close"):
        return None
    payload = payloads.closing(acts.workspace.user(user), view, state, cleared=everything)
    return await acts.courier.deliver("interactive", payload)


async def _fill_all(acts: Acts, view: View, values: Values) -> None:
    places = {(b["block_id"], e.get("action_id")): (b, e) for b in view.blocks for e in elements(b)}
    for block_id, given in values.items():
        for action_id, value in given.items():
            if (block_id, action_id) not in places:
                known = ", ".join(f"{b}/{a}" for b, a in places if a)
                raise SandboxError(f"{view.id} has no field {block_id}/{action_id}. It has: {known}.")
            await acts.fill(view.user, view.id, *places[block_id, action_id], value)


def _after(acts: Acts, view: View, result: Delivered) -> Delivered:
    answer = result.answer if isinstance(result.answer, dict) else {}
    try:
        errors = _respond(acts, view, answer)
    except SlackError as error:
        detail = "; ".join(error.messages) or error.code
        return Delivered(True, result.latency_ms, f"{error.code}: {detail}", result.answer)
    finally:
        acts.core.journal.ring()
    return Delivered(True, result.latency_ms, None, result.answer, errors)


def _respond(acts: Acts, view: View, answer: Json) -> dict[str, str]:
    stack = acts.workspace.stacks.get(view.user, [])
    match answer.get("response_action"):
        case "errors":
            return _field_errors(view, answer)
        case "update":
            views.replace(view, views.modal(answer.get("view")))
        case "push":
            views.push_view(acts.workspace, view.user, views.modal(answer.get("view")))
        case "clear":
            _drop(acts, stack)
        case None:
            # The bot may have closed or replaced it meanwhile.
            _drop(acts, [view] if view in stack else [])
        case other:
            raise SlackError("invalid_response_action", [f"unknown response_action {other!r}"])
    return {}


def _field_errors(view: View, answer: Json) -> dict[str, str]:
    errors = answer.get("errors")
    inputs = {block["block_id"] for block in view.blocks if block.get("type") == "input"}
    if not isinstance(errors, dict) or not errors or not inputs.issuperset(errors):
        # Slack shows its general error when the names are not those of input blocks.
        raise SlackError("invalid_errors", [f"errors must name input blocks: {', '.join(sorted(inputs))}"])
    return {block_id: str(text) for block_id, text in errors.items()}


def _drop(acts: Acts, gone: list[View]) -> None:
    for view in [*gone]:
        acts.workspace.stacks[view.user].remove(view)
        acts.workspace.inputs.pop((view.user, view.id), None)
    acts.core.journal.ring()
