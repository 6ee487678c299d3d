"""A way back that the bot proposes, because a limit broke: one press, and what was measured is the reason."""

from pipeline import turning
from pipeline.deciding import UNDECIDED
from pipeline.errors import Refused
from pipeline.models import StageRun
from pipeline.policy import Actor
from pipeline.service import Service

CODE = "limit_proposed"


def is_open(run: StageRun | None) -> bool:
    """Whether a run proposes the way back, and nobody has decided yet."""
    return run is not None and run.code == CODE and run.status in UNDECIDED


async def go_back(
    service: Service, actor: Actor, release_id: str, run_id: int, reason: str, origin: str
) -> None:
    """Carry out what the run proposes, as if the person had filled in the form. Raises Refused."""
    if await turning.turned_before(service, release_id, origin):
        return
    found = await service.snapshot(release_id)
    if not is_open(found.run_by_id(run_id)):
        raise Refused("out_of_date", version=found.release.version)
    back = await turning.way_back(service, actor, "", release_id)
    await turning.roll_back(service, actor, release_id, reason, back.undoable, origin)
