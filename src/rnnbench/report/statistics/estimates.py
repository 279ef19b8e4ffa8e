"""An estimate with its error: intervals, p, and what more replicates would decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq

LEVEL = 0.95
ALPHA = 1 - LEVEL
POWER = 0.8
MAX_REPLICATES = 1000
_MAX_DEGREES = 10_000  # above it, Student's t is as good as normal
_DEVIATES = np.linspace(-8, 8, 801)
_WEIGHTS = stats.norm.pdf(_DEVIATES) * (_DEVIATES[1] - _DEVIATES[0])


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it."""

    mean: float
    low: float
    high: float

    def exponential(self) -> Interval:
        """The same on the scale of which this one is the logarithm."""
        return Interval(*(float(np.exp(end)) for end in (self.mean, self.low, self.high)))

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval, bounds included."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Estimate:
    """A mean of several replicates, or a difference of two.

    variance: the part of its variance that is inversely proportional to the number of replicates.
    rest: the part that more replicates do not change.
    degrees: the degrees of freedom of both together, for Student's t.
    replicates: their number.
    """

    mean: float
    variance: float
    rest: float
    degrees: float
    replicates: int

    @property
    def error(self) -> float:
        """The standard error."""
        return float(np.sqrt(self.variance + self.rest))

    @property
    def p(self) -> float:
        """The two-sided p of the mean being 0."""
        if self.error == 0:
            return float(self.mean == 0)
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.degrees))

    def interval(self, alpha: float = ALPHA) -> Interval:
        """The interval that misses the true mean with probability `alpha`."""
        # Without an error, infinity times 0 would be no number.
        half = float(stats.t.isf(alpha / 2, self.degrees)) * self.error if self.error else 0.0
        return Interval(self.mean, self.mean - half, self.mean + half)

    def detectable(self, alpha: float = ALPHA) -> float:
        """The smallest true mean that a test at level `alpha` finds with probability `POWER`."""
        if self.error == 0:
            return 0.0

        def missing(ratio: float) -> float:
            return _power(ratio, self.degrees, alpha) - POWER

        highest = 2 * float(stats.t.isf(alpha / 2, self.degrees)) + 10
        return float(brentq(missing, 0, highest)) * self.error

    def needed(self, alpha: float = ALPHA) -> int | None:
        """How many replicates would find the mean with probability `POWER`, if it were true.

        None if `MAX_REPLICATES` would not be enough.
        """
        low, high = 2, MAX_REPLICATES
        if self.mean == 0 or not self._finds(high, alpha):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._finds(middle, alpha) else (middle + 1, high)
        return low

    def _finds(self, replicates: int, alpha: float) -> bool:
        error = np.sqrt(self.variance * self.replicates / replicates + self.rest)
        degrees = max(1.0, self.degrees * (replicates - 1) / (self.replicates - 1))
        return error == 0 or _power(abs(self.mean) / error, degrees, alpha) >= POWER


def independent(first: Estimate, second: Estimate) -> Estimate:
    """The first mean minus the second one, from independent data (Welch, Biometrika 34, 1947)."""
    variances = first.error**2, second.error**2
    degrees = first.degrees, second.degrees
    inverse = sum(v**2 / d for v, d in zip(variances, degrees, strict=True))
    return Estimate(
        first.mean - second.mean,
        first.variance + second.variance,
        first.rest + second.rest,
        sum(variances) ** 2 / inverse if inverse else np.inf,
        min(first.replicates, second.replicates),
    )


def _power(ratio: float, degrees: float, alpha: float) -> float:
    """The probability that a t test is significant; `ratio` is true mean over standard error.

    It is the noncentral t distribution, of which SciPy's has no value for few degrees of freedom
    and small `alpha`.
    """
    critical = float(stats.t.isf(alpha / 2, degrees))
    if degrees > _MAX_DEGREES:
        return float(stats.norm.sf(critical - ratio))
    # For each normal deviate, the probability that the estimated error is small enough.
    largest = np.maximum(ratio + _DEVIATES, 0) / critical
    return float(stats.chi2.cdf(degrees * largest**2, degrees) @ _WEIGHTS)
