"""95 % intervals and paired tests by a bootstrap over replicates and evaluation samples.

Replicates and samples are crossed: every replicate sees the same samples. A draw moves a mean by
a part for the replicates and a part for the samples, independent of each other (Davison & Hinkley,
"Bootstrap Methods and their Application", 1997, section 3.8; Owen, "The pigeonhole bootstrap",
Annals of Applied Statistics 1, 2007):

- samples are drawn with replacement, the same ones for all scores, so that differences are paired;
- a few replicates drawn with replacement repeat themselves, so their part is drawn from Student's
  t instead, with the moderated variance of the replicates' means (`rnnbench.statistics.variances`);
- what belongs to one replicate on one sample moves both means; it is left to the replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnbench.statistics.variances import moderated

LEVEL = 0.95
DRAWS = 10_000
_SEED = 1
# So many draws at once take 20 MB for 5,000 samples.
_CHUNK = 500


@dataclass(frozen=True)
class Interval:
    """A mean and the interval around it."""

    mean: float
    low: float
    high: float


class Bootstrap:
    """Draws of the means of several scores on the same samples.

    tables: one array a score, shape (replicates, samples), the same samples in all. One replicate
        is taken for a method without chance: its interval covers the samples alone.
    """

    def __init__(self, tables: Sequence[NDArray[np.float64]]) -> None:
        rng = np.random.default_rng(_SEED)
        self._by_sample = np.stack([table.mean(axis=0) for table in tables])
        self._noise = [_noise(table) for table in tables]
        self._samples = _sample_parts(self._by_sample, rng)
        self._replicates = _replicate_parts(tables, rng)

    def interval(self, number: int) -> Interval:
        """The mean of one score with its interval."""
        moved = self._samples[number] * _own(self._by_sample[number], self._noise[number])
        mean = float(self._by_sample[number].mean())
        return _percentiles(mean, mean + moved + self._replicates[number])

    def difference(self, first: int, second: int) -> tuple[Interval, float]:
        """The mean of the first score minus that of the second with its interval, and p.

        The two-sided p is twice the share of draws on the other side of zero (Davison & Hinkley,
        section 4.2), at least 2 / (DRAWS + 1).
        """
        gaps = self._by_sample[first] - self._by_sample[second]
        own = _own(gaps, self._noise[first] + self._noise[second])
        moved = (self._samples[first] - self._samples[second]) * own
        moved = gaps.mean() + moved + self._replicates[first] - self._replicates[second]
        other_side = min(int((moved <= 0).sum()), int((moved >= 0).sum()))
        p = min(1.0, 2 * (other_side + 1) / (len(moved) + 1))
        return _percentiles(float(gaps.mean()), moved), p


def interval(table: NDArray[np.float64]) -> Interval:
    """The mean of one score, shape (replicates, samples), with its 95 % interval."""
    return Bootstrap([table]).interval(0)


def _percentiles(mean: float, drawn: NDArray[np.float64]) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def _own(by_sample: NDArray[np.float64], noise: float) -> float:
    """By how much the samples' part shrinks when what belongs to the replicates is left out."""
    variance = float(by_sample.var(ddof=1)) if len(by_sample) > 1 else 0.0
    return float(max(0.0, 1 - noise / variance) ** 0.5) if variance > 0 else 1.0


def _sample_parts(by_sample: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """How far the means move with the samples, shape (scores, DRAWS)."""
    scores, count = by_sample.shape
    if count == 1:
        return np.zeros((scores, DRAWS))
    # Values drawn with replacement vary too little, by the factor (count - 1) / count.
    deviations = by_sample - by_sample.mean(axis=1, keepdims=True)
    deviations *= np.sqrt(count / (count - 1)) / count
    rows = np.arange(_CHUNK)[:, None] * count
    parts = []
    for _ in range(0, DRAWS, _CHUNK):
        chosen = rng.integers(count, size=(_CHUNK, count)) + rows
        times = np.bincount(chosen.ravel(), minlength=_CHUNK * count).reshape(_CHUNK, count)
        parts.append(deviations @ times.T.astype(np.float64))
    return np.concatenate(parts, axis=1)[:, :DRAWS]


def _replicate_parts(
    tables: Sequence[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """How far the means move with the replicates, shape (scores, DRAWS)."""
    counts = np.array([len(table) for table in tables])
    own = [table.mean(axis=1).var(ddof=1) if len(table) > 1 else 0.0 for table in tables]
    variances, degrees = moderated(np.array(own), counts - 1.0)
    # One replicate has no degrees of freedom and no variance; any t will do.
    drawn = rng.standard_t(np.maximum(degrees, 1)[:, None], (len(tables), DRAWS))
    return np.asarray(drawn * np.sqrt(variances / counts)[:, None])


def _noise(table: NDArray[np.float64]) -> float:
    """The variance that single answers give to a sample's mean over the replicates.

    It is the mean square of what neither replicate nor sample explains, divided by the number of
    replicates; 0 where one replicate or one sample cannot tell it.
    """
    replicates, samples = table.shape
    if replicates == 1 or samples == 1:
        return 0.0
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest**2).sum() / ((replicates - 1) * (samples - 1)) / replicates)
