"""Places: one service in one slot, as the state has it."""

from dataclasses import dataclass

from pipeline.adapters.slots.state import ServiceState, SlotState, State
from pipeline.ports import SLOTS, Slot


@dataclass(frozen=True)
class Place:
    """One service in one slot: all that is needed to run it and to find it again."""

    slot: Slot
    release_id: str
    version: str
    service: ServiceState
    port: int | None

    @property
    def name(self) -> str:
        """The fixed place of whatever runs there."""
        return f"{self.slot}-{self.service.component}"

    @property
    def label(self) -> str:
        """What the process or container is a copy of."""
        return f"{self.release_id} {self.service.digest}"

    def told(self, entry: str) -> dict[str, str]:
        """What the target alone can know. A slot's services reach each other through its `entry`."""
        return {
            "RELEASE_VERSION": self.version,
            "RELEASE_SLOT": self.slot,
            "SLOT_URL": entry,
            "API_URL": entry,
        }

    def __str__(self) -> str:
        return f"{self.service.component} of {self.version} ({self.slot} slot)"


def places(state: State, slot: Slot, workers: bool) -> list[Place]:
    """The services with a port of a slot, or its workers."""
    content = state.slot(slot)
    if content is None:
        return []
    chosen = content.workers if workers else content.served
    return [_place(state, slot, content, service) for service in chosen]


def handover(coming: list[Place], going: list[Place]) -> tuple[list[Place], list[Place]]:
    """The workers that end before their successors start, and those that end after.

    Two generations never hold one job, unless both say that this is safe (`overlap`). Then the new one comes
    first, and nobody waits for work to be taken up again. What has no successor ends last.
    """
    strict = {place.service.component for place in coming if not place.service.overlap}
    strict |= {place.service.component for place in going if not place.service.overlap}
    strict &= {place.service.component for place in coming}
    before = [place for place in going if place.service.component in strict]
    return before, [place for place in going if place not in before]


def _place(state: State, slot: Slot, content: SlotState, service: ServiceState) -> Place:
    port = state.ports[service.component][SLOTS.index(slot)] if service.route is not None else None
    return Place(slot, content.release_id, content.version, service, port)
