"""All scores with their intervals, one panel per task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rnnbench.data.roles import BASELINE, OTHER, RECURRENT, STRONG_BASELINE
from rnnbench.report.pictures.style import BLUE, GREEN, GREY, ORANGE, RED, picture, short

_ROLES = {
    RECURRENT: (BLUE, "o"),
    OTHER: (GREEN, "^"),
    BASELINE: (GREY, "s"),
    STRONG_BASELINE: (ORANGE, "D"),
}


def draw(path: Path, table: pd.DataFrame) -> None:
    """Accuracies with 95 % intervals, published figures and baselines."""
    by_corpus = list(table.groupby("corpus", sort=False))
    heights = [len(rows) + 2 for _, rows in by_corpus]
    with picture(path, 7.5, 0.17 * sum(heights) + 0.9) as figure:
        panels = figure.subplots(len(by_corpus), 1, squeeze=False, height_ratios=heights).ravel()
        for (corpus, rows), panel in zip(by_corpus, panels, strict=True):
            _panel(panel, str(corpus), rows)
        marks = [
            Line2D([], [], color=color, marker=marker, label=role)
            for role, (color, marker) in _ROLES.items()
        ]
        marks.append(Line2D([], [], color=RED, marker="x", linestyle="", label="published figure"))
        figure.legend(handles=marks, loc="outside lower center", ncols=5)


def _panel(panel: Axes, corpus: str, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))[::-1]
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        color, marker = _ROLES[row["role"]]
        panel.plot([row["accuracy_low"], row["accuracy_high"]], [place, place], color=color)
        panel.plot(row["accuracy"], place, marker=marker, color=color, markersize=4)
        if pd.notna(row["published"]):
            panel.plot(row["published"], place, "x", color=RED, markersize=5)
        if row["role"] in (BASELINE, STRONG_BASELINE):
            panel.axvline(row["accuracy"], color=color, linestyle=":", linewidth=1)
        # Numbers are grouped by their squared error, which is not what is drawn.
        if row["target"] != "number":
            panel.annotate(
                row["group"],
                (1.01, place),
                xycoords=("axes fraction", "data"),
                va="center",
                color=GREY,
            )
    panel.set_yticks(places, [short(name) for name in rows["variant"]])
    panel.set_ylim(-0.7, len(rows) - 0.3)
    tolerance = rows["tolerance"].iloc[0]
    what = f"share within {tolerance:g}" if tolerance else "accuracy"
    panel.set_title(f"{corpus}: {what}", loc="left")
