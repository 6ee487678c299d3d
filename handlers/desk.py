"""The desk: what comes in is stored, then acknowledged, then dealt with; what was left over is taken over."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.answers import NOT_THERE, UNREACHABLE, code
from handlers.blocks import parts
from handlers.languages import Languages
from handlers.phrases import Now
from handlers.text import ids, refusals
from handlers.text.language import spoken_in, tr
from pipeline import inbox
from pipeline.audit import NO_PRODUCT
from pipeline.errors import PipelineError, Refused, StoreError
from pipeline.intake import Intake
from pipeline.metrics import Remembered
from pipeline.models import Inbox
from pipeline.policy import Actor
from pipeline.refusals import Asked, Refusals
from pipeline.service import Service

log = structlog.get_logger()

TOO_OLD = timedelta(minutes=15)
"""A request that waited longer (the bot was down) is not carried out: the world has moved on since."""
AT_ONCE = 4
"""Commands, clicks and forms dealt with at the same time, of each: in a burst the acknowledgements come first."""

TYPED = (
    "text", ids.VERSION, ids.COMMIT, ids.STAGE, ids.ENVIRONMENT, ids.LOCKED, ids.RELEASED, ids.WISHED, ids.OUTPUT,
    ids.FLAG_NAME, ids.STATE, ids.DAY, ids.TIME, ids.REASON,
)  # fmt: skip
"""Where a request has what a person typed."""

Handler = Callable[["Desk", "Request"], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """One thing a person did, as it is kept in the inbox. `origin` is its identity: the same twice is one."""

    kind: str
    name: str
    user: str
    team: str
    channel: str
    origin: str
    response_url: str | None = None
    trigger: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        where = "slack form" if self.kind == "view" else "slack"
        return Actor(self.user, self.team, self.channel, f"{where} {self.channel}".rstrip(), self.origin)

    @property
    def release(self) -> str:
        """The id of the release that a control or form is about, as far as it says so."""
        if self.kind == "view":
            return str(self.fields.get("release", ""))
        found = ids.parts(str(self.fields.get("value") or ""))
        return next((part for part in found if part.startswith("rel_")), "")

    @property
    def typed(self) -> str:
        """What was typed after the command, or into the form."""
        return " ".join(str(text) for name in TYPED if (text := self.fields.get(name)))


@dataclass
class Desk:
    """What the handlers work with."""

    service: Service
    client: AsyncWebClient
    languages: Languages
    owner: str = "desk"
    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict)
    closing: bool = False
    soon: float = 1.0
    """Seconds that a form may be looked up before something is shown: a trigger lives three."""
    _busy: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _hands: dict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
    )

    def __post_init__(self) -> None:
        self._intake = Intake(self.service.db, self.owner, self.service.clock)
        self.measures = Remembered()
        self.refusals = Refusals(self.service.db, self.service.clock)

    def now(self, product: str) -> Now:
        """When and where a time is typed: people of a product mean its zone, wherever they are."""
        return Now(self.service.clock(), ZoneInfo(self.service.product(product).timezone))

    async def store(self, request: Request) -> int | None:
        """Keep the request; None when the same one came before. Raises what the database raises."""
        return await self._intake.receive(request.kind, request.origin, vars(request) | {})

    def begin(self, row: int, request: Request) -> None:
        """Deal with a stored request in the background, so that nobody waits for the acknowledgement."""
        task = asyncio.create_task(self.deal_with(row, request), name=f"{request.kind} {request.name}")
        self._busy[row] = task
        task.add_done_callback(lambda _: self._busy.pop(row, None))

    async def deal_with(self, row: int, request: Request) -> None:
        """Answer a request: the effect, or a refusal that teaches. Only then it is marked as answered: a kill
        in between tells a person twice rather than never."""
        try:
            async with self._hands[request.kind], inbox.answering(self.service.db, row, self.service.clock):
                await self._answer(row, request)
        except StoreError:
            log.warning("desk: the database does not answer; the request is taken up again", reference=row)
            await self.refuse(request, Refused("database_gone"))

    async def _answer(self, row: int, request: Request) -> None:
        try:
            with spoken_in(await self.languages.of(request.user, self.service.language_of(request.channel))):
                await self.handlers[request.kind, request.name](self, request)
        except Refused as refusal:
            await self.refuse(request, refusal)
        except StoreError:
            raise
        except PipelineError as error:
            await self.refuse(request, Refused("trouble", error=str(error)))
        except Exception:
            log.exception("desk: a request failed", request=request.name, reference=row)
            await self.refuse(request, Refused("broken", reference=f"inbox-{row}"))

    async def look_after(self) -> None:
        """Keep what is being dealt with; take over what was acknowledged by a bot that is gone, or by us before
        the last stop. Raises StoreError."""
        if self._busy:
            await inbox.keep(self.service.db, self.owner, list(self._busy))
        for row in [] if self.closing else await inbox.take_over(self.service.db, self.owner):
            if row.id not in self._busy:
                await self._resume(row)

    async def _resume(self, row: Inbox) -> None:
        """Its trigger has expired: a form cannot be opened any more."""
        request = Request(**(row.payload | {"trigger": None}))
        stale = self.service.clock() - row.received_at > TOO_OLD
        known = (request.kind, request.name) in self.handlers
        log.info("desk: a stored request", kind=row.kind, origin=row.dedup, stale=stale, known=known)
        if stale or not known:
            await self.refuse(request, Refused("stale"))
            await inbox.handled(self.service.db, row.id, self.service.clock)
        else:
            self.begin(row.id, request)

    async def stop(self) -> None:
        """Let what is under way end (at most five seconds); the rest is in the inbox, free for a peer."""
        self.closing = True
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=5)
        tasks = list(self._busy.values())
        for task in tasks:
            self.service.db.cancel(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreError):
            await inbox.give_back(self.service.db, self.owner)
            await self.refusals.close()

    # -------------------------------------------------------------- answers

    async def refuse(self, request: Request, refusal: Refused, further: parts.Part = None) -> None:
        """Tell only the person who asked: what, why, and what next; then a further block.

        Raises StoreError: then it was not kept, and the request is taken up again.
        """
        log.info("desk: refused", code=refusal.code, user=request.user, request=request.name)
        await self.refusals.record(request.actor, refusal, self._asked(request))
        with spoken_in(await self.languages.of(request.user, self.service.language_of(request.channel))):
            text = self.refusal(refusal)
            await self.tell(request, text, parts.as_dicts([*parts.lines(text.split("\n")), further]))

    def _asked(self, request: Request) -> Asked:
        product = str(request.fields.get(ids.PRODUCT) or "")
        if product not in self.service.config.products:
            try:
                product = self.service.product_of(request.channel)
            except Refused:
                product = NO_PRODUCT
        return Asked(request.name, request.typed, product, request.release)

    def refusal(self, refusal: Refused) -> str:
        """A refusal as a message, in the language that is spoken."""
        what, why, following = refusals.sentences(refusal, self.service.config.commands)
        next_ = tr("Next:")
        return f"🚫 *{what}*\n{why}\n*{next_}* {following}"

    def at_once(self, user: str, channel: str) -> AbstractContextManager[None]:
        """The language for an answer that may not wait for Slack."""
        return spoken_in(self.languages.known(user, self.service.language_of(channel)))

    def _home(self) -> str:
        """Where somebody is told who acted on the Home tab: an answer needs a channel."""
        return next(iter(self.service.config.products.values())).channel

    async def tell(self, request: Request, text: str, blocks: list[dict[str, Any]] | None = None) -> None:
        """An ephemeral message to the person; by the request's own URL where it has one."""
        body = blocks or parts.as_dicts(parts.lines(text.split("\n")))
        short = parts.cut(text, parts.TEXT_LIMIT)
        try:
            if request.response_url:
                hook = AsyncWebhookClient(request.response_url)
                answer = await hook.send(
                    text=short, blocks=body, response_type="ephemeral", replace_original=False
                )
                if answer.status_code == 200:
                    return
            await self._show(request, short, body)
        except (SlackApiError, *UNREACHABLE) as error:
            log.warning("desk: an answer did not arrive", user=request.user, error=str(error))

    async def _show(self, request: Request, text: str, blocks: list[dict[str, Any]]) -> None:
        """Commands and forms can be used in channels that the bot is not in; there it has to write to the person."""
        channel = request.channel or self._home()
        try:
            await self.client.chat_postEphemeral(channel=channel, user=request.user, text=text, blocks=blocks)
        except SlackApiError as error:
            if code(error) not in NOT_THERE:
                raise
            await self.client.chat_postMessage(channel=request.user, text=text, blocks=blocks)
