"""Intervals of shares, which stay between 0 and 1."""

from __future__ import annotations

import numpy as np
from scipy import stats

from rnnbench.report.statistics.estimates import ALPHA, Estimate, Interval


def share_interval(share: float, samples: int, estimate: Estimate | None) -> Interval:
    """The 95 % interval of a share, by Wilson's formula with an effective number of samples.

    The effective number is the one whose binomial variance is the variance of the estimate, with
    the share shrunk as by Agresti and Coull ("Approximate is better than 'exact' for interval
    estimation of binomial proportions", The American Statistician 52, 1998), and with Student's
    quantile. The interval is at least as wide as Wilson's (JASA 22, 1927) for all samples, which it
    is without an error, so that it has no step where the last misclassification disappears.

    samples: how many different samples the share was computed on.
    """
    shrunk = (share * samples + 2) / (samples + 4)
    binomial = shrunk * (1 - shrunk)
    # The square of the quantile, divided by the number of samples.
    ratio = float(stats.norm.isf(ALPHA / 2)) ** 2 / samples
    if estimate is not None and estimate.error > 0:
        quantile = float(stats.t.isf(ALPHA / 2, estimate.degrees))
        ratio = max(ratio, (quantile * estimate.error) ** 2 / binomial)
    center = (share + ratio / 2) / (1 + ratio)
    half = np.sqrt(share * (1 - share) * ratio + ratio**2 / 4) / (1 + ratio)
    # Rounded numbers, or the end of the range, could leave the share outside.
    low, high = max(center - half, 0.0), min(center + half, 1.0)
    return Interval(share, float(min(low, share)), float(max(high, share)))
