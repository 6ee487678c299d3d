"""Versions of a release: stable SemVer, tagged `vX.Y.Z`. Its candidates are tags `vX.Y.Z-rc.N`."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import semver

from pipeline.errors import Refused
from pipeline.plain import plain

LONGEST = 40
"""Characters of a version that are read and shown: far beyond any real one, short enough for a message."""

_LOOSE = re.compile(r"v?\.?\s*([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?", re.IGNORECASE)
_CANDIDATE = re.compile(r"(.+)-rc\.(0|[1-9][0-9]{0,8})", re.ASCII)


@dataclass(frozen=True, order=True)
class Version:
    """A stable version; compares as SemVer does."""

    major: int
    minor: int
    patch: int

    @property
    def tag(self) -> str:
        """The release's tag, which is also the way a version is written everywhere."""
        return f"v{self}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: str) -> Version:
    """Read `v0.2.0` or `0.2.0`.

    Raises Refused("bad_version") with the facts `text` (what was found, harmless to show), `why` (a code) and
    `suggestion` (the version that was probably meant, or "").
    """
    wanted = text.strip()
    if not wanted:
        raise _refusal(wanted, "no_version")
    if len(wanted) > LONGEST:
        raise _refusal(wanted, "too_long", length=str(len(wanted)), most=str(LONGEST))
    found = _semver(wanted)
    if found is None:
        raise _refusal(wanted, _mistake(wanted))
    if found.prerelease or found.build:
        raise _refusal(wanted, "pre_release", candidate=f"v{found.finalize_version()}-rc.1")
    return Version(found.major, found.minor, found.patch)


def suggestions(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """The up to three known names that are nearest to `text`, the best first."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(text[:LONGEST].strip().lower(), by_lower, n=3, cutoff=0.6)
    return tuple(by_lower[name] for name in near)


def candidate_tags(tags: Iterable[str], version: Version) -> tuple[str, ...]:
    """The tags `vX.Y.Z-rc.N` of a version, by rising N."""
    numbered = [(int(found[2]), tag) for tag in tags if (found := _CANDIDATE.fullmatch(tag))]
    return tuple(tag for _, tag in sorted(numbered) if tag.startswith(f"{version.tag}-rc."))


def latest_release(tags: Iterable[str]) -> Version | None:
    """The highest version that has a tag `vX.Y.Z`; candidates and other tags do not count."""
    return max((version for tag in tags if (version := release_of(tag))), default=None)


def release_of(tag: str) -> Version | None:
    """The version whose release tag this is; None for candidates and every other tag."""
    if not tag.startswith("v"):
        return None
    try:
        return parse_version(tag) if tag == tag.strip() else None
    except Refused:
        return None


def is_release_tag(tag: str) -> bool:
    """Whether the tag names a release or a candidate: such tags never move."""
    found = _CANDIDATE.fullmatch(tag)
    return release_of(found[1] if found else tag) is not None


def _semver(text: str) -> semver.Version | None:
    if not text.isascii():  # semver's own pattern takes every script's digits
        return None
    try:
        return semver.Version.parse(text.removeprefix("v"))
    except ValueError:
        return None


def _mistake(text: str) -> str:
    return "not_three" if text.isascii() else "not_ascii"


def _guess(text: str) -> str | None:
    core = re.split("[-+]", text[:LONGEST])[0]
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in core)
    found = _LOOSE.fullmatch(unicodedata.normalize("NFKC", digits).strip())
    return "v" + ".".join(str(int(part or 0)) for part in found.groups()) if found else None


def _refusal(text: str, why: str, **facts: str) -> Refused:
    return Refused("bad_version", text=plain(text, LONGEST), why=why, suggestion=_guess(text) or "", **facts)
