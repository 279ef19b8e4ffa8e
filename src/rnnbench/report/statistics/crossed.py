"""Scores of several variants on the same samples of a single split.

Replicates and samples are crossed: all replicates predict the same samples. The variance of a mean
has one component for the replicates, the variance of their means divided by their number, and one
for the samples, the variance of the samples' means divided by their number. The interaction of
replicate and sample is in both components; it is subtracted from the second one. For a difference,
the samples' component is that of the paired differences. Degrees of freedom are those of
Satterthwaite ("An approximate distribution of estimates of variance components", Biometrics
Bulletin 2, 1946).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnbench.report.statistics.estimates import LEVEL, Estimate

_UPPER = (1 + LEVEL) / 2


class CrossedScores:
    """Scores on one split.

    tables: one array per variant, shape (replicates, samples), the same samples in all.
    stochastic: whether the replicates of each variant differ by their seeds.
    """

    def __init__(self, tables: Sequence[NDArray[np.float64]], stochastic: Sequence[bool]) -> None:
        self._by_sample = np.stack([table.mean(axis=0) for table in tables])
        self._interaction = np.array([_interaction(table) for table in tables])
        self._counts = np.array([len(table) for table in tables])
        between = [t.mean(axis=1).var(ddof=1) if len(t) > 1 else 0.0 for t in tables]
        self._stochastic = np.array(stochastic)
        self._component = np.where(stochastic, between, 0.0) / self._counts
        self._degrees = np.where(stochastic, np.maximum(self._counts - 1.0, 1), np.inf)

    def mean(self, number: int) -> Estimate | None:
        """The mean of one variant; None as in `difference`."""
        return self._estimate(self._by_sample[number], [number])

    def difference(self, first: int, second: int) -> Estimate | None:
        """The first variant minus the second.

        None for a single sample, or a single replicate of a variant that differs by its seeds.
        """
        return self._estimate(self._by_sample[first] - self._by_sample[second], [first, second])

    def smallest_p(
        self, pairs: list[tuple[int, int]], draws: int, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """The smallest p of all pairs if no pair differed, drawn `draws` times."""
        samples = self._by_sample.shape[1]
        by_replicate = rng.standard_normal((draws, len(self._counts))) * np.sqrt(self._component)
        finite = np.where(np.isfinite(self._degrees), self._degrees, 1.0)
        estimated = self._component * rng.chisquare(finite, (draws, len(finite))) / finite
        effect = by_replicate + self._draw_samples(draws, rng)
        smallest = np.ones(draws)
        for first, second in pairs:
            rest = self._of_samples(
                self._by_sample[first] - self._by_sample[second], [first, second]
            )
            parts = estimated[:, first], estimated[:, second]
            error = np.sqrt(rest + parts[0] + parts[1])
            inverse = rest**2 / (samples - 1)
            for part, degrees in zip(parts, self._degrees[[first, second]], strict=True):
                inverse = inverse + part**2 / degrees
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio = np.abs(effect[:, first] - effect[:, second]) / error
                p = 2 * stats.t.sf(ratio, error**4 / inverse)
            smallest = np.minimum(smallest, np.where(error > 0, p, 1))
        return smallest

    def draw_means(self, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Means as they could be, given the data: shape (draws, variants).

        NaN where `mean` is None.
        """
        finite = np.where(np.isfinite(self._degrees), self._degrees, 1.0)
        heavy = rng.standard_t(finite, (draws, len(finite)))
        own = heavy * np.sqrt(self._component)
        means = self._by_sample.mean(axis=1) + own + self._draw_samples(draws, rng)
        return np.where([self._known([number]) for number in range(len(finite))], means, np.nan)

    def _draw_samples(self, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """The effect of the samples on the means, shape (draws, variants).

        Its variances are those of `_of_samples`.
        """
        samples = self._by_sample.shape[1]
        centered = self._by_sample - self._by_sample.mean(axis=1, keepdims=True)
        covariance = centered @ centered.T / (samples - 1) - np.diag(self._shared)
        values, vectors = np.linalg.eigh(covariance / samples)
        root = vectors * np.sqrt(np.maximum(values, 0))
        return np.asarray(rng.standard_normal((draws, len(root))) @ root.T)

    def _estimate(self, values: NDArray[np.float64], numbers: list[int]) -> Estimate | None:
        samples = len(values)
        if not self._known(numbers):
            return None
        rest = self._of_samples(values, numbers)
        parts = self._component[numbers]
        total = rest + float(parts.sum())
        inverse = rest**2 / (samples - 1) + float((parts**2 / self._degrees[numbers]).sum())
        degrees = total**2 / inverse if inverse > 0 else float(samples - 1)
        count = int(self._counts[numbers].max())
        return Estimate(float(values.mean()), float(parts.sum()), rest, degrees, max(count, 2))

    def _known(self, numbers: list[int]) -> bool:
        """Whether the variances of these variants can be estimated."""
        once = self._stochastic[numbers] & (self._counts[numbers] == 1)
        return self._by_sample.shape[1] > 1 and not once.any()

    def _of_samples(self, values: NDArray[np.float64], numbers: list[int]) -> float:
        """The samples' component, without the interaction, which the replicates' one has too."""
        shared = self._shared[numbers].sum()
        return max(0.0, float(values.var(ddof=1) - shared)) / len(values)

    @cached_property
    def _shared(self) -> NDArray[np.float64]:
        """The interaction of each variant, as far as the replicates' component has it too.

        A few replicates can agree by accident, so it is no more than their component makes up for
        at 95 %.
        """
        wide = (stats.t.ppf(_UPPER, self._degrees) / stats.norm.ppf(_UPPER)) ** 2
        limit = wide * self._component * self._by_sample.shape[1]
        return np.asarray(np.minimum(self._interaction, limit))


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
