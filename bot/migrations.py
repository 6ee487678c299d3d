"""`releasebot migrations`: what each migration would do to those who use the database, before it runs anywhere."""

import argparse
import asyncio
import json
import os
import shutil
import sys
import textwrap
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from bot import migration_files
from bot.migration_files import Place, Released
from handlers.text.verdicts import advices, sentence, sentences
from pipeline.adapters.shadow.databases import Databases
from pipeline.adapters.shadow.judge import ShadowJudge
from pipeline.adapters.shadow.keeper import Keeper
from pipeline.ports import Judgement, JudgeOrder
from pipeline.verdicts import Verdict


@dataclass(frozen=True)
class Asked:
    """What is judged, and where the question came from."""

    place: Place
    order: JudgeOrder
    since: str


async def judge(options: argparse.Namespace) -> int:
    """Print the verdicts. 0 when all are safe, 1 when one needs a decision. Raises PipelineError."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )  # what is printed is the answer
    asked = await _asked(options)
    keeper = Keeper(options.url)
    try:
        python = options.python or migration_files.python_for(asked.place.folder)
        found = await ShadowJudge(keeper, python=python).judge(asked.order)
    finally:
        await keeper.stop()
    if options.json:
        print(json.dumps([as_json(one) for one in found.verdicts], indent=2, ensure_ascii=False))
    else:
        print(as_text(found, asked.since))
    return 0 if all(one.safe for one in found.verdicts) else 1


async def _asked(options: argparse.Namespace) -> Asked:
    place = migration_files.find(options.folder)
    last = await migration_files.released(place)
    lower, since = _lower(options.lower, last)
    backend = "postgresql" if options.url else migration_files.backend_of(place)
    driver = Databases(options.url).driver if options.url else ""
    return Asked(
        place,
        JudgeOrder(
            folder=place.folder,
            config=place.config,
            env=dict(os.environ),
            lower=lower,
            upper=(options.upper,) if options.upper and options.upper not in ("head", "heads") else (),
            backend=backend,
            driver=driver,
            timeout=options.timeout,
            released=partial(_as_released, last),
        ),
        since,
    )


def _lower(given: list[str] | None, last: Released) -> tuple[tuple[str, ...], str]:
    if given:
        revisions = tuple(one for text in given for one in text.split(",") if one != "base")
        return revisions, ", ".join(revisions) or "base"
    if last.heads:
        return last.heads, f"{', '.join(last.heads)} (the heads at {last.tag})"
    return (), "base (nothing is known to be deployed)"


async def _as_released(last: Released, path: Path) -> str | None:
    return last.files.get(await asyncio.to_thread(path.resolve))


def as_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the command prints it: reasons as sentences, and all else that is known as plain data."""
    evidence = dict(verdict.evidence)
    told = {
        "title": verdict.title,
        "codes": [one.code for one in verdict.reasons],
        "advice": advices(verdict),
    }
    notes = [sentence(one) for one in verdict.notes]
    return {
        "revision": verdict.revision,
        "labels": list(verdict.labels),
        "reasons": [text for _, text in sentences(verdict)],
        "evidence": {**told, **({"notes": notes} if notes else {}), **evidence},
    }


def as_text(found: Judgement, since: str) -> str:
    """The verdicts as people read them."""
    width = max(60, min(shutil.get_terminal_size((100, 20)).columns, 120))
    lines = [f"From {since} to {', '.join(found.heads) or 'nothing'}"]
    lines += [f"note: {sentence(one)}" for one in found.remarks]
    longest = max((len(one.revision) for one in found.verdicts), default=0)
    for one in found.verdicts:
        lines += ["", f"{one.revision:<{longest}}  {', '.join(one.labels):<14}  {one.title}".rstrip()]
        lines += _told(one, width)
    open_ = [one for one in found.verdicts if not one.safe]
    if not found.verdicts:
        lines.append("There is nothing to judge.")
    elif open_:
        lines += ["", f"{len(open_)} of {len(found.verdicts)} need a decision."]
    else:
        lines += ["", "All are safe."]
    return "\n".join(lines)


def _told(verdict: Verdict, width: int) -> list[str]:
    lines = []
    for label, text in sentences(verdict):
        lines += _wrapped(text, f"  {label:<18}  ", width)
    for note in verdict.notes:
        lines += _wrapped(sentence(note), f"  {'note':<18}  ", width)
    for text in advices(verdict):
        lines += _wrapped(text, f"  {'instead':<18}  ", width)
    return lines


def _wrapped(text: str, head: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )
