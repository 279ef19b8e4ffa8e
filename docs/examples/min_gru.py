"""The minimal gated recurrent unit of Feng et al. (2024), arXiv:2410.01201.

z_t = sigmoid(W_z x_t + b_z)
h~_t = W_h x_t + b_h
h_t = (1 - z_t) * h_{t-1} + z_t * h~_t
"""

import keras
from keras import ops


class MinGRUCell(keras.Layer):
    """One step: x (batch, features) and h (batch, units), float32, to h (batch, units)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2 * self.units), name="kernel")
        self.bias = self.add_weight(shape=(2 * self.units,), initializer="zeros", name="bias")

    def call(self, x, states):
        z, candidate = ops.split(ops.matmul(x, self.kernel) + self.bias, 2, axis=-1)
        z = ops.sigmoid(z)
        h = (1 - z) * states[0] + z * candidate
        return h, [h]


class MinGRU(keras.layers.RNN):
    """All steps; keras.layers.RNN adds masks, return_sequences, go_backwards and so on."""

    def __init__(self, units, **kwargs):
        super().__init__(MinGRUCell(units, dtype=kwargs.get("dtype")), **kwargs)

    def get_config(self):
        config = super().get_config()
        return {"units": self.cell.units} | {k: v for k, v in config.items() if k != "cell"}

    from_config = classmethod(lambda cls, config: cls(**config))
