"""The variance between replicates, estimated from all variants of a task together.

Two to five replicates give a poor estimate of their variance. Moderated variances (Smyth, "Linear
models and empirical Bayes methods for assessing differential expression in microarray
experiments", Statistical Applications in Genetics and Molecular Biology 3, 2004, sections 3 and
6.2) shrink each variant's variance towards a prior that is estimated from all variants; the more
they differ, the weaker the prior. Here they only raise it: the variants are networks of different
kinds, and one with a truly large variance must not look as stable as the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

# Fewer variants cannot estimate a prior.
_MIN_VARIANTS = 3
# A variance of zero has no logarithm; limma's fitFDist has the same bound.
_MIN_RATIO = 1e-5


def moderated(
    variances: NDArray[np.float64], degrees: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moderated variances and their degrees of freedom, both shape (variants,).

    variances, degrees: the variance between each variant's replicates, and replicates - 1. A
    variant with 0 degrees gets the prior variance. Where too few variants are left to estimate a
    prior, all stay as they are.
    """
    estimated = degrees > 0
    median = float(np.median(variances[estimated])) if estimated.any() else 0.0
    if estimated.sum() < _MIN_VARIANTS or median == 0:
        return variances, degrees
    bounded = np.maximum(variances[estimated], _MIN_RATIO * median)
    prior, prior_degrees = _prior(bounded, degrees[estimated])
    weight = 1.0 if np.isinf(prior_degrees) else prior_degrees / (prior_degrees + degrees)
    shrunk = weight * prior + (1 - weight) * variances
    # The prior holds no more information than the replicates that it is estimated from.
    total = np.minimum(degrees + prior_degrees, degrees.sum())
    return np.maximum(shrunk, variances), total


def _prior(variances: NDArray[np.float64], degrees: NDArray[np.float64]) -> tuple[float, float]:
    """The prior variance and its degrees of freedom (Smyth, section 6.2)."""
    half = degrees / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    between = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if between <= 0:
        return float(np.exp(logs.mean())), np.inf
    prior_degrees = 2 * _trigamma_inverse(between)
    prior = np.exp(logs.mean() + digamma(prior_degrees / 2) - np.log(prior_degrees / 2))
    return float(prior), prior_degrees


def _trigamma_inverse(value: float) -> float:
    return float(np.exp(brentq(lambda x: polygamma(1, np.exp(x)) - value, -20, 20)))
