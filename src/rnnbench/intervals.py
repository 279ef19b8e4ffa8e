"""95 % intervals of a score that varies with the replicate and with the evaluation sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and the interval around it."""

    mean: float
    low: float
    high: float


def mean_interval(values: NDArray[np.float64]) -> Interval:
    """The mean of `values`, shape (replicates, samples), with its 95 % interval.

    Replicates and samples are crossed random effects: every replicate sees the same samples.
    The variance of the mean is var(replicate means) / r + var(sample means) / n, and Student's t
    has the degrees of freedom of Satterthwaite (Biometrics Bulletin 2, 1946). Conservative: the
    part of the variance that belongs to neither alone is counted in both terms.
    """
    replicates, samples = values.shape
    parts, freedoms = [], []
    for means, count in ((values.mean(axis=1), replicates), (values.mean(axis=0), samples)):
        if count > 1:
            parts.append(float(means.var(ddof=1)) / count)
            freedoms.append(count - 1)
    mean, variance = float(values.mean()), sum(parts)
    if variance == 0:
        return Interval(mean, mean, mean)
    freedom = variance**2 / sum(p**2 / f for p, f in zip(parts, freedoms, strict=True))
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * variance**0.5
    return Interval(mean, mean - half, mean + half)


def share_interval(share: float, samples: int) -> Interval:
    """The 95 % interval of one share of `samples` (Wilson, JASA 22, 1927)."""
    result = stats.binomtest(round(share * samples), samples)
    interval = result.proportion_ci(LEVEL, method="wilson")
    return Interval(share, float(interval.low), float(interval.high))
