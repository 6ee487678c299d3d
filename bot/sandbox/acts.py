"""What a person does in messages and places: commands, clicks, shortcuts, opening the Home tab, talking."""

import html
import re
from typing import Any

from bot.sandbox import payloads
from bot.sandbox.args import Args
from bot.sandbox.blocks import action_ids, find, options_of
from bot.sandbox.core import Core
from bot.sandbox.delivery import Courier, Delivered
from bot.sandbox.errors import SandboxError, SlackError
from bot.sandbox.hooks import post
from bot.sandbox.people import Channel, Shortcut, User
from bot.sandbox.render import view_json
from bot.sandbox.values import FIELDS, chosen, pick, state_of
from bot.sandbox.workspace import Message, View, Workspace, require_member

Json = dict[str, Any]
_MENTION = re.compile(r"(?<![\w<])([@#])([\w.-]+)")
REASONS = {
    "dispatch_failed": "the bot is not connected, or it answered with an error",
    "operation_timeout": "the bot did not answer within 3 seconds",
}


class Acts:
    """A person's acts. All return how the bot took it; what nobody could do raises SandboxError."""

    def __init__(self, core: Core, courier: Courier) -> None:
        self.core = core
        self.courier = courier
        self.suggested: dict[tuple[str, str, str], list[Json]] = {}

    @property
    def workspace(self) -> Workspace:
        return self.core.workspace

    async def command(self, user: str, channel: str, name: str, text: str = "") -> Delivered:
        """Type a slash command. Not acked: the person is told so with an ephemeral, as in Slack."""
        place, person = require_member(self.workspace, user, channel), self.workspace.user(user)
        known = {command.name: command for command in self.core.commands}
        if known and name not in known:
            raise SandboxError(f"{name} is not a command of this app. Use one of {', '.join(sorted(known))}.")
        if not known or known[name].should_escape:
            text = escape(self.workspace, text)
        payload = payloads.command(self.core, person, place, name, text)
        result = await self.courier.deliver("slash_commands", payload)
        if result.error:
            self._notice(person, place, f'{name} failed with the error "{result.error}"', result.error)
        elif isinstance(result.answer, dict) and result.answer:
            self._answered(person, place, result.answer)
        return result

    async def click(
        self,
        user: str,
        channel: str,
        message_ts: str,
        action_id: str,
        value: str | None = None,
        selected: Any = None,
        block_id: str | None = None,
    ) -> Delivered:
        """Use an element of a message: press a button (`value` tells alike ones apart) or choose `selected`."""
        require_member(self.workspace, user, channel)
        message = self.visible(user, channel, message_ts)
        block, element = _locate(message.blocks, action_id, block_id, value, f"message {message_ts}")
        action = await self._act(user, message.ts, block, element, selected)
        state = state_of(message.blocks, self.filled(user, message.ts))
        payload = payloads.message_click(self.core, self.workspace.user(user), message, action, state)
        return await self.courier.deliver("interactive", payload)

    async def click_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        value: str | None = None,
        selected: Any = None,
        block_id: str | None = None,
    ) -> Delivered:
        """Use an element of an open modal or of the Home tab."""
        view = self.own_view(user, view_id)
        block, element = _locate(view.blocks, action_id, block_id, value, f"view {view_id}")
        action = await self._act(user, view.id, block, element, selected)
        payload = payloads.view_click(self.core, self.workspace.user(user), view, action, self.state(view))
        return await self.courier.deliver("interactive", payload)

    async def options(
        self, user: str, view_id: str, action_id: str, typed: str = "", block_id: str | None = None
    ) -> list[Json]:
        """Type into an external select of a view; the options that the bot suggests."""
        view = self.own_view(user, view_id)
        block, element = _locate(view.blocks, action_id, block_id, None, f"view {view_id}")
        return await self.suggest(user, view.id, block, element, typed)

    async def message_options(
        self,
        user: str,
        channel: str,
        message_ts: str,
        action_id: str,
        typed: str = "",
        block_id: str | None = None,
    ) -> list[Json]:
        """Type into an external select of a message; the options that the bot suggests."""
        message = self.visible(user, channel, message_ts)
        block, element = _locate(message.blocks, action_id, block_id, None, f"message {message_ts}")
        return await self.suggest(user, message.ts, block, element, typed)

    async def suggest(self, user: str, container: str, block: Json, element: Json, typed: str) -> list[Json]:
        """Ask the bot for an external select's options, in a view or a message."""
        where = self._container(container)
        payload = payloads.suggestion(
            self.workspace.user(user), where, block["block_id"], element["action_id"], typed
        )
        result = await self.courier.deliver("interactive", payload)
        found = options_of(result.answer) if isinstance(result.answer, dict) else []
        known = self.suggested.setdefault((container, block["block_id"], element["action_id"]), [])
        known += [option for option in found if option not in known]
        return found

    async def shortcut(self, user: str, callback_id: str) -> Delivered:
        """Use a global shortcut."""
        payload = payloads.global_shortcut(self.core, self.workspace.user(user), self._shortcut(callback_id))
        return await self.courier.deliver("interactive", payload)

    async def message_shortcut(self, user: str, channel: str, message_ts: str, callback_id: str) -> Delivered:
        """Use a shortcut on a message."""
        person, message = self.workspace.user(user), self.visible(user, channel, message_ts)
        shortcut = self._shortcut(callback_id)
        payload = payloads.message_shortcut(self.core, person, shortcut, message)
        return await self.courier.deliver("interactive", payload)

    async def open_home(self, user: str) -> Delivered:
        """Open the app's Home tab."""
        return await self.courier.deliver_event(payloads.home_opened(self.core, self.workspace.user(user)))

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Write an ordinary message; the bot gets no event for it (it has no history scope)."""
        place = require_member(self.workspace, user, channel)
        if not text.strip():
            raise SandboxError("A message needs text. Write something first.")
        text = escape(self.workspace, text)
        message = Message(self.workspace.timestamp(), place.id, user, text, thread_ts=thread_ts)
        self.workspace.post(message)
        self.core.journal.ring()
        return message

    def visible(self, user: str, channel: str, ts: str) -> Message:
        """A message that the person sees. Raises SandboxError when they see none like it."""
        place = self.workspace.channel(channel)
        for message in self.workspace.visible(user, place.id):
            if message.ts == ts:
                return message
        raise SandboxError(
            f"{user} sees no message {ts} in {place.id}. Look at sandbox.messages({place.id!r})."
        )

    def own_view(self, user: str, view_id: str) -> View:
        """A view that the person has open. Raises SandboxError when it is not theirs or closed."""
        for view in self.workspace.views():
            if view.id == view_id and view.user == user:
                return view
        raise SandboxError(f"{user} has no view {view_id} open. Look at sandbox.views({user!r}).")

    def filled(self, user: str, container: str) -> Json:
        """What the person filled into a message or view, by block_id and action_id."""
        return self.workspace.inputs.setdefault((user, container), {})

    def state(self, view: View) -> Json:
        """state.values of a view as its person has it filled in."""
        return state_of(view.blocks, self.filled(view.user, view.id), view.channel)

    async def fill(self, user: str, container: str, block: Json, element: Json, given: Any) -> Json:
        """Put a value into an element; an external select asks the bot when the option is not known yet."""
        key = (container, block["block_id"], element["action_id"])
        is_external = str(element["type"]).endswith("external_select")
        if is_external and given and key not in self.suggested and not isinstance(given, dict):
            await self.suggest(user, container, block, element, "")
        state = chosen(element, given, self.suggested.get(key, ()))
        self.filled(user, container).setdefault(key[1], {})[key[2]] = state
        return state

    async def _act(self, user: str, container: str, block: Json, element: Json, selected: Any) -> Json:
        action: Json = {
            "type": element["type"],
            "block_id": block["block_id"],
            "action_id": element["action_id"],
            "action_ts": payloads.action_ts(),
        }
        if element["type"] == "overflow":
            return action | {"selected_option": pick(element["options"], selected)}
        if element["type"] in FIELDS:
            return action | await self.fill(user, container, block, element, selected)
        return action | {key: element[key] for key in ("text", "value", "url", "style") if key in element}

    def _container(self, container: str) -> Json:
        for view in self.workspace.views():
            if view.id == container:
                shown = view_json(view, self.state(view))
                return {"container": {"type": "view", "view_id": container}, "view": shown}
        message = next(m for m in self.workspace.messages if m.ts == container)
        where = {"type": "message", "message_ts": container, "channel_id": message.channel}
        return {"container": where, "channel": {"id": message.channel}}

    def _shortcut(self, callback_id: str) -> Shortcut:
        for shortcut in self.core.shortcuts:
            if shortcut.callback_id == callback_id:
                return shortcut
        raise SandboxError(f"The app has no shortcut {callback_id!r}. Give it to Sandbox(shortcuts=[...]).")

    def _answered(self, person: User, place: Channel, answer: Json) -> None:
        try:
            post(self.workspace, person.id, place.id, Args(answer))
        except SlackError as error:
            self._notice(person, place, f'The answer was refused with the error "{error.code}"', error.code)
        self.core.journal.ring()

    def _notice(self, person: User, place: Channel, text: str, code: str) -> None:
        reason = REASONS.get(code, "the bot's answer is not a valid message")
        shown = f"{text}: {reason}. Look at the bot's log, then try again."
        ts = self.workspace.timestamp()
        self.workspace.post(Message(ts, place.id, "USLACKBOT", shown, to=person.id, notice=True))
        self.core.journal.ring()


def escape(workspace: Workspace, text: str) -> str:
    """Typed text as Slack passes it on: & < > escaped, known @people, @groups and #channels as mentions."""
    people = {user.name: f"<@{user.id}|{user.name}>" for user in workspace.users.values()}
    groups = {g.handle: f"<!subteam^{g.id}|@{g.handle}>" for g in workspace.groups.values()}
    places = {c.name: f"<#{c.id}|{c.name}>" for c in workspace.channels.values() if not c.is_im}

    def mention(found: re.Match[str]) -> str:
        known = places if found[1] == "#" else groups | people
        return known.get(found[2], found[0])

    return _MENTION.sub(mention, html.escape(text, quote=False))


def _locate(
    blocks: list[Json], action_id: str, block_id: str | None, value: str | None, where: str
) -> tuple[Json, Json]:
    found = find(blocks, action_id, block_id, value)
    if found is None:
        asked = ", ".join(f"{k}={v!r}" for k, v in {"block_id": block_id, "value": value}.items() if v)
        raise SandboxError(
            f"The {where} has no element {action_id!r} {f'with {asked}' if asked else ''}. "
            f"It has: {', '.join(action_ids(blocks)) or 'none'}."
        )
    return found
