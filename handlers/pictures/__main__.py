"""Draw one picture: its data as JSON on the standard input, the PNG on the standard output."""

import json
import sys
from importlib import import_module

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

KINDS = ("evaluation", "metrics", "watch")

figure = Figure(figsize=(7.2, 3.6), dpi=110, layout="constrained")
kind = sys.argv[1]
if kind not in KINDS:
    sys.exit(f"There is no picture {kind!r}; there are: {', '.join(KINDS)}.")
import_module(f"handlers.pictures.{kind}").draw(figure, json.load(sys.stdin))
FigureCanvasAgg(figure)
figure.savefig(sys.stdout.buffer, format="png")
