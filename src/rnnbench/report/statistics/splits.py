"""Scores of several variants on the same drawn splits.

The scores of one split are paired. Splits of one corpus overlap, so that their scores are not
independent; Nadeau and Bengio ("Inference for the generalization error", Machine Learning 52,
2003) therefore use for the mean over J splits the variance

    (1 / J + evaluation samples / training samples) s^2

where s^2 is the variance between splits. It is s^2 / J if every split has new samples.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rnnbench.report.statistics.estimates import Estimate

# Scores have six significant digits; further decimals of their differences are errors of rounding.
_DECIMALS = 12


class SplitScores:
    """Scores on drawn splits.

    values: the score of each variant in each split, shape (variants, splits), NaN where it was not
        trained; every score with several seeds in a split is their mean.
    overlap: evaluation samples / training samples, or 0 if every split has new samples.
    """

    def __init__(self, values: NDArray[np.float64], overlap: float) -> None:
        self._values, self._overlap = values, overlap

    def mean(self, number: int) -> Estimate | None:
        """The mean of one variant; None for a single split."""
        values = self._values[number]
        return self._estimate(values[~np.isnan(values)])

    def difference(self, first: int, second: int) -> Estimate | None:
        """The first variant minus the second.

        None if they share fewer than two splits, or differ by the same amount in all of them.
        """
        gaps = np.round(self._values[first] - self._values[second], _DECIMALS)
        gaps = gaps[~np.isnan(gaps)]
        different = np.unique(gaps)
        return None if len(different) == 1 and different[0] != 0 else self._estimate(gaps)

    def smallest_p(
        self, pairs: list[tuple[int, int]], draws: int, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """The smallest p of all pairs if no pair differed, drawn `draws` times.

        The scores are normal, and those of all splits share an error that makes the correction of
        Nadeau and Bengio exact. They are drawn independently of each other and with the same
        variance, for which differences depend least on each other. The covariances of ours would be
        estimated from a few splits: of three splits, they would give a family-wise error of 12 %.
        """
        variants, splits = self._values.shape
        shared = np.sqrt(self._overlap) * rng.standard_normal((draws, variants, 1))
        scores = shared + rng.standard_normal((draws, variants, splits))
        smallest = np.ones(draws)
        trained = ~np.isnan(self._values)
        for first, second in pairs:
            gaps = (scores[:, first] - scores[:, second])[:, trained[first] & trained[second]]
            count = gaps.shape[1]
            error = gaps.std(axis=1, ddof=1) * np.sqrt(1 / count + self._overlap)
            p = 2 * stats.t.sf(np.abs(gaps.mean(axis=1)) / error, count - 1)
            smallest = np.minimum(smallest, p)
        return smallest

    def draw_means(self, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Means as they could be, given the data: shape (draws, variants).

        NaN where a variant has a single split.
        """
        counts = (~np.isnan(self._values)).sum(axis=1)
        normal = rng.standard_normal((draws, len(counts))) @ self._root.T
        # The same quantile for all variants: it keeps the correlations of the scores.
        quantile = rng.random((draws, 1))
        degrees = np.maximum(counts - 1, 1)
        heavy = np.sqrt(degrees / stats.chi2.ppf(quantile, degrees))
        means = np.nanmean(self._values, axis=1) + normal * heavy * np.sqrt(
            1 / np.maximum(counts, 1) + self._overlap
        )
        return np.where(counts > 1, means, np.nan)

    def _estimate(self, values: NDArray[np.float64]) -> Estimate | None:
        count = len(values)
        if count < 2:
            return None
        variance = float(values.var(ddof=1))
        mean = float(values.mean())
        return Estimate(mean, variance / count, variance * self._overlap, count - 1, count)

    @cached_property
    def _root(self) -> NDArray[np.float64]:
        """A square root of the covariance of the variants' scores between splits."""
        covariance = pd.DataFrame(self._values.T).cov().fillna(0).to_numpy()
        # Variants with fewer splits can make the matrix indefinite.
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
