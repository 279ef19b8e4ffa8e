"""How a score of ours stands to a published one."""

from __future__ import annotations

import math

from scipy import stats

from rnnbench.report.statistics.bootstrap import LEVEL, Interval


def share_interval(share: float, samples: int) -> Interval:
    """The 95 % interval of one share of `samples` (Wilson, JASA 22, 1927)."""
    result = stats.binomtest(round(share * samples), samples)
    bounds = result.proportion_ci(LEVEL, method="wilson")
    return Interval(share, float(bounds.low), float(bounds.high))


def verdict(ours: Interval, published: float, samples: int, further_run: float | None) -> str:
    """A score beside a published share of `samples` answers: above it, below it, or reproduced.

    The published figure has an interval of its own: that of the share, and, as it comes from one
    run, how far one run may lie from the mean (`Bootstrap.further_run`; None gives "not tested").
    The interval of the difference follows from all three (Zou & Donner, "Construction of
    confidence limits about effect measures", Statistics in Medicine 27, 2008): half widths
    towards each other, added in quadrature.
    """
    if further_run is None:
        return "not tested"
    theirs = share_interval(published, samples)
    if ours.mean > published:
        margin = math.hypot(ours.mean - ours.low, theirs.high - published, further_run)
        return "above" if ours.mean - published > margin else "reproduced"
    margin = math.hypot(ours.high - ours.mean, published - theirs.low, further_run)
    return "below" if published - ours.mean > margin else "reproduced"
