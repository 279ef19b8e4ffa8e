"""Pictures with one small panel per variant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from rnnbench.report.pictures.style import BLUE, FAINT, GREY, ORANGE, grid


def learning_curves(path: Path, curves: pd.DataFrame, numbers: bool) -> None:
    """Evaluation and training score by epoch, the range of the replicates as a band.

    Numbers are shown by their squared error, anything else by its accuracy. The other variants are
    drawn in grey behind. Variants of one epoch have no curve.
    """
    measure = "loss" if numbers else "accuracy"
    by_variant = {str(name): rows for name, rows in curves.groupby("variant", sort=False)}
    trained = {name: rows for name, rows in by_variant.items() if len(rows) > 1}
    if not trained:
        return

    def draw(panel: Axes, name: str) -> None:
        for other, rows in trained.items():
            if other != name:
                panel.plot(rows["epoch"], rows[f"val_{measure}"], color=FAINT, linewidth=0.7)
        rows = trained[name]
        low, high = rows[f"val_{measure}_low"], rows[f"val_{measure}_high"]
        panel.fill_between(rows["epoch"], low, high, color=BLUE, alpha=0.25, linewidth=0)
        panel.plot(rows["epoch"], rows[measure], color=ORANGE, linestyle="--")
        panel.plot(rows["epoch"], rows[f"val_{measure}"], color=BLUE)
        if numbers:
            panel.set_yscale("log")

    label = "mean squared error" if numbers else "accuracy"
    key = "line: evaluation, band: range of the replicates, dashes: training, grey: other variants"
    grid(path, list(trained), draw, (f"epoch\n{key}", label), share_x=False)


def calibration(path: Path, table: pd.DataFrame) -> None:
    """The share of positive labels over their predicted probability."""
    by_variant = {str(name): rows for name, rows in table.groupby("variant", sort=False)}

    def draw(panel: Axes, name: str) -> None:
        panel.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        rows = by_variant[name]
        panel.plot(rows["probability"], rows["share"], color=BLUE, marker="o", markersize=3)
        panel.set_aspect("equal")

    grid(
        path,
        list(by_variant),
        draw,
        ("predicted probability of a positive label", "share of positive labels"),
    )


def scatter(path: Path, table: pd.DataFrame) -> None:
    """Predicted over true numbers, with the line where they are equal."""
    by_variant = {str(name): rows for name, rows in table.groupby("variant", sort=False)}
    low = float(table[["target", "prediction"]].min().min())
    high = float(table[["target", "prediction"]].max().max())

    def draw(panel: Axes, name: str) -> None:
        panel.plot([low, high], [low, high], color=GREY, linestyle=":")
        rows = by_variant[name]
        panel.plot(rows["target"], rows["prediction"], "o", color=BLUE, markersize=2, alpha=0.6)
        panel.set_aspect("equal")

    grid(path, list(by_variant), draw, ("true number", "prediction"))
