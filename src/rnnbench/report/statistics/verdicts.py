"""How a published figure compares with our score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnbench.report.statistics.intervals import LEVEL, Interval, student

EQUIVALENT, DIFFERENT, INCONCLUSIVE = "equivalent", "different", "inconclusive"
NOT_COMPARABLE, NOT_TESTED = "not comparable", "not tested"


def share_interval(share: float, samples: int) -> Interval:
    """The 95 % interval of one share of `samples` (Wilson, JASA 22, 1927)."""
    result = stats.binomtest(round(share * samples), samples)
    bounds = result.proportion_ci(LEVEL, method="wilson")
    return Interval(share, float(bounds.low), float(bounds.high))


def loss_ratio(losses: NDArray[np.float64], published: float, samples: int) -> Interval | None:
    """The loss of one published run divided by the geometric mean of our replicates' losses.

    Losses of networks differ by factors, so their logarithms have a variance that does not depend
    on their size. None if there are fewer than two replicates, or a loss of 0.

    losses: shape (replicates, n). samples: how many the published loss was computed on.
    """
    by_replicate, by_sample = losses.mean(axis=1), losses.mean(axis=0)
    count, n = losses.shape
    if count < 2 or n < 2 or published <= 0 or (by_replicate <= 0).any():
        return None
    logs = np.log(by_replicate)
    relative = float(by_sample.var(ddof=1) / by_sample.mean() ** 2)
    components = [
        (float(logs.var(ddof=1)) * (1 + 1 / count), count - 1.0),
        (relative / n, n - 1.0),
        (relative / samples, float(samples)),
    ]
    found, _ = student(float(np.log(published) - logs.mean()), components)
    return Interval(*(float(np.exp(end)) for end in (found.mean, found.low, found.high)))


def verdict(difference: Interval, margin: float) -> str:
    """What the interval of a difference decides, by a margin that was chosen beforehand.

    `EQUIVALENT`: the interval lies within the margin on both sides of 0. `DIFFERENT`: it does not
    contain 0, nor lie within the margin. Else `INCONCLUSIVE` (Schuirmann, "A comparison of the two
    one-sided tests procedure", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987; with 95 %
    intervals each of the two tests has the level 2.5 %).
    """
    if -margin < difference.low and difference.high < margin:
        return EQUIVALENT
    return INCONCLUSIVE if difference.low <= 0 <= difference.high else DIFFERENT
