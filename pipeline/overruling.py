"""Overruling the evaluation: an approver lets a release go on without a passing verdict, and says why.

Only where the stage asks for it: a critical case that failed and a limit that was missed by far end the release.
"""

from typing import Any

from pipeline.deciding import UNDECIDED, Word, may, said_before, write_down
from pipeline.errors import Refused
from pipeline.events import CARD, Fact, request
from pipeline.models import Approval, StageRun
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.snapshot import Snapshot
from pipeline.stages.evaluated import OVERRULE

STAGE = "evaluation"


def is_open(run: StageRun | None) -> bool:
    """Whether a run asks an approver to overrule it."""
    return run is not None and run.name == STAGE and run.status in UNDECIDED and "seen" in run.facts


async def check(
    service: Service, actor: Actor, release_id: str, run_id: int, seen: str | None = None
) -> tuple[Snapshot, StageRun]:
    """Whether this person may overrule the evaluation now, and what they would overrule. Raises Refused.

    `seen` is what they were shown; nobody overrules the evaluation of a release of their own.
    """
    found = await service.snapshot(release_id)
    run = found.run_by_id(run_id)
    if run is None or not is_open(run) or (seen is not None and run.facts["seen"] != seen):
        raise Refused("out_of_date", version=found.release.version)
    await may(service, actor, "approve", found)
    if actor.user == found.release.requested_by:
        raise Refused("own_evaluation", version=found.release.version)
    return found, run


async def overrule(
    service: Service, actor: Actor, release_id: str, run_id: int, seen: str, reason: str, origin: str
) -> None:
    """Record the decision with its reason, bound to what was shown, and wake the release. The first one wins."""
    if not reason.strip():
        raise Refused("reason_missing")
    if await said_before(service, origin):
        return
    found, run = await check(service, actor, release_id, run_id, seen)
    binding = {"commit": found.release.commit, "seen": seen}

    def fact(now: StageRun, said: list[Approval]) -> Fact:
        again = sum(earlier.decision == "again" for earlier in said) > now.data.get("agains", 0)
        if not is_open(now) or now.facts["seen"] != seen or again:
            raise Refused("out_of_date", version=found.release.version)
        for earlier in said:
            if earlier.decision == OVERRULE and earlier.bound == binding:
                raise Refused("already_decided", by=earlier.user, decision=OVERRULE)
        return _fact(actor, run, reason.strip(), binding)

    await write_down(service, found, run_id, Word(actor, OVERRULE, reason.strip(), origin, binding), fact)


def _fact(actor: Actor, run: StageRun, reason: str, binding: dict[str, Any]) -> Fact:
    """For the audit log: who, why, and what was found."""
    payload = {
        "reason": reason,
        "code": run.code,
        "findings": run.facts.get("findings", []),
        "bound": binding,
    }
    return Fact.by(actor, "evaluation_overruled", payload, (CARD, request("decision", run.id)))
