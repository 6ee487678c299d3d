"""An evaluation's picture: each limited metric beside its limit and the last release's value, and how long cases took.

Metrics have units of their own, so that each bar is shown as a share of its limit: the line at 1 is the limit.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

GOOD, BAD, BEFORE, LIMIT = "#2e7d5b", "#b3372f", "#9aa5b1", "#1f2a44"
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8}
"""Behind a value, so that the line of the limit does not cross it out."""
WIDEST = 2.0
"""Times its limit: a bar is cut there, and its value is written beside it."""


def draw(figure: Figure, data: dict[str, Any]) -> None:
    """`data`: bars (name, share, before, good, value), times (first, last, counts) or null, and the words."""
    words, times = data["words"], data["times"]
    places = figure.subplots(1, 2, width_ratios=(3, 2), squeeze=False)[0] if times else [figure.subplots()]
    _bars(places[0], data["bars"], words)
    if times:
        _times(places[1], times, words)


def _bars(axes: Axes, bars: Sequence[dict[str, Any]], words: dict[str, str]) -> None:
    names = [bar["name"] for bar in bars]
    for place, bar in enumerate(bars):
        share = min(bar["share"], WIDEST)
        axes.barh(place - 0.18, share, 0.34, color=GOOD if bar["good"] else BAD)
        axes.text(share + 0.02, place - 0.18, bar["value"], va="center", fontsize=8, bbox=BEHIND)
        if bar["before"] is not None:
            axes.barh(place + 0.2, min(bar["before"], WIDEST), 0.28, color=BEFORE)
    axes.axvline(1.0, color=LIMIT, linewidth=1.5)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.25, *(min(max(bar["share"], bar["before"] or 0), WIDEST) + 0.35 for bar in bars)))
    axes.set_xlabel(words["axis"], fontsize=8)
    axes.set_title(words["title"], fontsize=10)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


def _times(axes: Axes, times: dict[str, Any], words: dict[str, str]) -> None:
    counts = times["counts"]
    width = (times["last"] - times["first"]) / len(counts)
    edges = [times["first"] + width * number for number in range(len(counts))]
    axes.bar(edges, counts, width=width, align="edge", color=GOOD)
    axes.set_xlabel(words["milliseconds"], fontsize=8)
    axes.set_title(words["times"], fontsize=10)
    axes.tick_params(labelsize=8)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
