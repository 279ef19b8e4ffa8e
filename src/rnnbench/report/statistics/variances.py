"""The spread between replicates, told by all rows of a task together.

Two to five replicates tell their own variance badly. Moderated variances (Smyth, "Linear models
and empirical Bayes methods for assessing differential expression in microarray experiments",
Statistical Applications in Genetics and Molecular Biology 3, 2004, sections 3 and 6.2) draw each
row's variance towards what is usual among the rows, the less the more the rows really differ.
Here they only raise it: the rows are networks of different kinds, and a truly unsteady one must
not look as steady as the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

# Fewer rows cannot tell what is usual.
_FEWEST_ROWS = 3
# A variance of zero has no logarithm; limma's fitFDist has the same bound.
_LEAST = 1e-5


def moderated(
    variances: NDArray[np.float64], degrees: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moderated variances and their degrees of freedom, both shape (rows,).

    variances, degrees: each row's own variance between its replicates, and replicates - 1. A row
    with 0 degrees gets what is usual. Where too few rows tell that, all stay as they are.
    """
    told = degrees > 0
    middle = float(np.median(variances[told])) if told.any() else 0.0
    if told.sum() < _FEWEST_ROWS or middle == 0:
        return variances, degrees
    usual, weight = _usual(np.maximum(variances[told], _LEAST * middle), degrees[told])
    share = 1.0 if np.isinf(weight) else weight / (weight + degrees)
    squeezed = share * usual + (1 - share) * variances
    # All rows together have no more to tell than their own replicates did.
    total = np.minimum(degrees + weight, degrees.sum())
    return np.maximum(squeezed, variances), total


def _usual(variances: NDArray[np.float64], degrees: NDArray[np.float64]) -> tuple[float, float]:
    """The usual variance, and the degrees of freedom that it is worth (Smyth, section 6.2)."""
    half = degrees / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    between = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if between <= 0:
        return float(np.exp(logs.mean())), np.inf
    weight = 2 * _trigamma_inverse(between)
    usual = np.exp(logs.mean() + digamma(weight / 2) - np.log(weight / 2))
    return float(usual), weight


def _trigamma_inverse(value: float) -> float:
    return float(np.exp(brentq(lambda x: polygamma(1, np.exp(x)) - value, -20, 20)))
