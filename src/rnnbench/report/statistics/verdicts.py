"""How a published figure compares with our replicates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnbench.report.statistics.estimates import Estimate, Interval

EQUIVALENT, DIFFERENT, INCONCLUSIVE = "equivalent", "different", "inconclusive"
NOT_COMPARABLE, NOT_TESTED = "not comparable", "not tested"


def published_difference(
    share: float, samples: int, ours: NDArray[np.float64], splits: int, our_samples: int
) -> Estimate | None:
    """The share that one published run reached minus the mean of our replicates.

    If nothing is different, the published run is one more replicate: it differs from our mean with
    the variance between replicates times (1 + 1 / splits). With fewer samples than ours, its share
    also has the part of the binomial variance that ours lacks.

    ours: the share of each replicate, shape (replicates,). splits: the number of different splits;
    for a single split, its replicates count. None for a single replicate.
    """
    independent = splits if splits > 1 else len(ours)
    if independent < 2:
        return None
    shrunk = (share * samples + 2) / (samples + 4)
    fewer = max(0.0, shrunk * (1 - shrunk) * (1 / samples - 1 / our_samples))
    between = float(ours.var(ddof=1))
    mean = share - float(ours.mean())
    return Estimate(mean, between / independent, between + fewer, independent - 1, independent)


def loss_ratio(
    loss: float,
    samples: int,
    ours: NDArray[np.float64],
    splits: int,
    our_samples: int,
    relative_variance: float,
) -> Estimate | None:
    """The logarithm of the loss of one published run divided by our replicates' losses.

    Losses of networks differ by factors, so their logarithms have a variance that does not depend
    on their size; it is used as in `published_difference`. The mean of ours is the geometric one.
    None for a single replicate, or a loss of 0.

    ours: the loss of each replicate. relative_variance: the variance of the samples' losses divided
    by the square of their mean.
    """
    independent = splits if splits > 1 else len(ours)
    if independent < 2 or loss <= 0 or (ours <= 0).any():
        return None
    logs = np.log(ours)
    between = float(logs.var(ddof=1))
    fewer = relative_variance * max(0.0, 1 / samples - 1 / our_samples)
    mean = float(np.log(loss) - logs.mean())
    return Estimate(mean, between / independent, between + fewer, independent - 1, independent)


def verdict(difference: Interval, margin: float) -> str:
    """What the interval of a difference decides, by a margin that was chosen beforehand.

    `EQUIVALENT`: the interval lies within the margin on both sides of 0. `DIFFERENT`: it does not
    contain 0, nor lie within the margin. Else `INCONCLUSIVE` (Schuirmann, "A comparison of the two
    one-sided tests procedure", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987; with 95 %
    intervals each of the two tests has the level 2.5 %).
    """
    if -margin < difference.low and difference.high < margin:
        return EQUIVALENT
    return INCONCLUSIVE if difference.contains(0) else DIFFERENT
