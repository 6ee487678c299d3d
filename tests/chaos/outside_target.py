"""The outside's deploy target: two slots and a share per environment, as the real ones have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.errors import TargetError
from pipeline.ports import SLOTS, Bundle, Deaths, Slot, SlotStatus, TargetStatus
from tests.chaos.outside import Book, Outside

Json = dict[str, Any]
EMPTY: Mapping[str, Any] = {"blue": None, "green": None, "live": None, "share": 0}
CRITICAL = "web: CRITICAL ledger: out of balance"


def _slot_of(state: Json, release_id: str) -> Slot | None:
    return next((s for s in SLOTS if state[s] and state[s]["release"] == release_id), None)


def _held(state: Json, release_id: str) -> Slot:
    slot = _slot_of(state, release_id)
    if slot is None:
        raise TargetError(f"{release_id} is in no slot. Prepare it first.")
    return slot


def _other(state: Json) -> Slot:
    return "green" if state["live"] == "blue" else "blue"


def _status(state: Json, slot: Slot | None) -> SlotStatus | None:
    content = state[slot] if slot else None
    if content is None or slot is None:
        return None
    return SlotStatus(slot, content["release"], content["version"], True, content["digests"])


@dataclass(frozen=True)
class OutsideTarget:
    """One environment of one product."""

    outside: Outside
    product: str
    environment: str

    @property
    def _name(self) -> str:
        return f"target {self.environment}"

    def _state(self, book: Book) -> Json:
        state: Json = book.get(self._name, dict(EMPTY))
        return state

    async def prepare(self, bundle: Bundle) -> SlotStatus:
        def deed(book: Book) -> SlotStatus:
            state = self._state(book)
            slot = _slot_of(state, bundle.release_id)
            if slot is None:
                slot = _other(state)
                if state[slot]:
                    book.did("retire", self.environment, state[slot]["version"])
                digests = {service.component: service.image.digest for service in bundle.services}
                state[slot] = {"release": bundle.release_id, "version": bundle.version, "digests": digests}
                book.did("start", self.environment, bundle.version)
                book.put(self._name, state)
            found = _status(state, slot)
            assert found is not None
            return found

        return await self.outside.act(self.product, deed)

    async def shift(self, release_id: str, share: int) -> None:
        def deed(book: Book) -> None:
            state = self._state(book)
            slot = _held(state, release_id)
            if slot == state["live"]:
                raise TargetError(f"{release_id} is live: there is no share to give. Promote instead.")
            if state["share"] != share:
                book.did("shift", self.environment, f"{state[slot]['version']} {share}")
                book.put(self._name, state | {"share": share})

        await self.outside.act(self.product, deed)

    async def promote(self, release_id: str) -> None:
        def deed(book: Book) -> None:
            state = self._state(book)
            slot = _held(state, release_id)
            if state["live"] != slot or state["share"]:
                book.did("promote", self.environment, state[slot]["version"])
                book.put(self._name, state | {"live": slot, "share": 0})

        await self.outside.act(self.product, deed)

    async def retire(self, release_id: str) -> None:
        def deed(book: Book) -> None:
            state = self._state(book)
            slot = _slot_of(state, release_id)
            if slot is None:
                return
            if slot == state["live"]:
                raise TargetError(f"{release_id} is live: stopping it would be an outage.")
            book.did("retire", self.environment, state[slot]["version"])
            book.put(self._name, state | {slot: None, "share": 0})

        await self.outside.act(self.product, deed)

    async def status(self) -> TargetStatus:
        state: Json = await self.outside.look(self.product, self._name, dict(EMPTY))
        return TargetStatus(_status(state, state["live"]), _status(state, _other(state)), state["share"], 1)

    async def reconcile(self) -> TargetStatus:
        return await self.status()

    async def missing(self) -> tuple[str, ...]:
        return ()

    async def deaths(self, release_id: str) -> Deaths:
        return Deaths()

    async def heal(self) -> bool:
        return False

    def address(self, slot: Slot | None = None) -> str:
        return f"http://127.0.0.1/{self.product}/{self.environment}/{slot or ''}"

    async def logs(self, release_id: str, since: datetime) -> tuple[str, ...]:
        """A version that is meant to be bad says so as soon as it has traffic of the kind named."""
        state: Json = await self.outside.look(self.product, self._name, dict(EMPTY))
        bad: Json = await self.outside.look(self.product, "critical", {})
        slot = _slot_of(state, release_id)
        if slot is None:
            return ()
        traffic = "live" if slot == state["live"] else "canary" if state["share"] else ""
        return (CRITICAL,) if traffic and bad.get(state[slot]["version"]) == traffic else ()

    async def stop(self) -> None:
        """There is nothing of it in this process."""
