"""Looks for secrets in a patch (ports.Scanner), in a process of its own: detectors are slow to load."""

import json
import sys

from pipeline import environment
from pipeline.errors import ScanError
from pipeline.plain import plain
from pipeline.ports import Leak
from pipeline.process import capture

SECONDS = 120.0
"""The longest that looking through a release's commits may take."""


class PatchScanner:
    """detect-secrets' named detectors, and patterns of our own for what they miss (leaks_scan.py)."""

    async def scan(self, patch: bytes) -> tuple[Leak, ...]:
        """The secrets in the added lines, once each, by path and line. Raises ScanError."""
        if not patch.strip():
            return ()
        argv = (sys.executable, "-m", "pipeline.adapters.leaks_scan")
        try:
            output = await capture(argv, env=environment.base(), timeout=SECONDS, stdin=patch)
            found = json.loads(output.stdout) if output.ok else None
        except (OSError, ValueError) as error:
            raise ScanError(f"The commits could not be looked through for secrets: {error}.") from error
        if found is None:
            said = (output.stderr.strip().splitlines() or ["it ended without a word"])[-1]
            raise ScanError(f"The commits could not be looked through for secrets: {plain(said, 200)}.")
        return tuple(Leak(*each) for each in found)
