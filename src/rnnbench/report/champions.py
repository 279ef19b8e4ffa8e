"""The champion of each task: the smallest model that is not inferior to the best one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnbench.data.roles import BASELINE
from rnnbench.params import Comparison
from rnnbench.report.outputs import finished


def champions(table: pd.DataFrame, pairs: pd.DataFrame, settings: Comparison) -> dict[str, str]:
    """Corpus -> its champion.

    table, pairs: metrics/comparison.csv, best variant first, and metrics/pairs.csv.
    """
    found = {}
    scored = finished(table)
    for corpus, rows in scored[scored["role"] != BASELINE].groupby("corpus", sort=False):
        best = rows["variant"].iloc[0]
        # Variants with other evaluation samples form no pair with the best one.
        behind = pairs[pairs["first"] == best]
        loss = behind["measure"] == "loss"
        margin = np.where(loss, 1 + settings.loss_margin, settings.margin)
        close = behind.loc[behind["high"] <= margin, "second"]
        candidates = rows[(rows["variant"] == best) | rows["variant"].isin(close)]
        found[str(corpus)] = str(candidates.loc[candidates["parameters"].idxmin(), "variant"])
    return found
