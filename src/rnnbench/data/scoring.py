"""Per-sample correctness and loss of predictions, for every kind of target.

A prediction holds, for n samples:

- "binary": the probability of class 1, shape (n,);
- "classes": the probability of each class, shape (n, classes);
- "steps": the probability of each class at each step, shape (n, steps, classes);
- "number": the number, shape (n,).

Leading axes, such as one of replicates, are preserved.

A network can predict no number for a sample, such as a mean over the words of a text without
known words. The prior of the training part then stands for the prediction.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta

# Keras clips probabilities at the same value before it takes their logarithm.
_EPSILON = 1e-7


def prior(meta: Meta, y: NDArray[Any]) -> NDArray[np.float32]:
    """The prediction that training targets, shape (n, ...), suggest for any sample.

    The mean of the numbers or, with two classes, of the labels, shape (); otherwise the share of
    each class, shape (classes,), for "steps" over all steps.
    """
    if meta.target in ("binary", "number"):
        return np.asarray(y.mean(dtype=np.float64), np.float32)
    counts = np.bincount(y.ravel(), minlength=len(meta.classes))
    return np.asarray(counts / y.size, np.float32)


def no_number(meta: Meta, prediction: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether some value of each prediction is not finite, shape (..., n)."""
    axes = {"classes": (-1,), "steps": (-2, -1)}.get(meta.target, ())
    return np.asarray(~np.isfinite(prediction).all(axis=axes))


def or_prior(
    meta: Meta, prediction: NDArray[np.float32], of_training: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The predictions, shape (n, ...), with the `prior` of the training part where `no_number`."""
    missing = no_number(meta, prediction)
    if not missing.any():
        return prediction
    filled = prediction.copy()
    filled[missing] = of_training
    return filled


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
