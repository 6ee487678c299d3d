"""What can be said about a target's slots, by all who ask."""

from pipeline.errors import TargetError
from pipeline.ports import DeployTarget


async def is_warm(place: DeployTarget, release_id: str) -> bool:
    """Whether a release could take the traffic at once. Of a target in trouble nothing is known: no."""
    try:
        status = await place.status()
    except TargetError:
        return False
    return any(slot and slot.release_id == release_id and slot.warm for slot in (status.live, status.other))
