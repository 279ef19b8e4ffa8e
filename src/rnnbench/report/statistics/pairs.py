"""Which variants of a corpus differ significantly: every pair on the same samples, and groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pandas as pd
from statsmodels.stats.multitest import multipletests

from rnnbench.report.statistics.intervals import LEVEL, PairedScores

COLUMNS = ("first", "second", "difference", "low", "high", "p", "p_holm", "different")


def compare(names: list[str], scores: PairedScores) -> pd.DataFrame:
    """All pairs that can be tested, with `COLUMNS`; one row per pair, in the order of `names`.

    names: the variants, in the order of `scores`. difference, low, high: first minus second, with
    the 95 % interval of this one pair. p_holm: p, corrected for the number of pairs (Holm,
    Scandinavian Journal of Statistics 6, 1979). different: whether p_holm is below 0.05.
    """
    rows = []
    for (i, first), (j, second) in itertools.combinations(enumerate(names), 2):
        if found := scores.difference(i, j):
            interval, p = found
            rows.append((first, second, interval.mean, interval.low, interval.high, p))
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    pairs = pd.DataFrame(rows, columns=list(COLUMNS[:6]))
    different, corrected, *_ = multipletests(pairs["p"], 1 - LEVEL, "holm")
    return pairs.assign(p_holm=corrected, different=different)


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
