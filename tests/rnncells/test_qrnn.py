"""The QRNN is what its equations say, with any window."""

import numpy as np
import pytest

from rnncells.qrnn import QRNN
from tests.rnncells.cell_tests import FEATURES, UNITS, Array, CellTests, inputs, sigmoid
from tests.rnncells.linear_rnn_tests import LinearRNNTests


class _Equations:
    layer = QRNN

    @staticmethod
    def reference(x: Array, kernel: Array, bias: Array, c: Array | float = 0) -> Array:
        outputs, weights = [], kernel.reshape(-1, FEATURES, 3 * UNITS)
        for t in range(x.shape[1]):
            gates = bias + sum(x[:, t - lag] @ w for lag, w in enumerate(weights) if lag <= t)
            z, f, o = np.split(gates, 3, axis=1)
            c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(z)
            outputs.append(sigmoid(o) * c)
        return np.stack(outputs, axis=1)

    def test_states_continue_a_sequence(self) -> None:
        """As everywhere, except that the window has zeros before the first step."""
        layer = self.built(return_state=True)
        _, state = layer(inputs()[:, :2])
        found, _ = layer(inputs()[:, 2:], initial_state=[state])
        weights = map(np.float64, layer.get_weights())
        expected = self.reference(inputs()[:, 2:], *weights, c=np.float64(state))
        np.testing.assert_allclose(found, expected[:, -1], atol=1e-6)


class TestQRNN(_Equations, LinearRNNTests):
    parameters = 3 * UNITS * (2 * FEATURES + 1)


class TestQRNNOfWindow3(_Equations, CellTests):
    arguments = {"window": 3}  # noqa: RUF012
    parameters = 3 * UNITS * (3 * FEATURES + 1)


def test_the_window_has_a_step() -> None:
    with pytest.raises(ValueError, match="window is 0, expected at least 1"):
        QRNN(UNITS, window=0)
