"""What a prediction is worth, sample by sample, for every kind of target.

A prediction holds, for n samples:

- "binary": the probability of class 1, shape (n,);
- "classes": the probability of each class, shape (n, classes);
- "steps": the probability of each class at each step, shape (n, steps, classes);
- "number": the number, shape (n,).

Leading axes, such as one of replicates, are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta

# Keras clips probabilities at the same place before it takes their logarithm.
_EPSILON = 1e-7


def correct(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """1 for a right answer and 0 for a wrong one, shape (..., n).

    A number is right within meta.tolerance; of steps it is the share of right ones.
    """
    if meta.target == "binary":
        answers = (prediction > 0.5) == (y > 0.5)
    elif meta.target == "number":
        answers = np.abs(prediction.astype(np.float64) - y) <= meta.tolerance
    else:
        answers = prediction.argmax(axis=-1) == y
    shares = answers.astype(np.float64)
    return np.asarray(shares.mean(axis=-1) if meta.target == "steps" else shares)


def losses(meta: Meta, prediction: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """The squared error of numbers, the log loss of classes; its mean over steps; (..., n)."""
    values = prediction.astype(np.float64)
    if meta.target == "number":
        return np.asarray((values - y) ** 2)
    if meta.target == "binary":
        clipped = np.clip(values, _EPSILON, 1 - _EPSILON)
        return np.asarray(-np.where(y > 0, np.log(clipped), np.log1p(-clipped)))
    index = np.broadcast_to(y.astype(np.int64)[..., None], (*values.shape[:-1], 1))
    chosen = np.take_along_axis(values, index, axis=-1)[..., 0]
    logs = -np.log(np.clip(chosen, _EPSILON, 1))
    return np.asarray(logs.mean(axis=-1) if meta.target == "steps" else logs)
