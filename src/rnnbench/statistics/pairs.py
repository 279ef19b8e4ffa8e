"""Which variants of a corpus can be told apart: every pair, tested on the same samples."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from rnnbench.statistics.bootstrap import LEVEL, Bootstrap

COLUMNS = ("first", "second", "difference", "low", "high", "p", "p_holm", "different")


def compare(tables: dict[str, NDArray[np.float64]]) -> pd.DataFrame:
    """All pairs of variants, with `COLUMNS`; one row a pair, in the order of `tables`.

    tables: a score a variant, shape (replicates, samples), on the same samples in all.
    difference, low, high: first minus second, with its 95 % interval. p_holm: p, corrected for
    the number of pairs (Holm, Scandinavian Journal of Statistics 6, 1979). different: whether
    p_holm is below 0.05.
    """
    bootstrap = Bootstrap(list(tables.values()))
    rows = []
    for (i, first), (j, second) in itertools.combinations(enumerate(tables), 2):
        interval, p = bootstrap.difference(i, j)
        rows.append((first, second, interval.mean, interval.low, interval.high, p))
    pairs = pd.DataFrame(rows, columns=list(COLUMNS[:6]))
    if rows:
        different, corrected, *_ = multipletests(pairs["p"], 1 - LEVEL, "holm")
    else:
        different, corrected = np.empty(0, bool), np.empty(0)
    return pairs.assign(p_holm=corrected, different=different)
