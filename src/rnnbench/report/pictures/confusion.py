"""Which classes are confused with which others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rnnbench.report.pictures.style import picture

_DARK = 0.5


def draw(path: Path, table: pd.DataFrame, variant: str) -> None:
    """The share of each true class that a variant predicted as each class."""
    best = table[table["variant"] == variant]
    order = list(best["true"].unique())
    counts = best.pivot_table(index="true", columns="predicted", values="samples", sort=False)
    counts = counts.loc[order, [*order, "other"]]
    totals = counts.sum(axis=1)
    shares = counts.div(totals, axis=0).to_numpy()
    with picture(path, 5.5, 4.2) as figure:
        panel = figure.subplots()
        panel.grid(visible=False)
        panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), share in np.ndenumerate(shares):
            color = "white" if share > _DARK else "black"
            panel.text(column, row, f"{share:.2f}", ha="center", va="center", color=color)
        names = [f"{name} ({total:.0f})" for name, total in totals.items()]
        panel.set_yticks(range(len(order)), names)
        panel.set_xticks(range(len(order) + 1), [*order, "other"], rotation=40, ha="right")
        panel.set_ylabel("true topic (samples)")
        panel.set_xlabel("predicted topic")
        panel.set_title(variant, loc="left")
