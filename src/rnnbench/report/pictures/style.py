"""The style of all pictures, and how the same picture becomes the same bytes."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import style
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
}
_COLUMNS = 4
# Longer lines of a title would overlap those of the next panel.
_TITLE = 28


@contextmanager
def picture(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure to draw on, sizes in inches; it is written as SVG if the block raises nothing."""
    with style.context(_STYLE, after_reset=True):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        yield figure
        _settle(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    write_text(path, text.getvalue())


def _settle(figure: Figure) -> None:
    # The layout solver's results differ by rounding errors from one call to the next, and names in
    # the file depend on the positions of the panels.
    if figure.axes and (engine := figure.get_layout_engine()):
        engine.execute(figure)
    figure.set_layout_engine("none")
    for panel in figure.axes:
        x, y, width, height = (round(v, 6) for v in panel.get_position(original=True).bounds)
        panel.set_position((x, y, width, height))


def rows_of_panels(figure: Figure, heights: list[int]) -> list[Axes]:
    """One panel below the other, with relative heights; none if there are no heights."""
    if not heights:
        return []
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    return list(panels.ravel())


def grid(
    path: Path,
    table: pd.DataFrame,
    draw: Callable[[Axes, pd.DataFrame], None],
    labels: tuple[str, str],
) -> None:
    """One small panel per variant of the table; `labels` are those of x and y."""
    if table.empty:
        return
    by_variant = table.groupby("variant", sort=False)
    columns = min(_COLUMNS, len(by_variant))
    rows = math.ceil(len(by_variant) / columns)
    # A single panel needs the width of two for its title.
    with picture(path, 2.1 * max(columns, 2), 1.7 * rows + 0.5) as figure:
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for (name, part), panel in zip(by_variant, panels, strict=False):
            draw(panel, part)
            title = short(str(name), str(part["corpus"].iloc[0]))
            panel.set_title(textwrap.fill(title, _TITLE))
        for panel in panels[len(by_variant) :]:
            panel.remove()
        figure.supxlabel(labels[0])
        figure.supylabel(labels[1])


def short(variant: str, corpus: str) -> str:
    """A variant's name without that of its corpus, in words."""
    return variant.removeprefix(f"{corpus}_").replace("_", " ")
