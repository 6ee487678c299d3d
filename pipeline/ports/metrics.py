"""What the product measures about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from pipeline.ports.deploy import Slot

Values = Mapping[str, float]
"""A sum under "", or a histogram's counts by their upper bounds (`le`), each with those below it."""


@dataclass(frozen=True)
class Series:
    """What is read: the `sum` of all series of a selector, the `buckets` of a histogram (its name without `_bucket`)
    added up, or the one number of a `query` in the source's own language."""

    kind: Literal["sum", "buckets", "query"]
    expression: str


@dataclass(frozen=True)
class Side:
    """Whose numbers: the version in a slot. `page` is the URL where it shows them itself, empty where it does not;
    `seconds` is how long a window is, for queries that want to know."""

    version: str
    slot: Slot
    page: str = ""
    seconds: float = 60.0


class Metrics(Protocol):
    """Reads the numbers of now. Counters are read as they stand; what happened is the difference of two readings."""

    async def read(self, wanted: Mapping[str, Series], side: Side) -> Mapping[str, Values]:
        """The values by the names of `wanted`, counted since the process began. What has no series, or no number,
        is left out: it is no data, never 0. Raises MetricsError when the source does not answer or refuses."""
