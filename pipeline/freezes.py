"""Freezes: the times in which production stays as it is, those of bot.toml and the one that a person made. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pipeline.config import Product
from pipeline.models_time import FreezeWindow
from pipeline.windows import Once, Windows

BY_HAND = ""
"""The name of a freeze that a person made."""


@dataclass(frozen=True)
class Frozen:
    """That production is frozen: by which freeze, why, by whom (a person's), and until when all of it is over.

    `until` is None when no end is in sight. `hotfix`: whether a hotfix may pass.
    """

    name: str
    reason: str
    by: str
    until: datetime | None
    hotfix: bool


def windows(product: Product, made: FreezeWindow | None, *, hotfix: bool = False) -> Windows:
    """Every freeze of a product; with `hotfix` only those that a hotfix may not pass."""
    written = [freeze for freeze in product.freezes if not (hotfix and freeze.hotfix)]
    every = [freeze.window(product.timezone) for freeze in written]
    return Windows((*every, _made(made)) if made else tuple(every))


def _made(made: FreezeWindow) -> Once:
    begins, ends = (at.astimezone(UTC).replace(tzinfo=None) for at in (made.created_at, made.ends_at))
    return Once(BY_HAND, begins, ends, ZoneInfo("UTC"))


def standing(
    product: Product, made: FreezeWindow | None, at: datetime, *, hotfix: bool = False
) -> Frozen | None:
    """What freezes production at a moment, for a release or a hotfix; None when nothing does."""
    every = windows(product, made, hotfix=hotfix)
    names = [window.name for window in every.covering(at)]
    if not names:
        return None
    passes = not windows(product, made, hotfix=True).covers(at)
    until = every.ends(at)
    if made is not None and BY_HAND in names:
        return Frozen(BY_HAND, made.reason, made.actor, until, passes)
    reason = next(freeze.reason for freeze in product.freezes if freeze.name == names[0])
    return Frozen(names[0], reason, "", until, passes)
