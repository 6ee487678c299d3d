"""The headless story: what people would do on the page, and what the messages and the product then say."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.demo.house import PRODUCT, House
from bot.demo.visitors import Visitors
from bot.sandbox.workspace import Message, View
from handlers.text import ids
from pipeline.snapshot import Snapshot

CHANNEL = "C0RELEASES"
DANA, LEE = "U0DANA001", "U0LEE0002"
NEW, OLD = "v0.2.0", "v0.1.0"
PATIENCE = 180.0
"""Seconds to wait for one step of the story before it counts as stuck."""


@dataclass
class Story:
    """Plays with a house, prints the conversation as it happens, collects what was not as told."""

    house: House
    problems: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _said: dict[str, str] = field(default_factory=dict)

    async def play(self) -> "Story":
        """The whole story; a step that never comes is a problem, not a hang."""
        narrator = asyncio.create_task(self._narrate())
        try:
            async with Visitors(self.house.url) as visitors:
                await self._release(visitors)
                await self._roll_back(visitors)
            self._check_visitors(visitors)
        except (TimeoutError, LookupError) as error:
            self.problems.append(f"the story got stuck: {error or 'nothing more happened'}")
        finally:
            narrator.cancel()
            await asyncio.gather(narrator, return_exceptions=True)
        return self

    # ------------------------------------------------------------- the acts

    async def _release(self, visitors: Visitors) -> None:
        await self._type(DANA, "/release", NEW)
        await self._tick(DANA, "before")
        request = await self._message("Approval needed")
        await self._press(LEE, request, ids.APPROVE)
        form = await self._form(LEE)
        await self._submit(
            LEE, form, {ids.SEEN: {ids.INPUT: ["changes", "back"]}, ids.NOTE: {ids.INPUT: "Looks good."}}
        )
        await self._until("all traffic on v0.2.0", lambda shown: shown.promoted_at is not None)
        canary = visitors.shares(until=time.monotonic())
        self._tell("visitors", f"so far {', '.join(f'{v}: {s:.1f} %' for v, s in canary.items())}")
        await self._tick(DANA, "after")
        shown = await self._until(
            "the release has ended", lambda shown: shown.release.finished_at is not None
        )
        self._expect(shown.release.status == "succeeded", f"the release ended as {shown.release.status}")
        await self._serves(NEW)
        self._times(shown)

    async def _roll_back(self, visitors: Visitors) -> None:
        await self._type(LEE, "/rollback", "")
        form = await self._form(LEE)
        pressed = time.monotonic()
        await self._submit(LEE, form, {ids.REASON: {ids.INPUT: "Trying the way back."}})
        shown = await self._until(
            "the way back has ended", lambda shown: shown.release.status in ("rolled_back", "failed")
        )
        self._expect(shown.release.status == "rolled_back", f"the rollback ended as {shown.release.status}")
        await self._serves(OLD)
        await self._message("was rolled back")
        if first := visitors.first_after(OLD, pressed):
            self._tell("visitors", f"{OLD} answered again {first - pressed:.2f} s after the click")

    async def _tick(self, user: str, phase: str) -> None:
        """Tick every item that the bot could not prove, as a person would: one after the other."""
        headline = "Checklist before" if phase == "before" else "Checklist after"
        message = await self._message(headline)
        while values := re.findall(
            rf"'action_id': '{re.escape(ids.TICK)}'.*?'value': '([^']+)'", str(message.blocks)
        ):
            left = len(values)
            await self._press(user, message, ids.TICK, values[0])
            message = await self._message(headline, lambda m, left=left: str(m.blocks).count(ids.TICK) < left)  # type: ignore[misc]  # mypy cannot infer lambdas with defaults

    def _check_visitors(self, visitors: Visitors) -> None:
        self._tell("visitors", f"{len(visitors.seen)} answers, {len(visitors.failed)} failed")
        self._expect(not visitors.failed, f"visitors saw errors: {visitors.failed[:3]}")
        self._expect(
            {OLD, NEW} <= {version for _, version in visitors.seen}, "visitors did not see both versions"
        )

    async def _serves(self, version: str) -> None:
        body = await self.house.bot.ports(PRODUCT).open_page(f"{self.house.url}/api/version")
        self._expect(f'"{version}"' in body, f"production serves {body}, not {version}")
        self._tell("production", body.strip())

    # ------------------------------------------------------ people's fingers

    async def _type(self, user: str, command: str, text: str) -> None:
        self._tell(self._name(user), f"{command} {text}".strip())
        await self.house.sandbox.command(user, CHANNEL, command, text)

    async def _press(self, user: str, message: Message, action: str, value: str | None = None) -> None:
        self._tell(self._name(user), f"[{action}]")
        await self.house.sandbox.click(user, message.channel, message.ts, action, value)

    async def _form(self, user: str) -> View:
        return (await self.house.sandbox.wait_for(lambda: self.house.sandbox.views(user), PATIENCE))[-1]

    async def _submit(self, user: str, form: View, values: dict[str, dict[str, object]]) -> None:
        self._tell(self._name(user), "[submits the form]")
        delivered = await self.house.sandbox.submit(user, form.id, values)
        self._expect(not delivered.errors, f"the form was refused: {delivered.errors}")

    async def _message(self, text: str, also: Callable[[Message], bool] = lambda _: True) -> Message:
        def found() -> Message | None:
            messages = self.house.sandbox.messages(CHANNEL)
            return next((m for m in reversed(messages) if text in m.text and also(m)), None)

        message = await self.house.sandbox.wait_for(found, PATIENCE)
        assert message is not None
        return message

    async def _until(self, what: str, reached: Callable[[Snapshot], bool]) -> Snapshot:
        async with asyncio.timeout(PATIENCE):
            while True:
                shown = await self.house.bot.service.current(PRODUCT)
                if shown and shown.release.version == NEW and reached(shown):
                    return shown
                await asyncio.sleep(0.05)
        raise TimeoutError(what)

    # ---------------------------------------------------------- the narrator

    async def _narrate(self) -> None:
        """Print each message when its text changes."""
        while True:
            for message in list(self.house.sandbox.workspace.messages):
                if self._said.get(message.ts) != message.text:
                    self._said[message.ts] = message.text
                    self._tell("bot", message.text)
            await asyncio.sleep(0.1)

    def _tell(self, who: str, what: str) -> None:
        print(f"{time.monotonic() - self.began:7.2f} s  {who:>10}: {what}", flush=True)

    def _times(self, shown: Snapshot) -> None:
        for step in shown.steps:
            if step.run and step.run.finished_at:
                took = (step.run.finished_at - step.run.started_at).total_seconds()
                self._tell("stage", f"{took:6.2f} s  {step.phrase} ({step.status.value})")

    def _name(self, user: str) -> str:
        return self.house.sandbox.workspace.user(user).real_name.split()[0]

    def _expect(self, true: bool, otherwise: str) -> None:
        if not true:
            self.problems.append(otherwise)
