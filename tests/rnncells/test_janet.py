"""JANET is what its equations say."""

import keras
import numpy as np
import pytest

from rnncells.janet import JANET
from tests.rnncells.cell_tests import FEATURES, UNITS, Array, CellTests, sigmoid


class TestJANET(CellTests):
    layer = JANET
    parameters = 2 * UNITS * (FEATURES + UNITS + 1)

    @staticmethod
    def reference(x: Array, *weights: Array) -> Array:
        return janet(x, *weights, beta=1.0)


class TestJANETWithoutShift(CellTests):
    layer = JANET
    arguments = {"beta": 0.0, "max_steps": 100}  # noqa: RUF012
    parameters = TestJANET.parameters

    @staticmethod
    def reference(x: Array, *weights: Array) -> Array:
        return janet(x, *weights, beta=0.0)


def janet(x: Array, kernel: Array, recurrent: Array, bias: Array, beta: float) -> Array:
    c, outputs = np.zeros((len(x), UNITS)), []
    for step in x.swapaxes(0, 1):
        f, j = np.split(step @ kernel + c @ recurrent + bias, 2, axis=1)
        c = sigmoid(f) * c + (1 - sigmoid(f - beta)) * np.tanh(j)
        outputs.append(c)
    return np.stack(outputs, axis=1)


def initial_bias(**arguments: int) -> tuple[Array, Array]:
    """Of the forget gates, and of what is written."""
    keras.utils.set_random_seed(1)
    layer = JANET(1000, **arguments)
    layer.build((None, None, 1))
    forget, write = np.split(layer.get_weights()[2], 2)
    return forget, write


def test_the_bias_of_the_forget_gates_begins_with_ones() -> None:
    forget, write = initial_bias()
    assert set(forget) == {1.0}
    assert set(write) == {0.0}


def test_chrono_initialization_spreads_over_the_expected_dependencies() -> None:
    forget, write = initial_bias(max_steps=101)
    # U(1, 100) has mean 50.5, and the standard error of 1,000 draws is 0.9.
    assert np.exp(forget).min() >= 1
    assert np.exp(forget).max() <= 100.001
    assert abs(np.exp(forget).mean() - 50.5) < 3
    assert set(write) == {0.0}
    np.testing.assert_array_equal(forget, initial_bias(max_steps=101)[0])


def test_dependencies_shorter_than_two_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="max_steps is 1, expected at least 2"):
        JANET(3, max_steps=1)
