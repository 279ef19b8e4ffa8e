"""95 % intervals of mean scores and of their differences, with paired tests.

Replicates and samples are crossed: all replicates predict the same samples. The variance of a mean
has one component for the replicates and one for the samples:

- replicates: the moderated variance of their means (`rnnbench.report.statistics.variances`),
  divided by their number;
- samples: the variance of the samples' means over the replicates, divided by their number. The
  interaction of replicate and sample is in both components; it is subtracted from this one.

For a difference of two scores, the samples' component is that of the paired differences, and both
scores contribute a replicates' component. Intervals and tests are Student's t with Satterthwaite's
degrees of freedom (Satterthwaite, "An approximate distribution of estimates of variance
components", Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnbench.report.statistics.variances import moderated

LEVEL = 0.95
_UPPER = (1 + LEVEL) / 2


@dataclass(frozen=True)
class Interval:
    """A mean and the interval around it."""

    mean: float
    low: float
    high: float


class PairedScores:
    """Means of several scores on the same samples.

    tables: one array per score, shape (replicates, samples), the same samples in all.
    stochastic: whether the replicates of each score differ by their seeds. The interval of a
        deterministic method covers the samples only. So does that of a score whose replicates'
        variance is unknown (a single one, and too few other scores); then nothing can be tested.
    """

    def __init__(self, tables: Sequence[NDArray[np.float64]], stochastic: Sequence[bool]) -> None:
        self._by_sample = np.stack([table.mean(axis=0) for table in tables])
        self._interaction = np.array([_interaction(table) for table in tables])
        self._counts = counts = np.array([len(table) for table in tables])
        between = [t.mean(axis=1).var(ddof=1) if len(t) > 1 else 0.0 for t in tables]
        variances, degrees = moderated(np.array(between), np.where(stochastic, counts - 1.0, 0.0))
        self._variance = np.where(stochastic, variances, 0)
        self._degrees = np.where(stochastic, degrees, 0)
        self._component = self._variance / counts
        self._quantile = stats.t.ppf(_UPPER, np.maximum(self._degrees, 1))
        self._known = (self._degrees > 0) | ~np.array(stochastic)

    def interval(self, number: int) -> Interval | None:
        """The mean of one score with its interval; None for a single sample, which has none."""
        values = self._by_sample[number]
        return self._estimate(values, [number])[0] if len(values) > 1 else None

    def difference(self, first: int, second: int) -> tuple[Interval, float] | None:
        """The mean of the first score minus that of the second with its interval, and p.

        p is two-sided. None where nothing can be tested: a single sample, or an unknown variance
        between replicates.
        """
        gaps = self._by_sample[first] - self._by_sample[second]
        if len(gaps) == 1 or not (self._known[first] and self._known[second]):
            return None
        return self._estimate(gaps, [first, second])

    def published(
        self, number: int, share: float, samples: int, same_samples: bool
    ) -> Interval | None:
        """The share that one published run reached minus the mean of score `number`.

        samples: how many the share was computed on. same_samples: whether they are those of the
        score; the variance of the samples then cancels out, and the interval is that of the
        difference between one further replicate and the mean of ours. None if the variance between
        replicates is unknown.
        """
        ours = self._by_sample[number]
        if len(ours) == 1 or not self._known[number]:
            return None
        variance = float(self._variance[number])
        components: list[tuple[float, float]] = []
        if not same_samples:
            # The variance of the published share (Agresti & Coull, 1998) includes the interaction
            # of its run and its samples.
            interaction = float(self._interaction[number] * self._counts[number]) / len(ours)
            variance = max(0.0, variance - interaction)
            shrunk = (share * samples + 2) / (samples + 4)
            components.append((shrunk * (1 - shrunk) / samples, samples))
            components.append((self._of_samples(ours, [number]), len(ours) - 1))
        # One estimate for both: components must be independent.
        replicates = float(self._component[number]) + variance
        components.append((replicates, float(self._degrees[number])))
        return student(share - float(ours.mean()), components)[0]

    def _estimate(self, values: NDArray[np.float64], numbers: list[int]) -> tuple[Interval, float]:
        """The interval of the mean of `values`, shape (samples,), and p of its being 0."""
        components = [
            *zip(self._component[numbers], self._degrees[numbers], strict=True),
            (self._of_samples(values, numbers), len(values) - 1),
        ]
        return student(float(values.mean()), components)

    def _of_samples(self, values: NDArray[np.float64], numbers: list[int]) -> float:
        """The samples' component, without the interaction, which the replicates' one has too.

        A few replicates can agree by accident, so no more is subtracted than their component
        makes up for at 95 %.
        """
        samples = len(values)
        wide = (self._quantile / stats.norm.ppf(_UPPER)) ** 2
        limit = wide * self._component * samples
        shared = np.minimum(self._interaction, limit)[numbers].sum()
        return max(0.0, float(values.var(ddof=1) - shared)) / samples


def student(mean: float, components: list[tuple[float, float]]) -> tuple[Interval, float]:
    """The interval of a mean, and p of its being 0.

    components: the parts of its variance with their degrees of freedom.
    """
    error = float(np.sqrt(sum(variance for variance, _ in components)))
    if error == 0:
        return Interval(mean, mean, mean), float(mean == 0)
    total = error**4 / sum(v**2 / degrees for v, degrees in components if v > 0)
    half = float(stats.t.ppf(_UPPER, total)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, total))
    return Interval(mean, mean - half, mean + half), p


def _interaction(table: NDArray[np.float64]) -> float:
    """The variance of a sample's mean that neither the replicates nor the samples explain.

    It is the mean square of the residuals of both, divided by the number of replicates; 0 for one
    replicate or one sample, where it cannot be estimated.
    """
    replicates, samples = table.shape
    if replicates == 1 or samples == 1:
        return 0.0
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest**2).sum() / ((replicates - 1) * (samples - 1)) / replicates)
