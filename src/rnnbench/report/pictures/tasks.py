"""Pictures with one panel per task or evaluation set, one below the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def forest(path: Path, table: pd.DataFrame, replicates: Mapping[str, pd.DataFrame]) -> None:
    """Means with 95 % intervals, replicates, published figures and baselines; a panel per set.

    The panels of a corpus share a scale. Numbers are drawn by what they are ranked by, their mean
    squared error on a logarithmic scale; anything else by its accuracy.

    replicates: variant -> its scores by replicate, as `rnnbench.evaluation.outputs` has them.
    """
    sets = [rows for _, rows in table.groupby(["corpus", "evaluation_set"], sort=False)]
    heights = [len(rows) + 2 for rows in sets]
    with picture(path, 7.5, 0.19 * sum(heights) + 0.9) as figure:
        scales: dict[str, Axes] = {}
        for rows, panel in zip(sets, rows_of_panels(figure, heights), strict=True):
            corpus = rows["corpus"].iloc[0]
            if corpus in scales:
                panel.sharex(scales[corpus])
            scales.setdefault(corpus, panel)
            _scores(panel, rows, replicates)
        marks = [
            Line2D([], [], color=color, marker=marker, label=role)
            for role, (color, marker) in _ROLES.items()
        ]
        others = (
            (RED, "x", 5, "published figure"),
            (GREY, "o", 2.4, "one replicate"),
            (GREY, r"$\mathrm{a}$", 5, "same letter: not significantly different"),
        )
        marks += [
            Line2D([], [], color=color, marker=mark, markersize=size, linestyle="", label=label)
            for color, mark, size, label in others
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=4)


def _scores(panel: Axes, rows: pd.DataFrame, replicates: Mapping[str, pd.DataFrame]) -> None:
    first = rows.iloc[0]
    measure, label = _measure(rows)
    published = "published_loss" if measure == "loss" else "published"
    places = np.arange(len(rows))[::-1]
    panel.plot(rows[published], places, "x", color=RED, markersize=5, zorder=3)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        color, marker = _ROLES[row["role"]]
        if (runs := replicates.get(row["variant"])) is not None:
            # Below the line of the interval, which would hide them.
            lower = np.full(len(runs), place - 0.3)
            panel.plot(runs[measure], lower, "o", color=color, markersize=2.4, alpha=0.5, mew=0)
        panel.plot([row[f"{measure}_low"], row[f"{measure}_high"]], [place, place], color=color)
        panel.plot(row[measure], place, marker=marker, color=color, markersize=4)
        if row["role"] in (BASELINE, STRONG_BASELINE):
            panel.axvline(row[measure], color=color, linestyle=":", linewidth=1)
        edge = panel.get_yaxis_transform()
        panel.text(1.01, place, row["group"], transform=edge, va="center", color=GREY)
    if measure == "loss":
        panel.set_xscale("log")
    panel.set_yticks(places, [short(name, first["corpus"]) for name in rows["variant"]])
    panel.set_ylim(-0.7, len(rows) - 0.3)
    panel.set_title(f"{first['corpus']}: {label}, {_design(first)}", loc="left")


def _measure(rows: pd.DataFrame) -> tuple[str, str]:
    """The column that the variants of a task are ranked by, and what it is."""
    if (rows["target"] == "number").all():
        return "loss", "mean squared error"
    return "accuracy", "accuracy"


def _design(row: pd.Series[Any]) -> str:
    """How the evaluation samples of a set are drawn, and how many they are."""
    count = row["evaluation_samples"]
    samples = f"{count:,} sample{'s' if count > 1 else ''}"
    if row["protocol"] == "same":
        return f"memorised: trained and evaluated on the same {samples}"
    splits = f"{row['splits']} \u00d7 " if row["splits"] > 1 else ""
    return f"{protocol(row['protocol'])} ({splits}{samples})"


def rerun(path: Path, means: pd.DataFrame) -> None:
    """The interval of each score in the first run, and the score of the second run."""
    tasks = [rows for _, rows in means.groupby("corpus", sort=False)]
    heights = [len(rows) + 2 for rows in tasks]
    with picture(path, 7.5, 0.17 * sum(heights) + 0.9) as figure:
        for rows, panel in zip(tasks, rows_of_panels(figure, heights), strict=True):
            corpus, measure = rows[["corpus", "measure"]].iloc[0]
            places = np.arange(len(rows))[::-1]
            panel.hlines(places, rows["low"], rows["high"], color=BLUE)
            panel.plot(rows["score"], places, "o", color=BLUE, markersize=4)
            panel.plot(rows["rerun"], places, "x", color=RED, markersize=5, zorder=3)
            panel.set_yticks(places, [short(name, corpus) for name in rows["variant"]])
            panel.set_ylim(-0.7, len(rows) - 0.3)
            if measure == "loss":
                panel.set_xscale("log")
            label = "mean squared error" if measure == "loss" else measure
            panel.set_title(f"{corpus}: {label}", loc="left")
        marks = [
            Line2D([], [], color=BLUE, marker="o", label="first run, 95 % interval"),
            Line2D([], [], color=RED, marker="x", linestyle="", label="second run"),
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=2)


def trade_offs(path: Path, table: pd.DataFrame, cost: str, label: str) -> None:
    """Scores over the column `cost` on a logarithmic scale; `label` is its title.

    Scores are those of `forest`.
    """
    by_corpus = table[table[cost] > 0].groupby("corpus", sort=False)
    tasks = [rows for _, rows in by_corpus if len(rows) >= _MIN_VARIANTS]
    heights = [max(len(rows), 6) for rows in tasks]
    with picture(path, 7.5, 0.26 * sum(heights) + 0.8) as figure:
        for rows, panel in zip(tasks, rows_of_panels(figure, heights), strict=True):
            _costs(panel, rows, cost)
        figure.supxlabel(label if tasks else f"no task has {_MIN_VARIANTS} variants")


def _costs(panel: Axes, rows: pd.DataFrame, cost: str) -> None:
    """The points, with their names in a column at the right, the best on top."""
    corpus = rows["corpus"].iloc[0]
    measure, label = _measure(rows)
    panel.plot(rows[cost], rows[measure], "o", color=BLUE, markersize=4)
    panel.set_title(f"{corpus}: {label}", loc="left")
    if measure == "loss":
        panel.set_yscale("log")
        panel.invert_yaxis()
    panel.set_xscale("log")
    # Over many decades, the labels of powers of ten leave no room for others.
    wide = rows[cost].max() > 1000 * rows[cost].min()
    panel.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 3)))
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    ranked = rows.sort_values(measure, ascending=measure == "loss", kind="stable")
    for place, row in enumerate(ranked.to_dict("records")):
        panel.annotate(
            short(row["variant"], corpus),
            (row[cost], row[measure]),
            xytext=(1.04, 1 - (place + 0.5) / len(ranked)),
            textcoords="axes fraction",
            va="center",
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "relpos": (0, 0.5)},
        )
