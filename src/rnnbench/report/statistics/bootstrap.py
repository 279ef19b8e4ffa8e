"""95 % intervals by a bootstrap over replicates and evaluation samples, and paired tests.

Replicates and samples are crossed: every replicate sees the same samples. A draw moves a mean by
a part for the replicates and a part for the samples, independent of each other (Davison & Hinkley,
"Bootstrap Methods and their Application", 1997, section 3.8; Owen, "The pigeonhole bootstrap",
Annals of Applied Statistics 1, 2007):

- samples are drawn with replacement, the same ones for all scores, so that differences are paired;
- a few replicates drawn with replacement repeat themselves, so their part is drawn from Student's
  t instead, with the moderated variance of the replicates' means (`rnnbench.report.statistics.variances`),
  and for a difference with Satterthwaite's degrees of freedom (Biometrics Bulletin 2, 1946);
- what belongs to one replicate on one sample moves both means; it is left to the replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rnnbench.report.statistics.variances import moderated

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

    tables: one array a score, shape (replicates, samples), the same samples in all.
    chance: whether the replicates of each score differ by chance. Those of a method without
        chance would all be alike, so its interval covers the samples stage_lock. So does that of a
        score with one replicate whose spread nothing tells; then there is nothing to test, either.
    """

    def __init__(self, tables: Sequence[NDArray[np.float64]], chance: Sequence[bool]) -> None:
        rng = np.random.default_rng(_SEED)
        self._by_sample = np.stack([table.mean(axis=0) for table in tables])
        self._counts = np.array([len(table) for table in tables])
        self._noise = np.array([_noise(table) for table in tables])
        own = [t.mean(axis=1).var(ddof=1) if len(t) > 1 else 0.0 for t in tables]
        degrees = np.where(chance, self._counts - 1.0, 0.0)
        spread, total = moderated(np.array(own), degrees)
        self._spread, self._degrees = np.where(chance, spread, 0), np.where(chance, total, 0)
        self._samples = _sample_parts(self._by_sample, rng)
        self._normal = rng.standard_normal((len(tables), DRAWS))
        self._uniform = rng.random(DRAWS)
        self._variance = self._spread / self._counts
        self._quantiles = stats.t.ppf((1 + LEVEL) / 2, np.maximum(self._degrees, 1))
        self._known = (self._degrees > 0) | ~np.array(chance)

    def interval(self, number: int) -> Interval:
        """The mean of one score with its interval."""
        moved = self._samples[number] * self._own(number)
        mean = float(self._by_sample[number].mean())
        return _percentiles(mean, mean + moved + self._replicates({number: 1}))

    def difference(self, first: int, second: int) -> tuple[Interval, float]:
        """The mean of the first score minus that of the second with its interval, and p.

        The two-sided p is that of Student's t with the variances of the three parts and
        Satterthwaite's degrees of freedom; it is 1 where nothing can be tested.
        """
        gaps = self._by_sample[first] - self._by_sample[second]
        own = self._own(first, second)
        moved = (self._samples[first] - self._samples[second]) * own
        moved = gaps.mean() + moved + self._replicates({first: 1, second: -1})
        interval = _percentiles(float(gaps.mean()), moved)
        if len(gaps) == 1 or not (self._known[first] and self._known[second]):
            return interval, 1.0
        parts = np.append(self._variance[[first, second]], gaps.var(ddof=1) / len(gaps) * own**2)
        variance = parts.sum()
        if variance == 0:
            return interval, float(interval.mean == 0)
        degrees = np.append(self._degrees[[first, second]], len(gaps) - 1)
        t = abs(interval.mean) / np.sqrt(variance)
        return interval, float(2 * stats.t.sf(t, _satterthwaite(parts, degrees)))

    def further_run(self, number: int) -> float | None:
        """How far one more replicate may lie from the mean by its chance stage_lock (95 %).

        None where nothing tells it.
        """
        if not self._known[number]:
            return None
        return float(self._quantiles[number] * np.sqrt(self._spread[number]))

    def _replicates(self, signs: dict[int, int]) -> NDArray[np.float64]:
        """How far a score, or the difference of two, moves with the replicates, shape (DRAWS,)."""
        numbers = list(signs)
        parts = self._variance[numbers]
        if not parts.any():
            return np.zeros(DRAWS)
        degrees = _satterthwaite(parts, self._degrees[numbers])
        moved = np.array(list(signs.values())) * np.sqrt(parts) @ self._normal[numbers]
        return np.asarray(moved / np.sqrt(stats.chi2.ppf(self._uniform, degrees) / degrees))

    def _own(self, *numbers: int) -> float:
        """By how much the samples' part shrinks when what belongs to the replicates is left out.

        numbers: a score, or two whose difference it is. A few replicates can fall together by
        chance, so no more is left out than the replicates' part makes good at 95 %.
        """
        by_sample = self._by_sample[numbers[0]]
        if len(numbers) > 1:
            by_sample = by_sample - self._by_sample[numbers[1]]
        samples = len(by_sample)
        variance = float(by_sample.var(ddof=1)) if samples > 1 else 0.0
        wide = (self._quantiles / stats.norm.ppf((1 + LEVEL) / 2)) ** 2
        most = wide * self._variance * samples
        held = np.minimum(self._noise, most)[list(numbers)].sum()
        return float(max(0.0, 1 - held / variance) ** 0.5) if variance > 0 else 1.0


def _percentiles(mean: float, drawn: NDArray[np.float64]) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def _satterthwaite(parts: NDArray[np.float64], degrees: NDArray[np.float64]) -> float:
    """The degrees of freedom of a sum of variances, some of which may be 0."""
    moving = parts > 0
    return float(parts.sum() ** 2 / (parts[moving] ** 2 / degrees[moving]).sum())


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
