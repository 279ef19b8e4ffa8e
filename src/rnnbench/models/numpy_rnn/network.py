"""The mathematics of the network: states, probability, gradients.

For ids i_1 ... i_T of a sample, h_0 = 0 and the weights of `Weights`:

    z_t = input[i_t] + h_{t-1} recurrent + bias,   h_t = tanh(z_t)
    p   = sigmoid(h_T output + output_bias)

A row of `input` is the product of a one-hot vector with it, so no such vector is ever made.
Padding (id 0) has a row like every other id. Every result has the dtype of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse
from scipy.special import expit

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Weights:
    """The trained arrays, or their gradients; all of one floating dtype.

    input: shape (depth, units).
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
    def draw(cls, depth: int, units: int, seed: int, dtype: DTypeLike = np.float32) -> Weights:
        """The weights before training, as a Keras SimpleRNN and Dense layer draw them.

        A random orthogonal recurrent matrix (Mezzadri 2007, "How to generate random matrices
        from the classical compact groups", Notices of the AMS 54), uniform input and output
        (Glorot & Bengio 2010, AISTATS), zero biases.
        """
        rng = np.random.default_rng(seed)
        first = _glorot(rng, depth, units)
        q, r = np.linalg.qr(rng.standard_normal((units, units)))
        # Without the signs the matrix is orthogonal but not uniformly distributed.
        orthogonal = q * np.sign(np.diag(r))
        arrays = first, orthogonal, np.zeros(units), _glorot(rng, units, 1)[:, 0], np.zeros(1)
        return cls(*(np.ascontiguousarray(array, dtype) for array in arrays))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each array must have, by the two axes of `input`."""
        depth, units = self.input.shape
        return {
            "input": (depth, units),
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
    weights: Weights, ids: NDArray[Any], buffer: Array | None = None
) -> tuple[Array, Array]:
    """(states h_0 ... h_T of shape (length + 1, n, units), probabilities of shape (n,)).

    ids: shape (n, length), integers below depth; raises IndexError for others.
    buffer: an array for the states, of their shape and dtype, to be overwritten.
    """
    count, length = ids.shape
    dtype = weights.recurrent.dtype
    shape = (length + 1, count, len(weights.recurrent))
    states: Array = np.empty(shape, dtype) if buffer is None else buffer
    inputs = weights.input[ids.T]
    inputs += weights.bias
    state = states[0]
    state[...] = 0
    for z, after in zip(inputs, states[1:], strict=True):
        np.matmul(state, weights.recurrent, out=after)
        after += z
        np.tanh(after, out=after)
        state = after
    return states, expit(state @ weights.output + weights.output_bias)


def gradients(
    weights: Weights,
    ids: NDArray[Any],
    states: Array,
    probability: Array,
    y: NDArray[Any],
    window: int,
) -> Weights:
    """The gradients of the mean log loss, through the last `window` steps.

    With e = (p - y) / n and d_T = e output, for t = T ... T - window + 1:

        dz_t = d_t (1 - h_t^2),   d_{t-1} = dz_t recurrent^T
        input[i_t] += dz_t,   recurrent += h_{t-1}^T dz_t,   bias += dz_t

    (Werbos 1990, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78;
    the cut: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories", Neural Computation 2.)

    ids, states, probability: what `forward` was given and what it gave.
    y: labels 0 and 1, shape (n,).
    window: at least 1; more than length is the same as length.
    """
    count, length = ids.shape
    depth, units = weights.input.shape
    start = max(length - window, 0)
    last = states[start + 1 :]
    error = (probability - y.astype(probability.dtype)) / count
    slopes = 1 - last * last
    back = np.ascontiguousarray(weights.recurrent.T)
    toward = np.outer(error, weights.output)
    for slope in slopes[::-1]:
        slope *= toward
        np.matmul(slope, back, out=toward)
    # Each slope has become its step's dz.
    dz = slopes.reshape(-1, units)
    return Weights(
        input=_sum_by_id(ids[:, start:].T.ravel(), dz, depth),
        recurrent=states[start:-1].reshape(-1, units).T @ dz,
        bias=dz.sum(axis=0),
        output=states[-1].T @ error,
        output_bias=error.sum(keepdims=True),
    )


def _sum_by_id(ids: NDArray[Any], rows: Array, depth: int) -> Array:
    """The sum of the rows of each id, shape (depth, units).

    The same sums in the same order as np.add.at, by a sparse matrix with a single 1 a column.
    """
    count = len(ids)
    ones = np.ones(count, rows.dtype)
    columns = np.arange(count + 1, dtype=np.int32)
    one_hot = sparse.csc_array((ones, ids.astype(np.int32), columns), shape=(depth, count))
    total: Array = one_hot @ rows
    return total


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))
