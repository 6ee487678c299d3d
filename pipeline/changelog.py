"""CHANGELOG.md as text: puts a version's section where Keep a Changelog wants it (newest first)."""

import re

HEADER = """\
# Changelog

All notable changes to this project are documented in this file. Its format follows
[Keep a Changelog](https://keepachangelog.com/en/1.1.0/); versions follow
[Semantic Versioning](https://semver.org/spec/v2.0.0.html).
"""

_HEADING = re.compile(r"^## +\[?v?(?P<name>[^\]\s]+)\]?", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]:")


def insert_section(existing: str | None, section: str) -> str:
    """The file with `section` above the other versions and below "Unreleased".

    Without a file there is a new one with a header. A file that has this version's heading, and any
    file when the section is blank, comes back unchanged. The file's own line ends are kept.
    """
    section = section.strip()
    if not section or (existing and _has(existing, section)):
        return existing or ""
    if not (existing or "").strip():
        return f"{HEADER}\n{section}\n"
    assert existing is not None
    ends = "\r\n" if "\r\n" in existing else "\n"
    text = existing.replace("\r\n", "\n")
    at = _place(text)
    before, after = text[:at].rstrip("\n"), text[at:].lstrip("\n")
    merged = f"{before}\n\n{section}\n" + (f"\n{after}" if after else "")
    return merged.lstrip("\n").replace("\n", ends)


def _has(text: str, section: str) -> bool:
    wanted = _HEADING.match(section)
    if wanted is None:
        return section in text.replace("\r\n", "\n")
    return any(found["name"] == wanted["name"] for found in _HEADING.finditer(text))


def _place(text: str) -> int:
    for found in _HEADING.finditer(text):
        if found["name"].lower() != "unreleased":
            return found.start()
    return _end_of_prose(text)


def _end_of_prose(text: str) -> int:
    lines = text.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or _LINK.match(lines[-1])):
        lines.pop()
    return sum(map(len, lines))
