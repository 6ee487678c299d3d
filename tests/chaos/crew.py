"""The people of one product: they use Slack as people do, and try again when the bot did not take what they did."""

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bot.sandbox.delivery import Delivered
from bot.sandbox.errors import SandboxError
from bot.sandbox.modals import Values
from bot.sandbox.workspace import Message, View
from handlers.text import ids
from tests.chaos.board import Board, about, values
from tests.chaos.outside import Outside

T = TypeVar("T")
PATIENCE = 240.0
"""Seconds after which something that was acknowledged counts as lost, and something expected as missing."""
GLANCE = 0.1
FORM = 6.0
"""Seconds that a person waits for a form before pressing the button again."""
BUSY = "Another release is under way"
WAITING = "is waiting already"
HALTED = "It is halted"
REFUSED = "🚫"


class LostError(AssertionError):
    """What should have happened did not: a finding."""


@dataclass
class Crew:
    """Who starts, who approves, who rolls back; `unacked` counts what Slack told them had failed."""

    board: Board
    outside: Outside
    product: str
    channel: str
    starter: str
    approver: str
    roller: str
    dice: random.Random
    patience: float = PATIENCE
    unacked: int = 0
    ghosts: int = 0
    approved_at: dict[str, float] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)

    # ------------------------------------------------------------- looking

    async def until(self, seen: Callable[[], T], what: str, seconds: float | None = None) -> T:
        """Look until there is something to see. Raises LostError."""
        end = time.monotonic() + (seconds or self.patience)
        while not (found := seen()):
            if time.monotonic() >= end:
                raise LostError(f"{self.product}: {what} did not come within {seconds or self.patience:g} s")
            await asyncio.sleep(GLANCE)
        return found

    def card(self, version: str) -> Message | None:
        """The newest card of a version."""
        return next(iter(self.cards_of(version)), None)

    def cards_of(self, version: str) -> list[Message]:
        """The cards of a version, newest first."""
        headline = f"Release {self.product} {version} — "
        shown = reversed(self.board.messages(self.channel))
        return [message for message in shown if message.text.startswith(headline)]

    def cards(self) -> list[Message]:
        return [m for m in self.board.messages(self.channel) if about(m)[1] == "card"]

    def messages_of(self, version: str) -> list[Message]:
        """What was posted about a version's release, newest first."""
        card = self.card(version)
        if card is None:
            return []
        release = about(card)[0]
        return [m for m in reversed(self.board.messages(self.channel)) if about(m)[0] == release]

    def topic(self, version: str, start: str) -> Message | None:
        """The newest message of a version's release whose topic begins like this."""
        return next((m for m in self.messages_of(version) if about(m)[1].startswith(start)), None)

    def did(self, kind: str, place: str, what: str) -> bool:
        """Whether the world outside shows it."""
        return any(entry.deed == (kind, place, what) for entry in self.outside.entries(self.product))

    # -------------------------------------------------------------- acting

    async def take(self, do: Callable[[], Awaitable[Delivered]]) -> bool:
        """Do it until Slack says that the bot took it. False: it cannot be done any more (a button is gone)."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            try:
                answer = await do()
            except SandboxError:
                return False
            if answer.acked and not answer.errors:
                return True
            self.unacked += 1
            await asyncio.sleep(self.dice.uniform(0.2, 1.0))
        raise LostError(f"{self.product}: no bot took a request within {self.patience:g} s")

    async def insist(
        self, user: str, do: Callable[[], Awaitable[Delivered]], seen: Callable[[], T], what: str
    ) -> T:
        """Do it, and once it was acknowledged wait for its effect; when refused with a reason, do it again."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            told = len(self.board.told(user))
            await self.take(do)
            await self.until(lambda told=told: seen() or self._answered(user, told), f"{what} (acknowledged)")  # type: ignore[misc]  # lambda with a default
            if found := seen():
                return found
            answer = self.board.told(user)[-1]
            self.answers.append(answer)
            if REFUSED not in answer:
                if HALTED in answer:
                    await self._let_the_queue_go_on()
                return await self.until(seen, what)
            if BUSY in answer and _named(answer) in what:
                return await self.until(seen, what)  # an earlier try had arrived after all
            await self._get_out_of_the_way(answer)
            await asyncio.sleep(self.dice.uniform(0.3, 1.0))
            if found := seen():
                return found
        raise LostError(f"{self.product}: {what} was refused for {self.patience:g} s: {self.answers[-3:]}")

    def _answered(self, user: str, told: int) -> bool:
        return len(self.board.told(user)) > told

    async def _get_out_of_the_way(self, answer: str) -> None:
        """A command that Slack called failed may have arrived late: its release is stopped like any unwanted one."""
        if BUSY in answer and self.unacked:
            self.ghosts += 1
            await self.take(lambda: self.command(self.starter, "/release", "abort late command"))
        if WAITING in answer:
            await self._let_the_queue_go_on()

    async def _let_the_queue_go_on(self) -> None:
        """It is halted where such a late release has failed since."""
        shown = reversed(self.board.messages(self.channel))
        halted = next((message for message in shown if values(message, ids.GO_ON)), None)
        if halted:
            value = values(halted, ids.GO_ON)[0]
            await self.take(lambda: self.click(self.starter, halted, ids.GO_ON, value))

    async def command(self, user: str, name: str, text: str) -> Delivered:
        return await self.board.sandbox.command(user, self.channel, name, text)

    async def click(self, user: str, message: Message, action: str, value: str) -> Delivered:
        return await self.board.sandbox.click(user, self.channel, message.ts, action, value)

    async def form(self, user: str, do: Callable[[], Awaitable[Delivered]], what: str) -> View | None:
        """Open a form; None when it did not open: a trigger lives three seconds, the person tries again."""
        self.board.close_forms(user)
        told = len(self.board.told(user))
        if not await self.take(do):
            return None
        with contextlib.suppress(LostError):
            await self.until(lambda: self.board.forms(user) or self._answered(user, told), what, FORM)
        open_ = self.board.forms(user)
        return open_[-1] if open_ else None

    async def submit(
        self,
        user: str,
        opener: Callable[[], Awaitable[Delivered]],
        given: Values,
        seen: Callable[[], T],
        what: str,
    ) -> T:
        """Fill in a form and wait for what it does."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if found := seen():  # an earlier submission that Slack called failed may have arrived late
                return found
            view = await self.form(user, opener, what)
            if view is None:
                continue
            told = len(self.board.told(user))
            if not await self.take(lambda view=view: self.board.sandbox.submit(user, view.id, given)):  # type: ignore[misc]  # lambda with a default
                continue
            await self.until(lambda told=told: seen() or self._answered(user, told), f"{what} (acknowledged)")  # type: ignore[misc]  # lambda with a default
            if found := seen():
                return found
            self.answers.append(self.board.told(user)[-1])
        raise LostError(f"{self.product}: {what} was refused for {self.patience:g} s: {self.answers[-3:]}")

    async def tick(self, version: str, phase: str) -> None:
        """Tick every open item of a checklist."""
        topic = f"checklist:{phase}"
        await self.until(lambda: self.topic(version, topic), f"{version}'s {topic}")
        while message := self.topic(version, topic):
            open_ = values(message, ids.TICK)
            if not open_:
                return
            await self.insist(
                self.starter,
                lambda message=message, value=open_[0]: self.click(self.starter, message, ids.TICK, value),  # type: ignore[misc]  # lambda with defaults
                lambda value=open_[0]: value not in values(self.topic(version, topic) or message, ids.TICK),  # type: ignore[misc]  # as above
                f"{version}'s tick",
            )


def _named(answer: str) -> str:
    """The version that a refusal says is under way."""
    found = re.search(r"under way: (v[\d.]*\d)", answer)
    return found[1] if found else "no version"
