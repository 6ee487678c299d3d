"""squawk's findings on the SQL of revisions."""

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from sysconfig import get_path
from typing import Any

from pipeline.process import capture

_SECONDS = 30.0
_LEFT_OUT = (
    "prefer-robust-stmts",
    "require-lock-timeout",
    "require-statement-timeout",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-text-field",
    "prefer-timestamp-tz",
    "require-timeout-settings",
)
"""Rules on style, and on what the bot sets itself."""


async def lint(texts: Mapping[str, Sequence[str]]) -> dict[str, tuple[dict[str, Any], ...]]:
    """By revision: rule, message and statement of each finding; nothing where squawk finds nothing or is not there."""
    written = {revision: tuple(found) for revision, found in texts.items() if found}
    if not written:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        files = await asyncio.to_thread(_write, Path(folder), written)
        left_out = [f"--exclude={rule}" for rule in _LEFT_OUT]
        argv = [
            str(Path(get_path("scripts")) / "squawk"),
            "--reporter=json",
            "--no-error-on-unmatched-pattern",
            *left_out,
        ]
        try:
            output = await capture([*argv, *files], env={"PATH": os.defpath}, timeout=_SECONDS)
            found = json.loads(output.stdout or b"[]")
        except (OSError, ValueError):
            return {}
    return {revision: tuple(_told(one, written[revision]) for one in found if one["file"] == path)
            for path, revision in files.items()}  # fmt: skip


def _write(folder: Path, texts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A file per revision, a statement per line."""
    files = {}
    for number, (revision, statements) in enumerate(texts.items()):
        path = folder / f"{number}.sql"
        path.write_text(";\n".join(" ".join(one.split()) for one in statements) + ";\n", encoding="utf-8")
        files[str(path)] = revision
    return files


def _told(one: Mapping[str, Any], statements: Sequence[str]) -> dict[str, Any]:
    at = min(int(one["line"]), len(statements) - 1)
    return {"rule": one["rule_name"], "message": one["message"], "statement": statements[at]}
