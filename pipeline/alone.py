"""Nobody could be reached: who asked for a hotfix lets it go on without a second person. The last way, and a loud one.

bot.toml must allow it (`approval.alone_after`), that time must be over since the approval was asked for, and it stands
in the channel, in the announcement and in the audit log, for ever.
"""

from pipeline import votes
from pipeline.binding import bound
from pipeline.deciding import UNDECIDED, Word, image, may, said_before, still_open, write_down
from pipeline.errors import Refused
from pipeline.events import CARD, Fact, request
from pipeline.models import Approval, Release, StageRun
from pipeline.openness import moment
from pipeline.policy import Actor
from pipeline.service import Service
from pipeline.snapshot import Snapshot


async def check(service: Service, actor: Actor, release_id: str, run_id: int) -> Snapshot:
    """Whether this person may go on alone now. Raises Refused."""
    found = await service.snapshot(release_id)
    run, release = found.runs.get("approval"), found.release
    if run is None or run.id != run_id or run.status not in UNDECIDED:
        raise Refused("out_of_date", version=release.version)
    await may(service, actor, "override", found)
    _allowed(service, actor, release, run)
    return found


def _allowed(service: Service, actor: Actor, release: Release, run: StageRun) -> None:
    """By the policy, for this person, and not too early."""
    product = service.product(release.product)
    opens = votes.alone_from(product.approval, release, run.started_at)
    if opens is None:
        raise Refused("alone_not_allowed", version=release.version)
    if actor.user != release.requested_by:
        raise Refused("alone_not_yours", by=release.requested_by)
    if service.clock() < opens:
        raise Refused("alone_too_early", version=release.version, until=moment(opens, product))


async def go_on(
    service: Service, actor: Actor, release_id: str, run_id: int, reason: str, origin: str
) -> None:
    """Record that nobody could be reached, bound to what would run like any approval. Raises Refused."""
    reason = reason.strip()
    if not reason:
        raise Refused("reason_missing")
    if await said_before(service, origin):
        return
    found = await check(service, actor, release_id, run_id)
    needed = service.product(found.release.product).approval.needed
    binding = bound(found.release, [image(one) for one in found.images], found.runs)

    def fact(run: StageRun, earlier: list[Approval]) -> Fact:
        voided = run.facts.get("voided", ())
        got = votes.standing(earlier, binding, voided)
        if before := votes.alone(earlier, binding, voided):
            raise Refused("already_decided", by=before.user, decision=votes.ALONE)
        still_open(actor, votes.ALONE, got, votes.rejection(earlier), needed)
        told = {"reason": reason, "bound": binding, "needed": needed, "got": [each.user for each in got]}
        topics = (CARD, request("approval", run_id), request("alone", run_id))
        return Fact.by(actor, "nobody_reached", told, topics)

    await write_down(service, found, run_id, Word(actor, votes.ALONE, reason, origin, binding), fact)
