"""The style of all pictures, and how the same picture becomes the same bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.core.files import write_text

# Okabe & Ito, "Color universal design", 2008: distinguishable by the colour-blind, and in grey.
BLUE, ORANGE, RED, GREEN, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#666666"
FAINT = "#CCCCCC"

_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "figure.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#EEEEEE",
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    # Text becomes outlines, so that the picture needs no font.
    "svg.fonttype": "path",
    # Without it the names of shapes in the file are random.
    "svg.hashsalt": "rnnbench",
    # Points of a long curve that move it by less than half a pixel are left out.
    "path.simplify_threshold": 0.5,
}
_COLUMNS = 4


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure to draw on, sizes in inches; it is written as SVG if the block raises nothing."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        yield figure
        _settle(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    # The renderer leaves blanks at the ends of some lines.
    write_text(path, "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n")


def _settle(figure: Figure) -> None:
    # The layout solver's results differ by rounding errors from one call to the next, and names in
    # the file depend on the positions of the panels.
    if figure.axes and (engine := figure.get_layout_engine()):
        engine.execute(figure)
    figure.set_layout_engine("none")
    for panel in figure.axes:
        x, y, width, height = (round(v, 6) for v in panel.get_position(original=True).bounds)
        panel.set_position((x, y, width, height))


def grid(
    path: Path,
    names: list[str],
    draw: Callable[[Axes, str], None],
    labels: tuple[str, str],
    share_x: bool = True,
) -> None:
    """One small panel per name, all on the same scale; `labels` are those of x and y."""
    columns = min(_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    # A single panel needs the width of two for its title.
    width = 2.1 * max(columns, 2)
    with picture(path, width, 1.7 * rows + 0.5) as figure:
        panels = figure.subplots(rows, columns, sharex=share_x, sharey=True, squeeze=False).ravel()
        for name, panel in zip(names, panels, strict=False):
            draw(panel, name)
            panel.set_title(short(name))
        for number in range(len(names), len(panels)):
            panels[number].set_visible(False)
            panels[number - columns].tick_params(labelbottom=True)
        figure.supxlabel(labels[0])
        figure.supylabel(labels[1])


def short(variant: str) -> str:
    """A variant's name without its corpus, in words."""
    return " ".join(variant.split("_")[1:]) or variant
