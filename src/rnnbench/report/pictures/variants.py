"""Pictures of the variants of one task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rnnbench.report.pictures.style import BLUE, FAINT, GREY, ORANGE, grid, picture

_DARK = 0.5


def learning_curves(path: Path, curves: pd.DataFrame, numbers: bool) -> None:
    """Validation and training score by epoch, the range of the replicates as a band.

    Without a validation part, the evaluation part takes its place.

    Numbers are shown by their squared error, anything else by its accuracy. All variants are drawn
    in grey behind. Variants of one epoch have no curve.
    """
    measure, label = ("loss", "mean squared error") if numbers else ("accuracy", "accuracy")
    trained = curves[curves.groupby("variant")["epoch"].transform("size") > 1]

    def draw(panel: Axes, rows: pd.DataFrame) -> None:
        for _, other in trained.groupby("variant"):
            panel.plot(other["epoch"], other[f"val_{measure}"], color=FAINT, linewidth=0.7)
        low, high = rows[f"val_{measure}_low"], rows[f"val_{measure}_high"]
        panel.fill_between(rows["epoch"], low, high, color=BLUE, alpha=0.25, linewidth=0)
        panel.plot(rows["epoch"], rows[measure], color=ORANGE, linestyle="--")
        panel.plot(rows["epoch"], rows[f"val_{measure}"], color=BLUE)
        if numbers:
            panel.set_yscale("log")

    key = (
        "line: validation part (evaluation part where there is none), "
        "band: range of the replicates, dashes: training, grey: other variants"
    )
    grid(path, trained, draw, (f"epoch\n{key}", label))


def identity(path: Path, table: pd.DataFrame, x: str, y: str, labels: tuple[str, str]) -> None:
    """The points of the columns x and y, with the line where they are equal."""

    def draw(panel: Axes, rows: pd.DataFrame) -> None:
        points = table[[x, y]].to_numpy(float)
        limits = [points.min(), points.max()]
        panel.plot(limits, limits, color=GREY, linestyle=":")
        panel.plot(rows[x], rows[y], "o", color=BLUE, markersize=2, alpha=0.6)
        panel.set_aspect("equal")

    grid(path, table, draw, labels)


def confusion(path: Path, table: pd.DataFrame) -> None:
    """The share of each true class that one variant predicted as each class."""
    order = list(table["true"].unique())
    counts = table.pivot(index="true", columns="predicted", values="samples")
    counts = counts.loc[order, [*order, "other"]]
    totals = counts.sum(axis=1)
    with picture(path, 5.5, 4.2) as figure:
        panel = figure.subplots()
        panel.grid(visible=False)
        shares = counts.div(totals, axis=0).to_numpy()
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            color = "white" if share > _DARK else "black"
            panel.text(column, row, f"{share:.2f}", ha="center", va="center", color=color)
        names = [f"{name} ({total:.0f})" for name, total in totals.items()]
        panel.set_yticks(range(len(order)), names)
        panel.set_xticks(range(len(order) + 1), [*order, "other"], rotation=40, ha="right")
        panel.set_ylabel("true topic (samples)")
        panel.set_xlabel("predicted topic")
        panel.set_title(table["variant"].iloc[0], loc="left")
