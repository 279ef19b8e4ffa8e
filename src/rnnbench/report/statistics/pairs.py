"""Which variants of a corpus differ significantly: every pair, tested on the same samples."""

from __future__ import annotations

import itertools

import pandas as pd
from statsmodels.stats.multitest import multipletests

from rnnbench.report.statistics.intervals import LEVEL, PairedScores

COLUMNS = ("first", "second", "difference", "low", "high", "p", "p_holm", "different")


def compare(names: list[str], scores: PairedScores) -> pd.DataFrame:
    """All pairs of variants, with `COLUMNS`; one row per pair, in the order of `names`.

    names: the variants, in the order of `scores`. difference, low, high: first minus second, with
    the 95 % interval of this one pair. p_holm: p, corrected for the number of pairs (Holm,
    Scandinavian Journal of Statistics 6, 1979). different: whether p_holm is below 0.05.
    """
    rows = []
    for (i, first), (j, second) in itertools.combinations(enumerate(names), 2):
        interval, p = scores.difference(i, j)
        rows.append((first, second, interval.mean, interval.low, interval.high, p))
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    pairs = pd.DataFrame(rows, columns=list(COLUMNS[:6]))
    different, corrected, *_ = multipletests(pairs["p"], 1 - LEVEL, "holm")
    return pairs.assign(p_holm=corrected, different=different)
