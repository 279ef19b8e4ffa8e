"""Per-sample correctness and loss of predictions, for every kind of target.

A prediction holds, for n samples:

- "binary": the probability of class 1, shape (n,);
- "classes": the probability of each class, shape (n, classes);
- "steps": the probability of each class at each step, shape (n, steps, classes);
- "number": the number, shape (n,).

Leading axes, such as one of replicates, are preserved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta

# Keras clips probabilities at the same value before it takes their logarithm.
_EPSILON = 1e-7


def correct(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """1 for a correct prediction and 0 for a wrong one, shape (..., n).

    A number is correct if its error is at most meta.tolerance. For steps: the share of correct
    ones.
    """
    if meta.target == "binary":
        hits = (prediction > 0.5) == (y > 0.5)
    elif meta.target == "number":
        hits = np.abs(prediction.astype(np.float64) - y) <= meta.tolerance
    else:
        hits = prediction.argmax(axis=-1) == y
    shares = hits.astype(np.float64)
    return np.asarray(shares.mean(axis=-1) if meta.target == "steps" else shares)


def losses(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """The squared error of numbers or the log loss of classes, averaged over steps; (..., n)."""
    values = prediction.astype(np.float64)
    if meta.target == "number":
        return np.asarray((values - y) ** 2)
    if meta.target == "binary":
        clipped = np.clip(values, _EPSILON, 1 - _EPSILON)
        return np.asarray(-np.where(y > 0, np.log(clipped), np.log1p(-clipped)))
    index = np.broadcast_to(y.astype(np.int64)[..., None], (*values.shape[:-1], 1))
    of_target = np.take_along_axis(values, index, axis=-1)[..., 0]
    logs = -np.log(np.clip(of_target, _EPSILON, 1))
    return np.asarray(logs.mean(axis=-1) if meta.target == "steps" else logs)
