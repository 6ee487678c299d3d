"""The views.* methods, and what an answer to a submission does to a person's stack of modals."""

import secrets
from typing import Any

from bot.sandbox import limits
from bot.sandbox.args import Args
from bot.sandbox.blocks import named
from bot.sandbox.errors import SlackError
from bot.sandbox.render import view_json
from bot.sandbox.validate import check_view
from bot.sandbox.workspace import View, Workspace

Json = dict[str, Any]


def open_view(workspace: Workspace, args: Args) -> Json:
    """views.open: a new stack for the trigger's person."""
    content = modal(args.json("view"))
    _free_external_id(workspace, content)
    trigger = workspace.exchange(args.text("trigger_id"))
    view = new_view(trigger.user, content, channel=trigger.channel)
    workspace.stacks[trigger.user] = [view]
    return {"view": view_json(view)}


def push(workspace: Workspace, args: Args) -> Json:
    """views.push: on top of the stack, at most three high. The trigger must come from an open modal."""
    content = modal(args.json("view"))
    _free_external_id(workspace, content)
    trigger = workspace.exchange(args.text("trigger_id"))
    stack = workspace.stacks.get(trigger.user, [])
    if trigger.view is None or all(view.id != trigger.view for view in stack):
        raise SlackError("not_found")
    return {"view": view_json(push_view(workspace, trigger.user, content))}


def update(workspace: Workspace, args: Args) -> Json:
    """views.update: by view_id or external_id; a `hash` that is not the view's is a conflict."""
    content = checked(args.json("view"))
    view = _by_id(workspace, args)
    _same_hash(view, args.optional("hash"))
    if content["type"] != view.type:
        raise SlackError(
            "invalid_arguments", [f"[ERROR] type must stay {view.type} [json-pointer:/view/type]"]
        )
    replace(view, content)
    return {"view": view_json(view)}


def publish(workspace: Workspace, args: Args) -> Json:
    """views.publish: a person's Home tab."""
    content = checked(args.json("view"))
    person = workspace.user(args.text("user_id"))
    if content["type"] != limits.HOME:
        raise SlackError("invalid_arguments", ["[ERROR] type must be home [json-pointer:/view/type]"])
    home = workspace.homes.get(person.id)
    if home is None:
        home = workspace.homes[person.id] = new_view(person.id, content)
    else:
        _same_hash(home, args.optional("hash"))
        replace(home, content)
    return {"view": view_json(home)}


def checked(content: object) -> Json:
    """A copy of a view with all ids named. Raises SlackError invalid_arguments, view_too_large."""
    view = check_view(content)
    return view | {"blocks": named(view["blocks"])}


def modal(content: object) -> Json:
    """`checked`, for a modal only."""
    view = checked(content)
    if view["type"] != limits.MODAL:
        raise SlackError("invalid_arguments", ["[ERROR] type must be modal [json-pointer:/view/type]"])
    return view


def new_view(user: str, content: Json, below: View | None = None, channel: str | None = None) -> View:
    """A view with a fresh id and hash, on top of `below`."""
    view_id = f"V{secrets.token_hex(5).upper()}"
    root, previous = (below.root, below.id) if below else (view_id, None)
    return View(
        view_id, user, content, _hash(), root, previous, channel or (below.channel if below else None)
    )


def push_view(workspace: Workspace, user: str, content: Json) -> View:
    """Put a modal on top of a person's stack. Raises SlackError push_limit_reached."""
    stack = workspace.stacks.setdefault(user, [])
    if len(stack) >= limits.MODAL_STACK:
        raise SlackError("push_limit_reached")
    view = new_view(user, content, stack[-1] if stack else None)
    stack.append(view)
    return view


def replace(view: View, content: Json) -> None:
    """Show something else in a view; what was typed stays where block_id and action_id stay."""
    view.content, view.hash = content, _hash()


def _by_id(workspace: Workspace, args: Args) -> View:
    external = args.optional("external_id")
    if external is None:
        return workspace.view(args.text("view_id"))
    for view in workspace.views():
        if view.content.get("external_id") == external:
            return view
    raise SlackError("not_found")


def _free_external_id(workspace: Workspace, content: Json) -> None:
    wanted = content.get("external_id")
    if wanted and any(view.content.get("external_id") == wanted for view in workspace.views()):
        raise SlackError("duplicate_external_id")


def _same_hash(view: View, given: str | None) -> None:
    if given is not None and given != view.hash:
        raise SlackError("hash_conflict")


def _hash() -> str:
    return f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}"
