"""The LSTM with layer normalization of Ba, Kiros & Hinton (2016), arXiv:1607.06450, eq. 20 to 22.

i, f, g, o = LN(W x) + LN(U h') + b
c = sigmoid(f) * c' + sigmoid(i) * tanh(g)
h = sigmoid(o) * tanh(LN(c))

LN(a) = gamma * (a - mean(a)) / sqrt(var(a) + epsilon) + beta, with a gamma and a beta for each of
the three. Mean and variance are over all 4 units of the gates together, and the next step gets c,
not LN(c); tf.contrib's LayerNormBasicLSTMCell and TensorFlow Addons' cell differ there.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from rnncells.cell_layer import CellLayer


class LayerNormLSTMCell(keras.Layer):  # type: ignore[misc]
    """One step: x (batch, features), h and c (batch, units) to h and c, all floating."""

    def __init__(self, units: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.state_size = units, [units, units]
        self.input_norm, self.recurrent_norm, self.state_norm = (
            keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy, name=name)
            for name in ("input_norm", "recurrent_norm", "state_norm")
        )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create W (features, 4 units), U (units, 4 units), b (4 units,), gammas and betas."""
        n = self.units
        self.kernel = self.add_weight((input_shape[-1], 4 * n), name="kernel")
        self.recurrent_kernel = self.add_weight((n, 4 * n), "orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight((4 * n,), self._initial_bias, name="bias")
        self.input_norm.build((None, 4 * n))
        self.recurrent_norm.build((None, 4 * n))
        self.state_norm.build((None, n))

    def _initial_bias(self, shape: tuple[int], dtype: str) -> Any:
        # As keras.layers.LSTM: gates that are open at first keep what is remembered.
        return ops.repeat(ops.array([0, 1, 0, 0], dtype), shape[0] // 4)

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """The output and the list of states after a step."""
        h, c = states
        gates = self.input_norm(ops.matmul(inputs, self.kernel))
        gates = gates + self.recurrent_norm(ops.matmul(h, self.recurrent_kernel)) + self.bias
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(self.state_norm(c))
        return h, [h, c]


@keras.saving.register_keras_serializable("rnncells")
class LayerNormLSTM(CellLayer):
    """The layer for x (batch, steps, features): 4 units (features + units + 1) + 18 units weights.

    The betas of LN(W x) and LN(U h') are in the paper though they only add to b. The initial
    weights are those of keras.layers.LSTM, gammas 1 and betas 0.

    epsilon: that of the authors' code; Keras's own LayerNormalization has 1e-3.
    """

    def __init__(self, units: int, epsilon: float = 1e-5, **kwargs: Any) -> None:
        arguments = {"units": units, "epsilon": epsilon}
        super().__init__(LayerNormLSTMCell, arguments, **kwargs)
