"""Which variants differ: every pair on the same evaluation samples, groups, and ranks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.report.statistics.estimates import ALPHA, Estimate

_DRAWS = 10_000
_SEED = 0
COLUMNS = (
    *("first", "second", "effect", "low", "high", "p", "p_adjusted", "different"),
    *("detectable", "used", "needed"),
)


class Scores(Protocol):
    """Scores of several variants on the same evaluation samples."""

    def mean(self, number: int) -> Estimate | None:
        """The mean of one variant; None if it has no error."""

    def difference(self, first: int, second: int) -> Estimate | None:
        """The first variant minus the second; None if the difference cannot be tested."""

    def smallest_p(
        self, pairs: list[tuple[int, int]], draws: int, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """The smallest p of all pairs if no pair differed, shape (draws,)."""

    def draw_means(self, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Means as they could be, given the data: shape (draws, variants).

        NaN where a variant has no error that could be estimated.
        """


def compare(names: list[str], scores: Scores) -> pd.DataFrame:
    """All pairs that can be tested, with `COLUMNS`; one row per pair, in the order of `names`.

    effect, low, high: first minus second with a simultaneous 95 % interval: with probability 0.95
    all intervals of the table hold. p_adjusted: the probability that some p of the table is as
    small as this one if no pair differed (min P: Westfall and Young, "Resampling-based multiple
    testing", 1993, single step). different: whether it is at most 0.05, which is exactly when the
    interval does not contain 0. detectable, needed: as in `Estimate`, at the level of one interval;
    used: its replicates.
    """
    pairs, estimates = [], []
    for i, j in itertools.combinations(range(len(names)), 2):
        if (estimate := scores.difference(i, j)) is not None:
            pairs.append((i, j))
            estimates.append(estimate)
    if not pairs:
        return pd.DataFrame(columns=list(COLUMNS))
    smallest = np.sort(scores.smallest_p(pairs, _DRAWS, np.random.default_rng(_SEED)))
    # For one pair, the p of a single test needs no correction; for more, the limit of a single test
    # is the highest. The data count as one more draw (Phipson and Smyth, Statistical Applications
    # in Genetics and Molecular Biology 9, 2010): no p is 0.
    limit = ALPHA if len(pairs) == 1 else float(smallest[int(ALPHA * (_DRAWS + 1)) - 1])
    alpha = min(limit, ALPHA)
    rows = []
    for (i, j), estimate in zip(pairs, estimates, strict=True):
        interval = estimate.interval(alpha)
        adjusted = float((np.searchsorted(smallest, estimate.p, "right") + 1) / (_DRAWS + 1))
        adjusted = estimate.p if len(pairs) == 1 else max(adjusted, estimate.p)
        rows.append(
            (
                names[i],
                names[j],
                estimate.mean,
                interval.low,
                interval.high,
                estimate.p,
                adjusted,
                estimate.p < alpha,
                estimate.detectable(alpha),
                estimate.replicates,
                estimate.needed(alpha),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"needed": "Int64"})


def ranks(scores: Scores, higher_is_better: bool) -> pd.DataFrame:
    """How certain the order is: p_best, rank_low and rank_high of each variant.

    p_best: the probability of being the best; rank_low, rank_high: the ranks that hold with
    probability 0.95, each from the joint distribution of all means. Equal means share their ranks
    at random. Missing for a variant whose mean has no error; the others are ranked without it.
    """
    rng = np.random.default_rng(_SEED)
    draws = scores.draw_means(_DRAWS, rng)
    ranked = ~np.isnan(draws[0])
    draws = draws[:, ranked]
    order = np.lexsort((rng.random(draws.shape), -draws if higher_is_better else draws), axis=1)
    rank = np.argsort(order, axis=1) + 1
    low, high = np.quantile(rank, [ALPHA / 2, 1 - ALPHA / 2], axis=0, method="nearest")
    return pd.DataFrame(
        {"p_best": (rank == 1).mean(axis=0), "rank_low": low, "rank_high": high},
        index=np.flatnonzero(ranked),
    ).reindex(range(len(ranked)))


def letters(names: list[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The letters of each name, best first: "a" goes to the group of the first name.

    different: the pairs that differ significantly. Two variants share a letter if and only if they
    do not differ (Piepho, "An algorithm for a letter-based representation of all-pairwise
    comparisons", Journal of Computational and Graphical Statistics 13, 2004: insert and absorb).
    """
    groups = [frozenset(names)]
    for first, second in different:
        split = []
        for group in groups:
            if first in group and second in group:
                split += [group - {first}, group - {second}]
            else:
                split.append(group)
        groups = [g for g in dict.fromkeys(split) if not any(g < other for other in split)]
    rank = {name: place for place, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(rank[name] for name in group))
    # After z come further letters of Unicode.
    marks = filter(str.isalpha, map(chr, itertools.count(ord("a"))))
    marked = list(zip(groups, marks, strict=False))
    return {name: "".join(mark for group, mark in marked if name in group) for name in names}
