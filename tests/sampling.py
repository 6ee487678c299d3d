"""Which of many like cases the ordinary run takes: some, always the same ones. With EVERY_KILL=1 it takes all."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
ALL = bool(os.environ.get("EVERY_KILL"))


def sample(cases: Sequence[T], every: int, first: int = 0) -> Sequence[T]:
    """Every n-th case, beginning with one of the first n."""
    return cases if ALL else cases[first::every]
