"""Looking for secrets in what was committed."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Leak:
    """Where a secret stands, and of which kind it is. Its value is nowhere."""

    path: str
    line: int
    kind: str


class Scanner(Protocol):
    async def scan(self, patch: bytes) -> tuple[Leak, ...]:
        """The secrets in the lines that a patch adds. Raises ScanError when it could not be looked through."""
