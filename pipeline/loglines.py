"""Log lines as what they tell: tracebacks joined to the line that they belong to, and errors by their shape. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

_TRACEBACK = "Traceback (most recent call last):"
_COMPONENT = re.compile(r"([a-z][a-z0-9-]{0,39}): ")
_GOES_ON = re.compile(r"\s|$|During handling of the above|The above exception was")
_FRAME = re.compile(r"\s+at \S|Caused by: |\s*\.\.\. \d+ more$")
"""Of Java's and JavaScript's."""
_ENDS = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Warning|Exit|Interrupt|Timeout|Iteration)\b")

LIKE = 0.7
"""The part of two messages' words that is the same where they are of one shape."""
LONGEST = 500
MOST_SHAPES = 500


@dataclass(frozen=True)
class Entry:
    """One thing that a component said, and the lines that belong to it."""

    component: str
    said: str
    more: tuple[str, ...] = ()

    @property
    def is_traceback(self) -> bool:
        """Whether nothing but a traceback was said: nobody caught the exception."""
        return self.said.startswith(_TRACEBACK)

    @property
    def line(self) -> str:
        """In one line: what was said, and how its traceback ends."""
        last = f" … {self.more[-1].strip()}" if self.more else ""
        return f"{self.component}: {self.said}{last}" if self.component else f"{self.said}{last}"


def entries(lines: Iterable[str]) -> list[Entry]:
    """`component: line` as a target gives them, tracebacks joined."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lines:
        prefix = _COMPONENT.match(line)
        component, said = (prefix[1], line[prefix.end() :]) if prefix else ("", line)
        last = found[-1] if found and found[-1][0] == component else None
        if last and _belongs(last[1], last[2], said):
            last[2].append(said)
        else:
            found.append((component, said, []))
    return [Entry(component, said, tuple(more)) for component, said, more in found]


def _belongs(first: str, more: Sequence[str], said: str) -> bool:
    """Outside of a traceback nothing is joined: an indented line may have a level of its own."""
    if _FRAME.match(said):
        return True
    in_traceback = any(line.startswith(_TRACEBACK) for line in (first, *more))
    if in_traceback:
        return (
            _GOES_ON.match(said) is not None or _ENDS.match(said) is not None or said.startswith(_TRACEBACK)
        )
    return said.startswith(_TRACEBACK)


def errors(found: Iterable[Entry], *patterns: str) -> list[tuple[Entry, str]]:
    """The entries of these levels, and exceptions that nobody caught, each with its message: what follows the level."""
    levels = [re.compile(pattern) for pattern in patterns]
    said = (
        (entry, next(filter(None, (level.search(entry.said) for level in levels)), None)) for entry in found
    )
    return [
        (entry, _message(entry, level.end() if level else 0))
        for entry, level in said
        if level or entry.is_traceback
    ]


def _message(entry: Entry, start: int) -> str:
    kind = _ENDS.match(entry.more[-1].strip()) if entry.more else None
    return f"{entry.component} {entry.said[start:]} {kind[0] if kind else ''}".strip()[:LONGEST]


def new_shapes(known: Sequence[str], messages: Iterable[tuple[Entry, str]]) -> list[Entry]:
    """The first entry of each shape that is in none of the known messages: numbers, ids and single words aside."""
    miner = _miner()
    for message in known:
        miner.add_log_message(message)
    return [
        entry
        for entry, message in messages
        if miner.add_log_message(message)["change_type"] == "cluster_created"
    ]


def shapes(messages: Iterable[tuple[Entry, str]]) -> list[str]:
    """One message of each shape, to be kept."""
    miner = _miner()
    new = (
        message
        for _, message in messages
        if miner.add_log_message(message)["change_type"] == "cluster_created"
    )
    return [message for _, message in zip(range(MOST_SHAPES), new, strict=False)]


def _miner() -> TemplateMiner:
    settings = TemplateMinerConfig()
    settings.drain_sim_th = LIKE
    settings.masking_instructions = [
        MaskingInstruction(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "ID"),
        MaskingInstruction(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b", "ID"),
        MaskingInstruction(r"\bv?\d+(?:[.:_]\d+)*\b", "NUMBER"),
        MaskingInstruction(r"'[^']{0,200}'|\"[^\"]{0,200}\"", "TEXT"),
    ]
    return TemplateMiner(config=settings)
