"""Layers that each break one rule; the tests copy this file into a project."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops


class Cell(keras.Layer):
    """h_t = tanh(W x_t + b + h_{t-1} / 2), with a way to change the parts."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def inner(self, x, h):
        return ops.matmul(x, self.kernel) + self.bias + h / 2

    def call(self, x, states):
        h = ops.tanh(self.inner(x, states[0]))
        return h, [h]


class Sound(keras.layers.RNN):
    cell_class = Cell

    def __init__(self, units=3, **kwargs):
        super().__init__(self.cell_class(units, dtype=kwargs.get("dtype")), **kwargs)

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        return config | {"units": self.cell.units}

    from_config = classmethod(lambda cls, config: cls(**config))


class IgnoresTheMask(Sound):
    def call(self, sequences, initial_state=None, mask=None, training=False):  # noqa: ARG002
        return super().call(sequences, initial_state, None, training)


class LosesTheMask(Sound):
    def compute_mask(self, _, mask):  # noqa: ARG002
        return None


class ForgetsUnits(Sound):
    def get_config(self):
        config = super().get_config()
        del config["units"]
        return config


class Plain(keras.Layer):
    """Not an RNN: it knows no masks and no directions."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return ops.tanh(ops.mean(ops.matmul(x, self.kernel), axis=1))

    def get_config(self):
        return super().get_config() | {"units": self.units}


class ForgetsConfig(keras.layers.RNN):
    def __init__(self, units=3, **kwargs):
        super().__init__(Cell(units), **kwargs)


class MixesTheBatch(Sound):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        output = super().call(sequences, initial_state, mask, training)
        return output - ops.mean(output, axis=0, keepdims=True)


class DependsOnTheWidth(Sound):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state, mask, training) / sequences.shape[1]


class IgnoresTheDirection(Sound):
    def __init__(self, units=3, go_backwards=False, **kwargs):
        super().__init__(units, **kwargs)
        self.announced = go_backwards

    def get_config(self):
        return super().get_config() | {"go_backwards": self.announced}


class WrongShape(Sound):
    def compute_output_shape(self, sequences_shape, initial_state_shape=None):  # noqa: ARG002
        return (*super().compute_output_shape(sequences_shape)[:-1], 7)


class _Untrained(Cell):
    def inner(self, x, h):
        return ops.matmul(x, self.kernel) + ops.stop_gradient(self.bias) + h / 2


class NoGradientOfTheBias(Sound):
    cell_class = _Untrained


class _Wrong(Cell):
    def inner(self, x, h):
        return ops.matmul(x, self.kernel) + self.bias + ops.stop_gradient(h) / 2


class WrongGradient(Sound):
    cell_class = _Wrong


class _Unseeded(Cell):
    def build(self, shape):
        super().build(shape)
        self.kernel.assign(np.random.default_rng().normal(size=self.kernel.shape))


class Unseeded(Sound):
    cell_class = _Unseeded


class NearlyConstant(Sound):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences, initial_state, mask, training) * 1e-6


class NotCompiled(Sound):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        output = super().call(sequences, initial_state, mask, training)
        return tf.ensure_shape(tf.numpy_function(lambda x: x, [output], output.dtype), output.shape)
