"""What `/release metrics` is followed by. Pure."""

import re
from dataclasses import dataclass

from pipeline import metrics
from pipeline.errors import Refused


@dataclass(frozen=True)
class ShowMetrics:
    days: int = metrics.DAYS


def parse_metrics(rest: list[str]) -> ShowMetrics:
    """The days that are meant: `90`, `90d`, `90 days`. Raises Refused: bad_days."""
    found = re.fullmatch(r"([0-9]{1,4})\s*(?:d|days?|dias?)?", " ".join(rest), re.IGNORECASE)
    if not rest:
        return ShowMetrics()
    if found is None or not 1 <= int(found[1]) <= metrics.MOST_DAYS:
        raise Refused("bad_days", text=" ".join(rest)[:80], most=str(metrics.MOST_DAYS))
    return ShowMetrics(int(found[1]))
