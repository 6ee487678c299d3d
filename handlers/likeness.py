"""What a word is meant as, by its looks. Pure."""

import difflib
import re
from collections.abc import Iterable

_COMMIT = re.compile(r"[0-9a-f]{40}|(?=\D*\d)[0-9a-f]{7,39}", re.IGNORECASE | re.ASCII)
_VERSION = re.compile(r"v?\.?\d.*", re.IGNORECASE | re.DOTALL)


def like_a_version(word: str) -> bool:
    """Whether it is meant as a version, however wrong it is."""
    return _VERSION.fullmatch(word) is not None


def like_a_commit(word: str) -> bool:
    """Whether it is a commit, and no word of a sentence."""
    return _COMMIT.fullmatch(word) is not None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is written so, or was probably meant; None when none is."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word[:80].lower(), names, n=1, cutoff=0.8)
    return names[near[0]] if near else None
