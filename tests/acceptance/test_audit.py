"""The audit log of a release as people make it in Slack: who, from where, on which commit; all of it, and no more."""

from collections import Counter
from pathlib import Path

from handlers.text import ids
from pipeline import audit_reading
from pipeline.audit import KINDS
from pipeline.chain import Chain, Entry, Seal
from tests.slack_house import CHANNEL, DANA, GUEST, LEE, SAM, TEAM, SlackHouse, open_slack_house

SECRET = "xoxb-123456789012-abcdef"
TYPED, FORM = f"slack {CHANNEL}", f"slack form {CHANNEL}"
V2 = ("v0.2.0", "b" * 40)
PEOPLES = [
    ("request_refused", GUEST, TYPED, "command", (None, None)),
    ("release_requested", DANA, TYPED, "command", V2),
    ("item_ticked", DANA, TYPED, "action", V2),
    ("request_refused", DANA, TYPED, "action", V2),
    ("release_approved", LEE, FORM, "view", V2),
    ("rollback_requested", SAM, FORM, "view", V2),
    ("environment_unlocked", LEE, TYPED, "command", V2),
]
EFFECTS = Counter(
    {
        "stage_succeeded": 12,
        "stage_skipped": 4,
        "stage_cancelled": 1,
        "production_touched": 1,
        "rollback_started": 1,
        "version_deployed": 2,
        "rollback_announced": 1,
        "release_rolled_back": 1,
    }
)


async def there_and_back(house: SlackHouse) -> None:
    """Refused, asked for, ticked, refused, approved, in the canary, rolled back, unlocked."""
    await house.type(GUEST, "v0.2.0")
    await house.told(GUEST, "You cannot do that")
    request = await house.slack_to_approval()
    await house.press(DANA, request, ids.APPROVE)
    await house.told(DANA, "You cannot approve this release")
    await house.slack_approve(request)
    await house.waits_for((await house.shown("v0.2.0")).release.id, "canary")
    await house.slack_roll_back(reason=f"Não está bem; {SECRET} was in the log.")
    await house.message("shop v0.2.0 was rolled back to v0.1.0")
    await house.type(LEE, "unlock")
    await house.told(LEE, "is unlocked")


def by_people(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if KINDS[entry.kind] in ("decision", "refusal")]


async def test_a_release_with_refusals_an_approval_and_a_rollback(tmp_path: Path) -> None:
    async with open_slack_house(tmp_path) as house:
        (before,) = await audit_reading.extents(house.db)
        await there_and_back(house)
        (extent,) = await audit_reading.extents(house.db)
        entries = await audit_reading.newest(house.db, "shop", extent.head.seq - before.head.seq)
        assert await audit_reading.verify(house.db, extent, Chain(Seal())) is None

    said = by_people(entries)
    assert [
        (entry.kind, entry.actor, entry.source, entry.origin.split()[0], (entry.version, entry.commit))
        for entry in said
    ] == PEOPLES
    assert {entry.team for entry in said} == {TEAM}
    effects = [entry for entry in entries if KINDS[entry.kind] == "effect"]
    assert Counter(entry.kind for entry in effects) == EFFECTS
    assert {(entry.source, entry.version, entry.commit) for entry in effects} == {("bot", *V2)}
    assert len(said) + len(effects) == len(entries)

    payloads = {entry.kind: entry.payload for entry in entries}
    assert '"code":"own_release"' in payloads["request_refused"]
    assert '"digests":{"web":"sha256:bbbbbbbbweb"' in payloads["release_approved"]
    assert r'"reason":"N\u00e3o est\u00e1 bem; *** was in the log."' in payloads["rollback_requested"]
    assert '"kind":"rollback","version":"v0.1.0"' in payloads["version_deployed"]
    assert not [entry for entry in entries if SECRET in str(entry)]
