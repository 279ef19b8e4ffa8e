"""Accuracy over the size or the training time of the variants, one panel per task."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rnnbench.report.pictures.style import BLUE, FAINT, picture, short

# Fewer variants show no trade-off.
_MIN_VARIANTS = 3


def draw(path: Path, table: pd.DataFrame, cost: str, label: str) -> None:
    """Accuracy over the column `cost` on a logarithmic scale; `label` is its title."""
    tasks = [
        (str(corpus), rows)
        for corpus, rows in table[table[cost] > 0].groupby("corpus", sort=False)
        if len(rows) >= _MIN_VARIANTS
    ]
    heights = [max(len(rows), 6) for _, rows in tasks]
    with picture(path, 7.5, 0.26 * sum(heights) + 0.8) as figure:
        if not tasks:
            figure.text(0.5, 0.5, f"no task has {_MIN_VARIANTS} variants", ha="center")
            return
        panels = figure.subplots(len(tasks), 1, squeeze=False, height_ratios=heights).ravel()
        for (corpus, rows), panel in zip(tasks, panels, strict=True):
            _panel(panel, rows, cost)
            panel.set_title(corpus, loc="left")
        figure.supxlabel(label)
        figure.supylabel("accuracy, or share within tolerance")


def _panel(panel: Axes, rows: pd.DataFrame, cost: str) -> None:
    """The points, with their names in a column at the right, the best on top."""
    panel.plot(rows[cost], rows["accuracy"], "o", color=BLUE, markersize=4)
    panel.set_xscale("log")
    # Less than two decades need more ticks than powers of ten.
    few = rows[cost].max() < 100 * rows[cost].min()
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    ranked = rows.sort_values("accuracy", ascending=False, kind="stable").to_dict("records")
    for place, row in enumerate(ranked):
        panel.annotate(
            short(row["variant"]),
            (row[cost], row["accuracy"]),
            xytext=(1.04, 1 - (place + 0.5) / len(ranked)),
            textcoords="axes fraction",
            va="center",
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "relpos": (0, 0.5)},
        )
