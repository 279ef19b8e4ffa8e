"""Pictures with one small panel a variant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from rnnbench.report.pictures.style import BLUE, FAINT, GREY, ORANGE, grid


def learning_curves(path: Path, curves: pd.DataFrame, numbers: bool) -> None:
    """Evaluation and training score by epoch, the range of the replicates as a band.

    Numbers are shown by their squared error, anything else by its accuracy. The other variants
    stand behind in grey. Variants of one epoch have no curve.
    """
    measure = "loss" if numbers else "accuracy"
    by_variant = {str(name): own for name, own in curves.groupby("variant", sort=False)}
    trained = {name: own for name, own in by_variant.items() if len(own) > 1}
    if not trained:
        return

    def draw(panel: Axes, name: str) -> None:
        for other, own in trained.items():
            if other != name:
                panel.plot(own["epoch"], own[f"val_{measure}"], color=FAINT, linewidth=0.7)
        own = trained[name]
        low, high = own[f"val_{measure}_low"], own[f"val_{measure}_high"]
        panel.fill_between(own["epoch"], low, high, color=BLUE, alpha=0.25, linewidth=0)
        panel.plot(own["epoch"], own[measure], color=ORANGE, linestyle="--")
        panel.plot(own["epoch"], own[f"val_{measure}"], color=BLUE)
        if numbers:
            panel.set_yscale("log")

    label = "mean squared error" if numbers else "accuracy"
    key = "line: evaluation, band: its replicates, dashes: training, grey: others"
    grid(path, list(trained), draw, (f"epoch\n{key}", label), share_x=False)


def calibration(path: Path, table: pd.DataFrame) -> None:
    """How often a label is positive over the probability that was predicted for it."""
    by_variant = {str(name): own for name, own in table.groupby("variant", sort=False)}

    def draw(panel: Axes, name: str) -> None:
        panel.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        own = by_variant[name]
        panel.plot(own["probability"], own["share"], color=BLUE, marker="o", markersize=3)
        panel.set_aspect("equal")

    grid(
        path,
        list(by_variant),
        draw,
        ("predicted probability of a positive label", "share of positive labels"),
    )


def scatter(path: Path, table: pd.DataFrame) -> None:
    """Predicted over true numbers; on the line they are equal."""
    by_variant = {str(name): own for name, own in table.groupby("variant", sort=False)}
    low = float(table[["target", "prediction"]].min().min())
    high = float(table[["target", "prediction"]].max().max())

    def draw(panel: Axes, name: str) -> None:
        panel.plot([low, high], [low, high], color=GREY, linestyle=":")
        own = by_variant[name]
        panel.plot(own["target"], own["prediction"], "o", color=BLUE, markersize=2, alpha=0.6)
        panel.set_aspect("equal")

    grid(path, list(by_variant), draw, ("true number", "prediction"))
