"""Pictures with one panel per task or evaluation set, one below the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rnnbench.data.roles import BASELINE, OTHER, RECURRENT, STRONG_BASELINE
from rnnbench.report.findings import protocol
from rnnbench.report.pictures.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    RED,
    picture,
    rows_of_panels,
    short,
)

_ROLES = {
    RECURRENT: (BLUE, "o"),
    OTHER: (GREEN, "^"),
    BASELINE: (GREY, "s"),
    STRONG_BASELINE: (ORANGE, "D"),
}
# Fewer variants show no trade-off.
_MIN_VARIANTS = 3


def forest(path: Path, table: pd.DataFrame) -> None:
    """Accuracies with 95 % intervals, published figures and baselines; a panel per set.

    The sets of a corpus share a scale.
    """
    sets = [rows for _, rows in table.groupby(["corpus", "evaluation_set"], sort=False)]
    heights = [len(rows) + 2 for rows in sets]
    with picture(path, 7.5, 0.17 * sum(heights) + 0.9) as figure:
        scales: dict[str, Axes] = {}
        for rows, panel in zip(sets, rows_of_panels(figure, heights), strict=True):
            corpus = rows["corpus"].iloc[0]
            if corpus in scales:
                panel.sharex(scales[corpus])
            scales.setdefault(corpus, panel)
            _scores(panel, rows)
        marks = [
            Line2D([], [], color=color, marker=marker, label=role)
            for role, (color, marker) in _ROLES.items()
        ]
        marks.append(Line2D([], [], color=RED, marker="x", linestyle="", label="published figure"))
        figure.legend(handles=marks, loc="outside lower center", ncols=5)


def _scores(panel: Axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))[::-1]
    panel.plot(rows["published"], places, "x", color=RED, markersize=5, zorder=3)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        color, marker = _ROLES[row["role"]]
        panel.plot([row["accuracy_low"], row["accuracy_high"]], [place, place], color=color)
        panel.plot(row["accuracy"], place, marker=marker, color=color, markersize=4)
        if row["role"] in (BASELINE, STRONG_BASELINE):
            panel.axvline(row["accuracy"], color=color, linestyle=":", linewidth=1)
        # Numbers are grouped by their squared error, which is not what is drawn.
        if row["target"] != "number":
            edge = panel.get_yaxis_transform()
            panel.text(1.01, place, row["group"], transform=edge, va="center", color=GREY)
    panel.set_yticks(places, [short(name) for name in rows["variant"]])
    panel.set_ylim(-0.7, len(rows) - 0.3)
    first = rows.iloc[0]
    what = f"share within {first['tolerance']:g}" if first["tolerance"] else "accuracy"
    panel.set_title(f"{first['corpus']}: {what}, {protocol(first['protocol'])}", loc="left")


def rerun(path: Path, means: pd.DataFrame) -> None:
    """The interval of each score in the first run, and the score of the second run."""
    tasks = [rows for _, rows in means.groupby("corpus", sort=False)]
    heights = [len(rows) + 2 for rows in tasks]
    with picture(path, 7.5, 0.17 * sum(heights) + 0.9) as figure:
        for rows, panel in zip(tasks, rows_of_panels(figure, heights), strict=True):
            places = np.arange(len(rows))[::-1]
            panel.hlines(places, rows["low"], rows["high"], color=BLUE)
            panel.plot(rows["score"], places, "o", color=BLUE, markersize=4)
            panel.plot(rows["rerun"], places, "x", color=RED, markersize=5, zorder=3)
            panel.set_yticks(places, [short(name) for name in rows["variant"]])
            panel.set_ylim(-0.7, len(rows) - 0.3)
            measure = rows["measure"].iloc[0]
            if measure == "loss":
                panel.set_xscale("log")
            panel.set_title(f"{rows['corpus'].iloc[0]}: {measure}", loc="left")
        marks = [
            Line2D([], [], color=BLUE, marker="o", label="first run, 95 % interval"),
            Line2D([], [], color=RED, marker="x", linestyle="", label="second run"),
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=2)


def trade_offs(path: Path, table: pd.DataFrame, cost: str, label: str) -> None:
    """Accuracy over the column `cost` on a logarithmic scale; `label` is its title."""
    by_corpus = table[table[cost] > 0].groupby("corpus", sort=False)
    tasks = [rows for _, rows in by_corpus if len(rows) >= _MIN_VARIANTS]
    heights = [max(len(rows), 6) for rows in tasks]
    with picture(path, 7.5, 0.26 * sum(heights) + 0.8) as figure:
        for rows, panel in zip(tasks, rows_of_panels(figure, heights), strict=True):
            _costs(panel, rows, cost)
        figure.supxlabel(label if tasks else f"no task has {_MIN_VARIANTS} variants")
        figure.supylabel("accuracy, or share within tolerance")


def _costs(panel: Axes, rows: pd.DataFrame, cost: str) -> None:
    """The points, with their names in a column at the right, the best on top."""
    panel.plot(rows[cost], rows["accuracy"], "o", color=BLUE, markersize=4)
    panel.set_title(rows["corpus"].iloc[0], loc="left")
    panel.set_xscale("log")
    # Over many decades, the labels of powers of ten leave no room for others.
    wide = rows[cost].max() > 1000 * rows[cost].min()
    panel.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 3)))
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
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
