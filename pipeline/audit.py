"""The audit log: every decision, refusal and effect, for ever, as one hash chain per product (pipeline/chain.py).

Entries are written in the transaction that makes them true, by pipeline/events.py and pipeline/refusals.py alone.
Whoever writes holds the product's head, so that two writers, also two bots, make one chain. Heads are the last rows
that a transaction locks before its messages, and in the order of the products.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.audit_models import AuditEntry, AuditHead
from pipeline.chain import EMPTY, Entry, Head, Seal
from pipeline.models import Release
from pipeline.store import SEAL

Weight = Literal["decision", "refusal", "effect", "progress"]

KINDS: Mapping[str, Weight] = {
    "release_requested": "decision",
    "hotfix_declared": "decision",
    "release_approved": "decision",
    "release_rejected": "decision",
    "nobody_reached": "decision",
    "decided_keep": "decision",
    "decided_again": "decision",
    "decided_skip": "decision",
    "decided_pause": "decision",
    "decided_resume": "decision",
    "item_ticked": "decision",
    "item_unticked": "decision",
    "item_waived": "decision",
    "item_assigned": "decision",
    "evaluation_overruled": "decision",
    "rollback_requested": "decision",
    "abort_requested": "decision",
    "retry_requested": "decision",
    "environment_locked": "decision",
    "environment_unlocked": "decision",
    "production_frozen": "decision",
    "production_unfrozen": "decision",
    "release_scheduled": "decision",
    "release_queued": "decision",
    "wish_cancelled": "decision",
    "wishes_resumed": "decision",
    "flag_switch_requested": "decision",
    "customer_note_edited": "decision",
    "customer_note_sent": "decision",
    "request_refused": "refusal",
    "requests_refused": "refusal",
    "stage_succeeded": "effect",
    "stage_failed": "effect",
    "stage_skipped": "effect",
    "stage_cancelled": "effect",
    "production_touched": "effect",
    "version_deployed": "effect",
    "release_announced": "effect",
    "rollback_announced": "effect",
    "mail_sent": "effect",
    "mail_refused": "effect",
    "mail_given_up": "effect",
    "flag_switched": "effect",
    "flag_switch_failed": "effect",
    "flag_switch_unconfirmed": "effect",
    "lock_expired": "effect",
    "freeze_expired": "effect",
    "wish_started": "effect",
    "wish_refused": "effect",
    "wish_late": "effect",
    "wishes_halted": "effect",
    "release_started": "effect",
    "rollback_started": "effect",
    "clean-up_started": "effect",
    "release_succeeded": "effect",
    "release_failed": "effect",
    "release_cancelled": "effect",
    "release_rolled_back": "effect",
    "stage_started": "progress",
    "stage_waiting": "progress",
    "wish_waits": "progress",
    "people_reminded": "progress",
    "digest_told": "progress",
    "log_shown": "progress",
    "mail_delayed": "progress",
    "dashboard_lapsed": "progress",
    "dashboard_back": "progress",
}
"""Every kind of fact that is recorded anywhere, and what it is. Progress is not audited; what is not here is."""

NO_PRODUCT = "-"
"""The chain of what belongs to no product, such as a refusal in a channel that means none."""

_HELD = "audit heads"
_ENTRIES: Any = AuditEntry.__table__
_HEADS: Any = AuditHead.__table__
_ADD = _ENTRIES.insert()
_MOVE = _HEADS.update().where(_HEADS.c.product == bindparam("of"))
_ENDS = select(_HEADS).where(_HEADS.c.product.in_(bindparam("products", expanding=True)))
_HOLD = {skip: _ENDS.order_by(_HEADS.c.product).with_for_update(skip_locked=skip) for skip in (False, True)}
_WIDTHS = [_ENTRIES.c[name].type.length for name in ("actor", "team", "source", "origin")]


@dataclass(frozen=True)
class Draft:
    """What is to be kept, if its kind is audited. `source` is from where, `origin` the request's own id."""

    product: str
    kind: str
    at: datetime
    actor: str
    payload: Mapping[str, Any]
    team: str = ""
    source: str = ""
    origin: str = ""
    release: Release | None = None


def is_audited(kind: str) -> bool:
    """Whether a fact of this kind is kept for ever. In doubt it is."""
    return KINDS.get(kind) != "progress"


async def append(session: AsyncSession, drafts: Iterable[Draft]) -> None:
    """Add those that are audited to their products' chains, in the caller's transaction."""
    kept = [draft for draft in drafts if is_audited(draft.kind)]
    if not kept:
        return
    await hold(session, {draft.product for draft in kept})
    heads: dict[str, Head] = session.info[_HELD]
    seal: Seal = session.info[SEAL]
    rows = []
    for draft in kept:
        entry = seal.next(heads[draft.product], _entry(draft, seal))
        heads[draft.product] = Head(entry.seq, entry.hash)
        rows.append(entry._asdict())
    products = sorted({draft.product for draft in kept})
    await session.execute(_ADD, rows)
    await session.execute(_MOVE, [{"of": name, **heads[name]._asdict()} for name in products])


async def hold(
    session: AsyncSession, products: Collection[str], *, skip_locked: bool = False
) -> Collection[str]:
    """Lock the heads of these products' chains until the transaction ends; those that are held.

    With `skip_locked` nobody is waited for, and a chain that has no entry yet is not begun.
    """
    heads: dict[str, Head] = session.info.setdefault(_HELD, {})
    await _lock(session, heads, set(products) - heads.keys(), skip_locked)
    absent = set(products) - heads.keys()
    if absent and not skip_locked:
        for product in sorted(absent):
            await session.execute(_beginning(session, product))
        await _lock(session, heads, absent, skip_locked=False)
    return heads.keys() & set(products)


def _beginning(session: AsyncSession, product: str) -> Any:
    """Make a head. Where there are entries, somebody took the old one away: that stays visible, the bot goes on."""
    last = func.coalesce(func.max(_ENTRIES.c.seq), EMPTY.seq)
    head = select(literal(product), last, literal(EMPTY.hash)).where(_ENTRIES.c.product == product)
    kind = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return kind.insert(_HEADS).from_select(["product", "seq", "hash"], head).on_conflict_do_nothing()


async def _lock(session: AsyncSession, heads: dict[str, Head], products: set[str], skip_locked: bool) -> None:
    if not products:
        return
    found = await session.execute(_HOLD[skip_locked], {"products": sorted(products)})
    heads.update({row.product: Head(row.seq, row.hash) for row in found})


def _entry(draft: Draft, seal: Seal) -> Entry:
    """The draft as an entry that has no place yet. What comes from outside is cut to the column's length."""
    of = draft.release
    actor, team, source, origin = (
        _fit(text, most)
        for text, most in zip((draft.actor, draft.team, draft.source, draft.origin), _WIDTHS, strict=True)
    )
    return Entry(
        product=draft.product,
        seq=0,
        at=moment(draft.at),
        actor=actor,
        team=team,
        source=source,
        origin=origin,
        kind=draft.kind,
        release=of.id if of else None,
        version=of.version if of else None,
        commit=of.commit if of else None,
        payload=seal.payload(draft.payload),
        key="",
        previous="",
        hash="",
    )


def _fit(text: str, most: int) -> str:
    return text[:most].encode("utf-8", "replace").decode().replace("\0", "?")


def moment(at: datetime) -> str:
    """A time as it stands in an entry: always equally long, so that texts compare as times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
