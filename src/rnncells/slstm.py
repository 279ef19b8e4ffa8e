"""The sLSTM of Beck et al. (2024), "xLSTM: extended long short-term memory", arXiv:2405.04517.

i, f, z, o = W x + R h' + b
m = max(log sigmoid(f) + m', i)
c = exp(log sigmoid(f) + m' - m) * c' + exp(i - m) * tanh(z)
n = exp(log sigmoid(f) + m' - m) * n' + exp(i - m)
h = sigmoid(o) * c / n

The input gate exp(i) has no upper bound; n normalizes what it writes, and m keeps c and n in range
without a change of h. R is block-diagonal with `heads` blocks. As in the authors' code (PyPI xlstm)
m is i at the first step: a start at 0 would round c and n to 0 where i is far below.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from rnncells.cell_layer import CellLayer


class SLSTMCell(keras.Layer):  # type: ignore[misc]
    """One step: x (batch, features) and h, c, n, m (batch, units) to h, c, n, m, all floating.

    Raises ValueError unless heads divide units.
    """

    def __init__(self, units: int, heads: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if heads < 1 or units % heads:
            raise ValueError(f"units is {units}, which {heads} heads do not divide")
        self.units, self.heads, self.state_size = units, heads, [units] * 4

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create W (features, 4 units), R (heads, size, 4, size) and b (4 units,).

        size is units / heads.
        """
        size = self.units // self.heads
        self.kernel = self.add_weight((input_shape[-1], 4 * self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.heads, size, 4, size), "zeros", name="recurrent_kernel"
        )
        self.bias = self.add_weight((4 * self.units,), self._initial_bias, name="bias")

    def _initial_bias(self, shape: tuple[int], dtype: str) -> Any:
        # The authors' power law: within each head, from remembering (5) to forgetting (-7).
        units = shape[0] // 4
        size = units // self.heads
        places = ops.arange(size, dtype=dtype) / max(size - 1, 1)
        forget = ops.tile(5 - 12 * places**0.3, self.heads)
        zeros = ops.zeros(units, dtype)
        return ops.concatenate([zeros, forget, zeros, zeros])

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """The output and the list of states after a step."""
        h, c, n, m = states
        by_head = ops.reshape(h, (-1, self.heads, self.units // self.heads))
        recurrent = ops.einsum("bhi,higj->bghj", by_head, self.recurrent_kernel)
        gates = ops.matmul(inputs, self.kernel) + ops.reshape(recurrent, (-1, 4 * self.units))
        i, f, z, o = ops.split(gates + self.bias, 4, axis=-1)
        # Before the first step, nothing is remembered; afterwards, n is at least 1.
        kept = ops.where(n == 0, -math.inf, ops.log_sigmoid(f) + m)
        # h does not depend on m, so neither does any gradient.
        m = ops.stop_gradient(ops.maximum(kept, i))
        forget, write = ops.exp(kept - m), ops.exp(i - m)
        c = forget * c + write * ops.tanh(z)
        n = forget * n + write
        h = ops.sigmoid(o) * c / n
        return h, [h, c, n, m]


@keras.saving.register_keras_serializable("rnncells")
class SLSTM(CellLayer):
    """The sLSTM for x (batch, steps, features): 4 units (features + units / heads + 1) weights.

    The layer only: without the convolution, the group normalization and the projections of the
    block of the paper. Initial weights as in the authors' code, R = 0 and the biases of the forget
    gates by a power law, but W as in keras.layers.LSTM.

    heads: the number of blocks of R; it must divide units.
    """

    def __init__(self, units: int, heads: int = 1, **kwargs: Any) -> None:
        super().__init__(SLSTMCell, {"units": units, "heads": heads}, **kwargs)
