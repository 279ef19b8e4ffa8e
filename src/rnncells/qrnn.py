"""QRNN, a quasi-recurrent network: a convolution over the steps, and a recurrence without weights.

Bradbury et al. (2016), "Quasi-recurrent neural networks", arXiv:1611.01576, with fo-pooling. In the
authors' code, github.com/salesforce/pytorch-qrnn, f and 1 - f have changed places.

z_t, f_t, o_t = tanh, sigmoid, sigmoid of b + W_0 x_t + W_1 x_{t-1} + ... + W_{k-1} x_{t-k+1}
c_t = f_t * c_{t-1} + (1 - f_t) * z_t
h_t = o_t * c_t

k is the window. Inputs before the first step are zeros, also if the layer is given a state. Masked
steps are left out of the window, as if the sequence had never had them.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from rnncells.linear_recurrence import forward_fill
from rnncells.linear_rnn import LinearRNN


class QRNNCell(keras.Layer):  # type: ignore[misc]
    """The weights of `QRNN`; see `LinearRNN` for the methods."""

    def __init__(self, units: int, window: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if window < 1:
            raise ValueError(f"window is {window}, expected at least 1")
        self.units = self.state_size = units
        self.window = window

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create W_0, W_1, ... as the rows of a kernel (window features, 3 units), and a bias."""
        gates = 3 * self.units
        self.kernel = self.add_weight((self.window * input_shape[-1], gates), name="kernel")
        self.bias = self.add_weight((gates,), "zeros", name="bias")

    def coefficients(self, x: Any, mask: Any) -> tuple[Any, Any, Any]:
        """The factor f and the summand (1 - f) z, (steps, batch, units), and the whole window."""
        window = [x]
        for _ in range(self.window - 1):
            last = window[-1] if mask is None else forward_fill(window[-1], mask)
            window.append(ops.concatenate([ops.zeros_like(last[:1]), last[:-1]]))
        inputs, two = ops.concatenate(window, axis=-1), 2 * self.units
        gates = ops.matmul(inputs, self.kernel[:, :two]) + self.bias[:two]
        z, f = ops.split(gates, 2, axis=-1)
        return ops.sigmoid(f), ops.sigmoid(-f) * ops.tanh(z), inputs

    def output(self, c: Any, inputs: Any) -> Any:
        """The gated states, (steps, batch, units)."""
        two = 2 * self.units
        return ops.sigmoid(ops.matmul(inputs, self.kernel[:, two:]) + self.bias[two:]) * c


@keras.saving.register_keras_serializable("rnncells")
class QRNN(LinearRNN):
    """QRNN for x (batch, steps, features): 3 units (window features + 1) parameters.

    Gives (batch, units), or (batch, steps, units) with return_sequences; further arguments are
    those of keras.layers.RNN. Raises ValueError for a window below 1.
    """

    def __init__(self, units: int, window: int = 2, **kwargs: Any) -> None:
        super().__init__(QRNNCell, {"units": units, "window": window}, **kwargs)
