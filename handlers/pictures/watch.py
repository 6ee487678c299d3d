"""A watch's picture: one panel for each limit, its numbers before the release, in the canary and since; the ceiling and
the moment when all traffic went over are lines."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {"before": "#9aa5b1", "canary": "#c98a1b", "now": "#2e7d5b"}
BAD, MOMENT = "#b3372f", "#1f2a44"
HEIGHT = 1.35
"""Inches of a panel."""
HEADROOM = 1.2
"""The height of a panel over its highest number, so that names of lines do not lie on lines."""


def draw(figure: Figure, data: dict[str, Any]) -> None:
    """`data`: panels (name, most, lines: before, canary, now as points of time and value), zero, promoted, words."""
    panels, words = data["panels"], data["words"]
    figure.set_size_inches(7.2, 1.1 + HEIGHT * len(panels))
    places = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(places, panels, strict=True):
        _panel(axes, panel, data)
    places[-1].set_xlabel(words["minutes"], fontsize=8)
    names = [name for name in COLOURS if any(panel["lines"][name] for panel in panels)]
    handles = [places[0].plot([], [], ".-", color=COLOURS[name])[0] for name in names]
    figure.suptitle(words["title"], fontsize=10)
    figure.legend(
        handles,
        [words[name] for name in names],
        fontsize=7,
        loc="outside lower right",
        ncols=3,
        frameon=False,
    )


def _panel(axes: Axes, panel: dict[str, Any], data: dict[str, Any]) -> None:
    words = data["words"]
    for name, line in panel["lines"].items():
        axes.plot(*_minutes(line, data["zero"]), ".-", color=COLOURS[name], markersize=3, linewidth=1)
    values = [point[1] for line in panel["lines"].values() for point in line]
    highest = max(values)
    if panel["most"] is not None and panel["most"] <= 3 * highest:
        highest = max(highest, panel["most"])
        axes.axhline(panel["most"], color=BAD, linewidth=1, linestyle="--")
        axes.text(1.0, panel["most"], words["most"], color=BAD, fontsize=7, va="bottom", ha="right",
                  transform=axes.get_yaxis_transform())  # fmt: skip
    if data["promoted"]:
        axes.axvline(0, color=MOMENT, linewidth=1)
        axes.text(0, 1.0, words["promoted"], color=MOMENT, fontsize=7, va="bottom",
                  transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_ylim(bottom=0, top=HEADROOM * highest or 1)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}".replace(".", words["point"]))
    axes.set_title(panel["name"], fontsize=8, loc="left")
    axes.tick_params(labelsize=7)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


def _minutes(line: Sequence[Sequence[float]], zero: float) -> tuple[list[float], list[float]]:
    return [(at - zero) / 60 for at, _ in line], [value for _, value in line]
