"""The pictures of the report: SVG, with the same bytes for the same tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rnnbench.report.outputs import best_network
from rnnbench.report.pictures import tasks, variants

_CALIBRATION = ("predicted probability of a positive label", "share of positive labels")


def draw_all(
    directory: Path, tables: dict[str, pd.DataFrame], replicates: Mapping[str, pd.DataFrame]
) -> None:
    """Draw all pictures but that of the costs into `directory`.

    tables: the report's tables by name. replicates: variant -> its scores by replicate.
    """
    comparison = tables["comparison"]
    tasks.forest(directory / "forest.svg", comparison, replicates)
    tasks.trade_offs(directory / "parameters.svg", comparison, "parameters", "parameters")
    for corpus, rows in comparison.groupby("corpus", sort=False):
        own = {
            name: table[table["corpus"] == corpus]
            for name, table in tables.items()
            if "corpus" in table
        }
        numbers = bool(rows["target"].iloc[0] == "number")
        path = directory / f"learning_curves_{corpus}.svg"
        variants.learning_curves(path, own["learning_curves"], numbers)
        path = directory / f"calibration_{corpus}.svg"
        variants.identity(path, own["calibration"], "probability", "share", _CALIBRATION)
        path = directory / f"scatter_{corpus}.svg"
        labels = ("true number", "prediction")
        variants.identity(path, own["scatter"], "target", "prediction", labels)
        confused = own["confusion"]
        confused = confused[confused["variant"] == best_network(rows)]
        if len(confused):
            variants.confusion(directory / f"confusion_{corpus}.svg", confused)


def draw_costs(path: Path, costs: pd.DataFrame) -> None:
    """Draw the scores over training seconds.

    costs: with the columns corpus, variant, target, accuracy, loss and seconds_per_replicate.
    """
    title = "training seconds of one replicate"
    tasks.trade_offs(path, costs, "seconds_per_replicate", title)


def draw_rerun(path: Path, means: pd.DataFrame) -> None:
    """Draw the scores of a rerun over the intervals of the first run."""
    tasks.rerun(path, means)
