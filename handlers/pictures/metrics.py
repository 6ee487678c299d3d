"""The metrics' picture: deployments week by week, good and failed, and the lead time."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

GOOD, BAD, LINE = "#2e7d5b", "#b3372f", "#1f2a44"


def draw(figure: Figure, data: dict[str, Any]) -> None:
    """`data`: weeks (name, good, failed, lead in hours or null), and the words."""
    left, right = figure.subplots(1, 2)
    _deployments(left, data["weeks"], data["words"])
    _leads(right, data["weeks"], data["words"])
    for axes in (left, right):
        _dates(axes, [week["name"] for week in data["weeks"]])


def _deployments(axes: Axes, weeks: Sequence[dict[str, Any]], words: dict[str, str]) -> None:
    good, failed = [week["good"] for week in weeks], [week["failed"] for week in weeks]
    places = range(len(weeks))
    axes.bar(places, good, color=GOOD, label=words["good"])
    axes.bar(places, failed, bottom=good, color=BAD, hatch="//", label=words["failed"])
    axes.set_title(words["deployments"], fontsize=10)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, max(1.0, *(a + b for a, b in zip(good, failed, strict=True))) * 1.25)
    axes.legend(fontsize=8, loc="upper left", ncols=2, frameon=False)


def _leads(axes: Axes, weeks: Sequence[dict[str, Any]], words: dict[str, str]) -> None:
    known = [(place, week["lead"]) for place, week in enumerate(weeks) if week["lead"] is not None]
    axes.plot(
        [place for place, _ in known], [lead for _, lead in known], color=LINE, marker="o", markersize=4
    )
    axes.set_title(words["lead"], fontsize=10)
    axes.set_ylim(0, max([lead for _, lead in known], default=1.0) * 1.25 or 1.0)
    axes.set_xlim(-0.6, len(weeks) - 0.4)


def _dates(axes: Axes, names: Sequence[str]) -> None:
    step = max(1, len(names) // 6)
    shown = range(len(names) - 1, -1, -step)
    axes.set_xticks(list(shown), [names[place] for place in shown], fontsize=8)
    axes.tick_params(axis="y", labelsize=8)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
