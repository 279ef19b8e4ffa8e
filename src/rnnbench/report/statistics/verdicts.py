"""Whether a score is consistent with a published figure."""

from __future__ import annotations

import math

from scipy import stats

from rnnbench.report.statistics.intervals import LEVEL, Interval

CONSISTENT, ABOVE, BELOW = "consistent", "above", "below"
NOT_COMPARABLE, NOT_TESTED = "not comparable", "not tested"


def share_interval(share: float, samples: int) -> Interval:
    """The 95 % interval of one share of `samples` (Wilson, JASA 22, 1927)."""
    result = stats.binomtest(round(share * samples), samples)
    bounds = result.proportion_ci(LEVEL, method="wilson")
    return Interval(share, float(bounds.low), float(bounds.high))


def verdict(ours: Interval, published: float, samples: int, further_run: float | None) -> str:
    """Whether our score is `ABOVE`, `BELOW` or `CONSISTENT` with a published share of `samples`.

    The published figure has an interval too: that of the share, and, as it comes from one run,
    how far one run may lie from the mean (`PairedScores.further_run`; None gives `NOT_TESTED`).
    The interval of the difference follows from all three (Zou & Donner, "Construction of
    confidence limits about effect measures", Statistics in Medicine 27, 2008): half widths
    towards each other, added in quadrature.
    """
    if further_run is None:
        return NOT_TESTED
    theirs = share_interval(published, samples)
    if ours.mean > published:
        margin = math.hypot(ours.mean - ours.low, theirs.high - published, further_run)
        return ABOVE if ours.mean - published > margin else CONSISTENT
    margin = math.hypot(ours.high - ours.mean, published - theirs.low, further_run)
    return BELOW if published - ours.mean > margin else CONSISTENT
