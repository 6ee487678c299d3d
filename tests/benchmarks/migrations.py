"""The judge of migrations on the catalogue: precision and recall per label, and the time of a verdict."""

from pathlib import Path

from pipeline.verdicts import LABELS
from tests.benchmarks.figures import Figure, alone, median
from tests.catalogue import Judged, cases, judged

QUICK = 20


async def measure(folder: Path, quick: bool) -> list[Figure]:
    """Judge the catalogue one after the other, on a server that is up."""
    wanted = cases()
    found = await judged(wanted[:: len(wanted) // QUICK] if quick else wanted, folder, courts=1)
    times = [one.seconds * 1000 for one in found]
    figures = [figure for label in LABELS for figure in _of(label, found)]
    return [
        *figures,
        alone("verdict, median", median(times), "ms"),
        alone("verdict, slowest", max(times), "ms"),
    ]


def _of(label: str, found: list[Judged]) -> list[Figure]:
    should = [one for one in found if label in one.case.labels]
    does = [one for one in found if label in one.verdict.labels]
    both = len([one for one in should if one in does])
    if not should and not does:
        return []
    return [
        alone(f"migrations, {label} of {len(should)}, recall", both / len(should) if should else 1.0, ""),
        alone(f"migrations, {label} of {len(does)}, precision", both / len(does) if does else 1.0, ""),
    ]
