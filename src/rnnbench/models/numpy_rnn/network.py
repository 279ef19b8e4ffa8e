"""A recurrent network with one output, and its gradients, in NumPy.

For the ids i_1 ... i_T of a sample, h_0 = 0 and the arrays of `Weights`:

    h_t = tanh(input[i_t] + h_{t-1} recurrent + bias)
    p   = sigmoid(h_T output + output_bias)

`input[i_t]` is what the product of the one-hot vector of i_t with `input` would give. The id 0
(padding) has a row like every other id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.special import expit as sigmoid

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Weights:
    """The trained arrays, or their gradients; all of one floating dtype.

    input: shape (vocabulary_size, units).
    recurrent: shape (units, units); row: unit of the previous state, column: unit of the next.
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
        """Initial weights, from the distributions that a Keras SimpleRNN and Dense layer use.

        `recurrent` is a random orthogonal matrix (Mezzadri 2007, "How to generate random matrices
        from the classical compact groups", Notices of the AMS 54), `input` and `output` are
        uniform (Glorot & Bengio 2010, AISTATS), and the biases are zero.
        """
        rng = np.random.default_rng(seed)
        first = _glorot(rng, vocabulary_size, units)
        q, r = np.linalg.qr(rng.standard_normal((units, units)))
        # Without the signs the matrix is orthogonal but not uniformly distributed.
        orthogonal = q * np.sign(np.diag(r))
        arrays = first, orthogonal, np.zeros(units), _glorot(rng, units, 1)[:, 0], np.zeros(1)
        return cls(*(np.ascontiguousarray(array, dtype) for array in arrays))

    def arrays(self) -> dict[str, Array]:
        """The arrays by name, not copied."""
        return dict(vars(self))

    def descend(self, gradients: Weights, learning_rate: float) -> None:
        """One step of gradient descent, in place."""
        for name, array in self.arrays().items():
            array -= learning_rate * getattr(gradients, name)


def forward(weights: Weights, ids: NDArray[Any]) -> tuple[Array, Array]:
    """States h_0 ... h_T, shape (length + 1, n, units), and probabilities, shape (n,).

    ids: shape (n, length), integers below vocabulary_size; raises IndexError for larger ones.
    """
    n, length = ids.shape
    inputs = (weights.input + weights.bias)[ids.T]
    states = np.zeros((length + 1, n, len(weights.recurrent)), weights.recurrent.dtype)
    for t in range(length):
        np.tanh(inputs[t] + states[t] @ weights.recurrent, out=states[t + 1])
    return states, sigmoid(states[-1] @ weights.output + weights.output_bias)


def gradients(
    weights: Weights,
    ids: NDArray[Any],
    states: Array,
    probability: Array,
    y: NDArray[Any],
    window: int,
    transpose: bool = True,
) -> Weights:
    """The gradients of the mean log loss, through the last `window` steps.

    With e = (p - y) / n and d_T = e output, for t = T ... T - window + 1:

        dz_t = d_t (1 - h_t^2),   d_{t-1} = dz_t recurrent^T
        input[i_t] += dz_t,   recurrent += h_{t-1}^T dz_t,   bias += dz_t

    (Werbos 1990, "Backpropagation through time: what it does and how to do it", Proc. IEEE 78;
    truncated: Williams & Peng 1990, "An efficient gradient-based algorithm for on-line training
    of recurrent network trajectories", Neural Computation 2.)

    ids, states, probability: the argument and the results of `forward`.
    y: labels 0 and 1, shape (n,).
    window: at most the length of the samples is used.
    transpose: false multiplies by recurrent instead of recurrent^T, the error of a tutorial.
    """
    n, length = ids.shape
    error = (probability - y.astype(probability.dtype)) / n
    d_input, d_recurrent, d_bias = map(
        np.zeros_like, (weights.input, weights.recurrent, weights.bias)
    )
    d_state = np.outer(error, weights.output)
    backward = weights.recurrent.T if transpose else weights.recurrent
    for t in range(length, max(length - window, 0), -1):
        dz = d_state * (1 - states[t] ** 2)
        # Unlike `+=`, this adds up the rows of an id that occurs in several samples.
        np.add.at(d_input, ids[:, t - 1], dz)
        d_recurrent += states[t - 1].T @ dz
        d_bias += dz.sum(axis=0)
        d_state = dz @ backward
    return Weights(
        input=d_input,
        recurrent=d_recurrent,
        bias=d_bias,
        output=states[-1].T @ error,
        output_bias=error.sum(keepdims=True),
    )


def _glorot(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))
