"""Takes secrets out of text before it is logged, stored or sent. Pure, fast, and never raises.

Known values go first: patterns alone would miss a product's own passwords, and a detector that
reports only a prefix leaves the rest of the secret standing.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

MASK = "***"
SHORTEST = 6
"""Known values with fewer characters are not masked: they would blot out ordinary words ("on", "test")."""

_PATTERNS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", MASK),
        (r"\bxox[a-z]?[a-z]?(?:\.xox[a-z])?-[A-Za-z0-9-]{8,}", MASK),  # Slack's tokens
        (r"\bxapp-[A-Za-z0-9-]{8,}", MASK),
        (r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[^\s\"'<>]+", f"hooks.slack.com/{MASK}"),
        (r"\bgh[a-z]_[A-Za-z0-9]{16,}", MASK),  # GitHub's
        (r"\bgithub_pat_[A-Za-z0-9_]{16,}", MASK),
        (r"\bglpat-[\w-]{16,}", MASK),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", MASK),  # Amazon's key ids, and the keys where they are named
        (r"(?i)(aws_?(?:secret_?access_?key|session_?token)[\"']? {0,5}[=:] {0,5}[\"']?)[^\s\"',;]{8,}", rf"\1{MASK}"),
        (r"\bsk-[A-Za-z0-9_-]{20,}", MASK),  # keys of several model providers
        (r"\bAIza[A-Za-z0-9_-]{30,}", MASK),
        (r"\beyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)?", MASK),  # JWT
        (r"://([^\s/:@\"']{0,200}):[^\s/\"']{1,500}@", rf"://\1:{MASK}@"),
        (r"(?i)(\bauthorization[\"']? {0,5}[:=] {0,5}[\"']?)(?:[a-z]{2,20} {1,5})?[^\s\"',]+", rf"\1{MASK}"),
        (r"(?i)\b(bearer) +[\w.~+/-]{16,}=*", rf"\1 {MASK}"),
        (r"(?i)([?&](?:(?:access_)?token|api_?key|key|password|secret|sig(?:nature)?)=)[^\s&\"'#]+", rf"\1{MASK}"),
    )
)  # fmt: skip


class Redactor:
    """Masks known secret values, then whatever looks like one. Call it with a text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """The text without secrets; anything else in it stays as it was."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def _forms(secret: str) -> Iterator[str]:
    """A value as it may appear: itself, within a URL, within JSON, and line by line (keys have several)."""
    value = secret.strip()
    yield value
    yield quote(value, safe="", errors="replace")
    yield value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    if "\n" in value:
        yield from (line.strip() for line in value.splitlines() if not line.startswith("-----"))
