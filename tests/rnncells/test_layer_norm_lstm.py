"""The LSTM with layer normalization is what its equations say."""

import numpy as np

from rnncells.layer_norm_lstm import LayerNormLSTM
from tests.rnncells.cell_tests import FEATURES, UNITS, Array, CellTests, built, inputs, sigmoid


class TestLayerNormLSTM(CellTests):
    layer = LayerNormLSTM
    parameters = 4 * UNITS * (FEATURES + UNITS + 1) + 18 * UNITS

    @staticmethod
    def reference(x: Array, *weights: Array) -> Array:
        kernel, recurrent, bias, *norms = weights
        by_input, by_state, of_cell = norms[:2], norms[2:4], norms[4:]
        h, c, outputs = np.zeros((len(x), UNITS)), np.zeros((len(x), UNITS)), []
        for step in x.swapaxes(0, 1):
            gates = normalized(step @ kernel, *by_input) + normalized(h @ recurrent, *by_state)
            i, f, g, o = np.split(gates + bias, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(normalized(c, *of_cell))
            outputs.append(h)
        return np.stack(outputs, axis=1)


def normalized(a: Array, gamma: Array, beta: Array) -> Array:
    centered = a - a.mean(axis=1, keepdims=True)
    # Without np.var, which is real for complex numbers.
    return gamma * centered / np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-5) + beta


def test_the_scale_of_the_inputs_does_not_matter() -> None:
    layer = built(LayerNormLSTM, return_sequences=True)
    np.testing.assert_allclose(layer(1000 * inputs()), layer(inputs()), atol=1e-4)


def test_it_begins_as_keras_lstm_does() -> None:
    layer = LayerNormLSTM(UNITS)
    layer.build((None, None, FEATURES))
    _, _, bias, *norms = layer.get_weights()
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], UNITS))
    assert [set(weights.tolist()) for weights in norms] == [{1.0}, {0.0}] * 3
