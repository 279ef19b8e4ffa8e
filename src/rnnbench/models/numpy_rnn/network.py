"""The mathematics of the network: states, probability, gradients.

For ids i_1 ... i_T of a sample, h_0 = 0 and the weights of `Weights`:

    z_t = input[i_t] + h_{t-1} recurrent + bias,   h_t = tanh(z_t)
    p   = sigmoid(h_T output + output_bias)

A row of `input` is the product of a one-hot vector with it, so no such vector is ever made.
Padding (id 0) has a row like every other id. Every result has the dtype of the weights,
float32 or float64: BLAS knows no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse
from scipy.linalg.blas import get_blas_funcs
from scipy.special import expit

Array = NDArray[np.floating[Any]]

_STRETCH = 8


@dataclass(frozen=True)
class Weights:
    """The trained arrays, or their gradients; all of one floating dtype.

    input: shape (vocabulary_size, units).
    recurrent: shape (units, units), from the state before (rows) to the state after (columns).
    bias: shape (units,).
    output: shape (units,).
    output_bias: shape (1,).
    """

    input: Array
    recurrent: Array
    bias: Array
    output: Array
    output_bias: Array

    @classmethod
    def draw(
        cls, vocabulary_size: int, units: int, seed: int, dtype: DTypeLike = np.float32
    ) -> Weights:
        """The weights before training, as a Keras SimpleRNN and Dense layer draw them.

        A random orthogonal recurrent matrix (Mezzadri 2007, "How to generate random matrices
        from the classical compact groups", Notices of the AMS 54), uniform input and output
        (Glorot & Bengio 2010, AISTATS), zero biases.
        """
        rng = np.random.default_rng(seed)
        first = _glorot(rng, vocabulary_size, units)
        q, r = np.linalg.qr(rng.standard_normal((units, units)))
        # Without the signs the matrix is orthogonal but not uniformly distributed.
        orthogonal = q * np.sign(np.diag(r))
        arrays = first, orthogonal, np.zeros(units), _glorot(rng, units, 1)[:, 0], np.zeros(1)
        return cls(*(np.ascontiguousarray(array, dtype) for array in arrays))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each array must have, by the two axes of `input`."""
        vocabulary_size, units = self.input.shape
        return {
            "input": (vocabulary_size, units),
            "recurrent": (units, units),
            "bias": (units,),
            "output": (units,),
            "output_bias": (1,),
        }

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, not copied."""
        return dict(vars(self))

    def descend(self, gradients: Weights, rate: float) -> None:
        """Subtract `rate` times the gradients, in place."""
        for name, array in self.arrays().items():
            array -= rate * getattr(gradients, name)


def forward(
    weights: Weights,
    ids: NDArray[Any],
    keep: int = 0,
    buffer: Array | None = None,
) -> tuple[Array, Array]:
    """(states h_{T - keep} ... h_T of shape (keep + 1, n, units), probabilities of shape (n,)).

    Padding before a sample moves every state alike, so it is computed once a batch, and a sample
    joins when it begins. Samples sorted by `beginnings` waste nothing; any order is right.

    ids: shape (n, length), integers below vocabulary_size; raises IndexError for others.
    keep: length if it is more.
    buffer: an array of shape (length + 1, at least n + 1, units) to work in.
    """
    count, length = ids.shape
    keep, dtype = min(keep, length), weights.recurrent.dtype
    if ids.size and (ids.max() >= len(weights.input) or ids.min() < 0):
        raise IndexError("ids beyond the rows of the input matrix")
    if buffer is None:
        buffer = np.empty((length + 1, count + 1, len(weights.recurrent)), dtype)
    states = buffer[:, : count + 1]
    # Row 0 is padding stage_lock.
    steps = np.zeros((length, count + 1), ids.dtype)
    steps[:, 1:] = ids.T
    np.take(weights.input + weights.bias, steps, axis=0, out=states[1:], mode="clip")
    states[0, 0] = 0
    # BLAS adds the product to what stands in its place, in one call instead of two. It counts
    # columns where NumPy counts rows, hence the transposes.
    gemm, recurrent = get_blas_funcs("gemm", dtype=dtype), weights.recurrent.T
    rows = 1
    for first, last, reached in _stretches(ids, length - keep):
        states[first, rows:reached] = states[first, 0]
        rows = reached
        before, *following = states[first : last + 1, :rows].transpose(0, 2, 1)
        for after in following:
            gemm(1.0, recurrent, before, 1.0, after, 0, 0, 1)
            np.tanh(after, after)
            before = after
    kept = states[length - keep :, 1:]
    return kept, expit(kept[-1] @ weights.output + weights.output_bias)


def beginnings(ids: NDArray[Any]) -> NDArray[np.int64]:
    """How many ids of padding stand before each sample, shape (n,)."""
    begins: NDArray[np.int64] = (ids != 0).argmax(axis=1)
    begins[~ids.any(axis=1)] = ids.shape[1]
    return begins


def _stretches(ids: NDArray[Any], whole: int) -> Iterator[tuple[int, int, int]]:
    """(first step, step behind the last, rows): stretches of steps with the same rows at work.

    The rows are that of padding and all samples up to the last one that has begun; from the step
    `whole` on, all. A sample may join some steps early: every stretch has its price.
    """
    count, length = ids.shape
    # Minima from the right on: a sample that has begun takes those before it along.
    begins = np.minimum.accumulate(np.minimum(beginnings(ids), whole)[::-1])
    rows = 1 + np.bincount(begins // _STRETCH, minlength=1).cumsum()
    # Only the last stretch has all rows.
    for number, reached in enumerate(rows.tolist()):
        first = number * _STRETCH
        yield first, length if reached > count else first + _STRETCH, reached


def gradients(
    weights: Weights,
    ids: NDArray[Any],
    states: Array,
    probability: Array,
    y: NDArray[Any],
) -> Weights:
    """The gradients of the mean log loss, through the last `window` steps.

    With e = (p - y) / n and d_T = e output, for t = T ... T - window + 1:

        dz_t = d_t (1 - h_t^2),   d_{t-1} = dz_t recurrent^T
        input[i_t] += dz_t,   recurrent += h_{t-1}^T dz_t,   bias += dz_t

    (Werbos 1990, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78;
    the cut: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories", Neural Computation 2.)

    ids, states, probability: what `forward` was given and what it gave; the window is its `keep`.
    y: labels 0 and 1, shape (n,).
    """
    count, window = len(ids), len(states) - 1
    vocabulary_size, units = weights.input.shape
    error = (probability - y.astype(probability.dtype)) / count
    slopes = 1 - states[1:] * states[1:]
    gemm = get_blas_funcs("gemm", dtype=slopes.dtype)
    toward = np.outer(error, weights.output)
    for slope in slopes[::-1]:
        slope *= toward
        # As in `forward`; here a transpose is asked for.
        gemm(1.0, weights.recurrent.T, slope.T, 0.0, toward.T, 1, 0, 1)
    # Each slope has become its step's dz.
    dz = slopes.reshape(-1, units)
    return Weights(
        input=_sum_by_id(ids[:, ids.shape[1] - window :].T.ravel(), dz, vocabulary_size),
        recurrent=states[:-1].reshape(-1, units).T @ dz,
        bias=np.ones(len(dz), dz.dtype) @ dz,
        output=states[-1].T @ error,
        output_bias=error.sum(keepdims=True),
    )


def _sum_by_id(ids: NDArray[Any], rows: Array, vocabulary_size: int) -> Array:
    """The sum of the rows of each id, shape (vocabulary_size, units).

    The same sums in the same order as np.add.at, by a sparse matrix with a single 1 a column.
    """
    count = len(ids)
    ones = np.ones(count, rows.dtype)
    columns = np.arange(count + 1, dtype=np.int32)
    one_hot = sparse.csc_array(
        (ones, ids.astype(np.int32), columns), shape=(vocabulary_size, count)
    )
    total: Array = one_hot @ rows
    return total


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))
