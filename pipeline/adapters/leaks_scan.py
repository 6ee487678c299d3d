"""Reads a patch from standard input, and prints the secrets in its added lines as JSON: [[path, line, kind], ...].

Only what names itself is told: keys, tokens and passwords of known forms. A long random word alone is none: hashes and
test data are full of them, and a gate that cries wolf is switched off. A line with `pragma: allowlist secret` is left
out, as detect-secrets has it.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings
from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

DETECTORS = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector",
    "IbmCosHmacDetector", "JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector",
    "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector", "SoftlayerDetector",
    "SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip

OWN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("GitHub fine-grained token", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{50,}")),
    ("OpenAI key", re.compile(r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}")),
    ("Anthropic key", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("Slack app token", re.compile(r"\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{20,}")),
    ("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("DigitalOcean token", re.compile(r"\bdop_v1_[a-f0-9]{64}\b")),
    ("AWS secret key", re.compile(r"(?i)aws_?secret_?access_?key\W{1,5}[A-Za-z0-9/+]{40}\b")),
    ("age key", re.compile(r"\bAGE-SECRET-KEY-1[0-9A-Z]{50,}")),
)
"""What detect-secrets 1.5 misses, each by the form that its issuer documents."""

ALLOWED = re.compile(r"pragma:\s*allowlist[ -]secret")
PLACEHOLDER = re.compile(
    r"(?i)^(?:pass(?:word|wd)?|pw|secret|user(?:name)?|test|example|changeme|dummy|fake|foo|bar|x+|\*+|\.+|…)$|[{}<>$%]"
)
"""A password in an address that stands for one."""
LONGEST = 5_000
"""Characters of a line that are looked at; minified files have lines of megabytes."""


def main() -> None:
    """Print what was found; a patch that cannot be read ends with code 2."""
    patch = sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        added = list(_added(patch))
    except UnidiffParseError as error:
        sys.exit(f"the patch cannot be read: {error}")
    plugins = {"plugins_used": [{"name": name} for name in DETECTORS]}
    with transient_settings(plugins):
        found = {(path, number, kind) for path, number, line in added for kind in kinds(line)}
    print(json.dumps(sorted(found)))  # noqa: T201 - its answer


def _added(patch: str) -> Iterator[tuple[str, int, str]]:
    for file in PatchSet(patch):
        for hunk in file:
            for line in hunk:
                if line.is_added:
                    yield str(file.path), int(line.target_line_no or 0), str(line.value)[:LONGEST]


def kinds(line: str) -> set[str]:
    """The kinds of secrets in a line. Call with the detectors set up."""
    if ALLOWED.search(line):
        return set()
    named = {secret.type for secret in scan_line(line) if not _stands_for_one(secret)}
    return named | {kind for kind, pattern in OWN if pattern.search(line)}


def _stands_for_one(secret: Any) -> bool:
    return secret.type == "Basic Auth Credentials" and bool(PLACEHOLDER.search(secret.secret_value or ""))


if __name__ == "__main__":
    main()
