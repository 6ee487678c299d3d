"""Figures: a value beside its baseline, as a table and as JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured value. `ratio` is value / baseline, both of the same run and in the same `unit`."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None


def alone(name: str, value: float, unit: str) -> Figure:
    """A figure with nothing to compare it with."""
    return Figure(name, round(value, 3), unit)


def beside(name: str, value: float, unit: str, baseline: float) -> Figure:
    """A figure and what the same costs without the bot."""
    ratio = round(value / baseline, 3) if baseline else None
    return Figure(name, round(value, 3), unit, round(baseline, 3), ratio)


def spread(name: str, values: Sequence[float], unit: str, baselines: Sequence[float]) -> list[Figure]:
    """Median and 99th percentile, each beside that of the baseline's samples."""
    return [
        beside(f"{name}, p50", median(values), unit, median(baselines)),
        beside(f"{name}, p99", p99(values), unit, p99(baselines)),
    ]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """The 99th percentile, interpolated; with few samples that is nearly the largest."""
    return statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]


def table(figures: Sequence[Figure]) -> str:
    """One line a figure: name, value, unit, baseline, ratio."""
    rows = [("figure", "value", "unit", "baseline", "ratio"), *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}"
        f"  {baseline:>{widths[3]}}  {ratio:>{widths[4]}}"
        for name, value, unit, baseline, ratio in rows
    )


def _row(figure: Figure) -> tuple[str, str, str, str, str]:
    return figure.name, _number(figure.value), figure.unit, _number(figure.baseline), _number(figure.ratio)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"


def write(figures: Sequence[Figure], path: Path) -> None:
    """All figures as a JSON list of {name, value, unit, baseline, ratio}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="utf-8")
