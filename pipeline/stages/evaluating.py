"""Running the evaluation's command, reading its report, and running lost cases again."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pipeline.config import Evaluation
from pipeline.context import Context
from pipeline.evals import FAILED_CODES, Record, UnreadableError, read
from pipeline.evaluation import RERUNS, STEADY, passes
from pipeline.plain import plain
from pipeline.ports import CommandResult
from pipeline.stages.running import report_path, run_check

MOST_BYTES = 50_000_000
"""A larger report is not read: ten thousand cases of a talkative tool take some 50 MB."""

MOST_RERUN = 100
"""More lost cases than this are not chance, and are not run again."""


async def run_suite(ctx: Context, settings: Evaluation) -> tuple[CommandResult, Record | UnreadableError]:
    """Run the whole suite. Its report counts only if `ran` says that the command came to an end."""
    result = await run_check(ctx, "evaluation", settings)
    return result, await asyncio.to_thread(_read, report_path(ctx, "evaluation"), settings)


def ran(result: CommandResult, settings: Evaluation) -> bool:
    """Whether there may be a verdict: cases that failed are one, and some tools say so by their exit code."""
    failed = FAILED_CODES.get(settings.format or "", frozenset())
    return not result.timed_out and (result.ok or result.code in failed)


async def run_again(ctx: Context, settings: Evaluation, lost: Iterable[str]) -> dict[str, int]:
    """How many re-runs each lost case passes: all of them together, up to RERUNS times, until each one is decided."""
    wanted = sendable(settings.rerun or (), lost)
    if settings.rerun is None or not wanted or len(wanted) > MOST_RERUN:
        return {}
    passed: Counter[str] = Counter()
    for number in range(1, RERUNS + 1):
        passed.update(await _once_again(ctx, settings, number, wanted))
        if all(_is_decided(passed[name], number) for name in wanted):
            break
    return dict(passed)


def _is_decided(passed: int, runs: int) -> bool:
    return passed >= STEADY or runs - passed > RERUNS - STEADY


async def _once_again(ctx: Context, settings: Evaluation, number: int, wanted: list[str]) -> set[str]:
    """The cases that pass this time; what cannot be run or read has passed nothing."""
    name, argv = f"evaluation-rerun-{number}", with_cases(settings.rerun or (), wanted)
    result = await run_check(ctx, name, settings.model_copy(update={"run": argv}))
    if not ran(result, settings):
        return set()
    found = await asyncio.to_thread(_read, report_path(ctx, name), settings)
    return passes(found, wanted) if isinstance(found, Record) else set()


def with_cases(argv: tuple[str, ...], cases: list[str]) -> tuple[str, ...]:
    """The command for some cases: a word `{cases}` becomes one word each; within a word they are joined by commas."""
    words: list[str] = []
    for word in argv:
        words += cases if word == "{cases}" else [word.replace("{cases}", ",".join(cases))]
    return tuple(words)


def sendable(argv: tuple[str, ...], cases: Iterable[str]) -> list[str]:
    """The cases whose ids can be told to the command without being taken for something else."""
    joined = any("{cases}" in word and word != "{cases}" for word in argv)
    alone = "{cases}" in argv

    def fits(name: str) -> bool:
        return name.isprintable() and not (joined and "," in name) and not (alone and name.startswith("-"))

    return [name for name in cases if fits(name)]


# -------------------------------------------------------------- the report


def _read(path: Path, settings: Evaluation) -> Record | UnreadableError:
    try:
        return read(_bytes(path), settings.format)
    except UnreadableError as error:
        return error


def _bytes(path: Path) -> bytes:
    """The report: `{output}` itself, or the one file in the folder that the command made of it.

    Only a plain file is read, and not one that is too large; that is removed, as it would fill the disk.
    """
    if path.is_dir() and not path.is_symlink():
        files = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        if len(files) > 1:
            names = ", ".join(plain(entry.name, 60) for entry in files[:5])
            raise UnreadableError("report_several", names=names)
        path = files[0] if files else path / "report"
    if path.is_symlink() or not path.is_file():
        raise UnreadableError("report_missing")
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        path.unlink(missing_ok=True)
        raise UnreadableError("report_too_large", most=str(MOST_BYTES))
    return data
