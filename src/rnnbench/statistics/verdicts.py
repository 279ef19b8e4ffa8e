"""How a score of ours stands to a published one."""

from __future__ import annotations

from scipy import stats

from rnnbench.statistics.bootstrap import LEVEL, Interval


def share_interval(share: float, samples: int) -> Interval:
    """The 95 % interval of one share of `samples` (Wilson, JASA 22, 1927)."""
    result = stats.binomtest(round(share * samples), samples)
    bounds = result.proportion_ci(LEVEL, method="wilson")
    return Interval(share, float(bounds.low), float(bounds.high))


def verdict(ours: Interval, published: float, samples: int) -> str:
    """ "above", "below" or "reproduced": a score beside a published share of `samples` answers.

    The published figure has an interval of its own. The interval of the difference follows from
    both (Zou & Donner, "Construction of confidence limits about effect measures", Statistics in
    Medicine 27, 2008): half widths towards each other, added in quadrature.
    """
    theirs = share_interval(published, samples)
    if ours.mean > published:
        margin = ((ours.mean - ours.low) ** 2 + (theirs.high - published) ** 2) ** 0.5
        return "above" if ours.mean - published > margin else "reproduced"
    margin = ((ours.high - ours.mean) ** 2 + (published - theirs.low) ** 2) ** 0.5
    return "below" if published - ours.mean > margin else "reproduced"
