"""Time zones by their names, as the IANA database has them: `Europe/Berlin`, `America/Sao_Paulo`, `UTC`.

Where the machine has no zone files, those of the package tzdata are used.
"""

import difflib
from collections.abc import Iterable
from functools import cache
from zoneinfo import ZoneInfo, available_timezones


def zone(name: str) -> ZoneInfo:
    """A zone. Raises ValueError: what would be right, with the nearest names."""
    if name not in _known():
        raise ValueError(f"should be the name of a time zone, {_hint(name)}")
    return ZoneInfo(name)


@cache
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def _hint(name: str) -> str:
    near = nearest(name, _known())
    return f"probably {' or '.join(near)}" if near else "such as Europe/Berlin, America/Sao_Paulo or UTC"


def nearest(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """Up to three known names that are like what was written: as a whole, or by their city alone."""
    wanted = text.strip()[:60].lower().replace(" ", "_")
    written = {name.lower(): name for name in sorted(known)}
    cities = {name.rpartition("/")[2]: whole for name, whole in written.items() if "/" in name}
    city = wanted.rpartition("/")[2]
    found = [written[name] for name in difflib.get_close_matches(wanted, written, n=2, cutoff=0.8)]
    found += [cities[name] for name in difflib.get_close_matches(city, cities, n=2, cutoff=0.8)]
    return tuple(dict.fromkeys(found))[:3]
