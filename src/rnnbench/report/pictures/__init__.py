"""The pictures of the report: SVG, with the same bytes for the same tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnnbench.report.outputs import best_network
from rnnbench.report.pictures import confusion, forest, grids, trade_offs


def draw_all(directory: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Draw all pictures but that of the costs into `directory`, from the report's tables."""
    comparison = tables["comparison"]
    forest.draw(directory / "forest.svg", comparison)
    trade_offs.draw(directory / "parameters.svg", comparison, "parameters", "parameters")
    for corpus, curves in tables["learning_curves"].groupby("corpus", sort=False):
        rows = comparison[comparison["corpus"] == corpus]
        path = directory / f"learning_curves_{corpus}.svg"
        grids.learning_curves(path, curves, numbers=bool((rows["target"] == "number").all()))
        network = best_network(rows)
        confused = tables["confusion"][tables["confusion"]["corpus"] == corpus]
        if network and len(confused):
            confusion.draw(directory / f"confusion_{corpus}.svg", confused, network)
    for name, draw in (("calibration", grids.calibration), ("scatter", grids.scatter)):
        for corpus, table in tables[name].groupby("corpus", sort=False):
            draw(directory / f"{name}_{corpus}.svg", table)


def draw_costs(path: Path, costs: pd.DataFrame) -> None:
    """Draw accuracy over training seconds."""
    title = "training seconds of one replicate"
    trade_offs.draw(path, costs, "seconds_per_replicate", title)
