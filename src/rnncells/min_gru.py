"""MinGRU, a GRU whose gate and candidate do not depend on the state.

Feng et al. (2024), "Were RNNs all we needed?", arXiv:2410.01201, in the form of its appendix B.3,
which keeps the states positive; github.com/lucidrains/minGRU-pytorch is a known implementation.

z_t = sigmoid(W_z x_t + b_z)
h~_t = g(W_h x_t + b_h),    g(u) = u + 1/2 if u >= 0, else sigmoid(u)
h_t = (1 - z_t) * h_{t-1} + z_t * h~_t
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from rnncells.linear_rnn import LinearRNN


class MinGRUCell(keras.Layer):  # type: ignore[misc]
    """The weights of `MinGRU`; see `LinearRNN` for the methods."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create W_z, W_h as one kernel (features, 2 units), and b_z, b_h (2 units,)."""
        self.kernel = self.add_weight((input_shape[-1], 2 * self.units), name="kernel")
        self.bias = self.add_weight((2 * self.units,), "zeros", name="bias")

    def coefficients(self, x: Any, mask: Any) -> tuple[Any, Any, None]:  # noqa: ARG002
        """The factor 1 - z and the summand z h~ of each step, (steps, batch, units)."""
        gate, candidate = ops.split(ops.matmul(x, self.kernel) + self.bias, 2, axis=-1)
        positive = candidate >= 0
        candidate = ops.where(positive, candidate + 0.5, ops.sigmoid(candidate))
        return ops.sigmoid(-gate), ops.sigmoid(gate) * candidate, None

    def output(self, h: Any, context: None) -> Any:  # noqa: ARG002
        """The states themselves."""
        return h


@keras.saving.register_keras_serializable("rnncells")
class MinGRU(LinearRNN):
    """MinGRU for x (batch, steps, features): 2 units (features + 1) parameters.

    Gives (batch, units), or (batch, steps, units) with return_sequences; further arguments are
    those of keras.layers.RNN.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(MinGRUCell, {"units": units}, **kwargs)
