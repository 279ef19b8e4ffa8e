"""What holds for each recurrent cell; a subclass names the layer and its equations in NumPy."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

BATCH, STEPS, FEATURES, UNITS = 3, 6, 5, 4
Array = NDArray[Any]
# Inputs (batch, steps, features) and weights, real or complex, to outputs (batch, steps, units).
Reference = Callable[..., Array]


def sigmoid(x: Array) -> Array:
    """Of real or complex numbers."""
    return 0.5 * (1 + np.tanh(x / 2))


def inputs(steps: int = STEPS) -> Array:
    return np.random.default_rng(1).normal(size=(BATCH, steps, FEATURES))


def built(layer: type, **arguments: Any) -> Any:
    """A layer with weights that are all different, also where they begin as zeros."""
    made = layer(UNITS, **arguments)
    made.build((None, None, FEATURES))
    rng = np.random.default_rng(2)
    made.set_weights([rng.normal(size=w.shape, scale=0.7) for w in made.weights])
    return made


def gradients(layer: Any, x: Array, coefficients: Array) -> list[Array]:
    """Of the weighted sum of outputs, with respect to x and each weight."""
    tensor = tf.Variable(x, dtype=layer.dtype)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.identity(tensor)) * coefficients)
    found = tape.gradient(loss, [tensor, *(w.value for w in layer.trainable_variables)])
    return [np.asarray(gradient) for gradient in found]


def derivatives(reference: Reference, arguments: list[Array], coefficients: Array) -> list[Array]:
    """The same from the reference: complex steps are exact to rounding."""
    found = []
    for index, argument in enumerate(arguments):
        gradient = np.zeros(argument.shape)
        for place in np.ndindex(argument.shape):
            changed = argument.astype(complex)
            changed[place] += 1e-30j
            outputs = reference(*arguments[:index], changed, *arguments[index + 1 :])
            gradient[place] = np.sum(outputs.imag * coefficients) / 1e-30
        found.append(gradient)
    return found


class CellTests(ABC):
    layer: ClassVar[type]
    arguments: ClassVar[dict[str, Any]] = {}
    parameters: ClassVar[int]

    @staticmethod
    @abstractmethod
    def reference(x: Array, *weights: Array) -> Array: ...

    def built(self, **arguments: Any) -> Any:
        return built(self.layer, **self.arguments, **arguments)

    def test_outputs_are_those_of_the_equations(self) -> None:
        layer, x = self.built(return_sequences=True), inputs()
        expected = self.reference(x, *map(np.float64, layer.get_weights()))
        np.testing.assert_allclose(layer(x), expected, atol=1e-5)

    def test_gradients_are_those_of_the_equations(self) -> None:
        layer, x = self.built(return_sequences=True, dtype="float64"), inputs()
        coefficients = np.random.default_rng(3).normal(size=(BATCH, STEPS, UNITS))
        expected = derivatives(self.reference, [x, *layer.get_weights()], coefficients)
        found = gradients(layer, x, coefficients)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-9)

    def test_it_has_as_many_parameters_as_its_formula(self) -> None:
        assert self.built().count_params() == self.parameters

    @pytest.mark.parametrize("places", [(0, 1), (2, 4), (STEPS - 1,)])
    def test_masked_steps_do_not_matter(self, places: tuple[int, ...]) -> None:
        mask = np.ones((BATCH, STEPS), bool)
        mask[:, places] = False
        short = inputs()[mask].reshape(BATCH, -1, FEATURES)
        last, whole = self.built(), self.built(return_sequences=True)
        np.testing.assert_allclose(last(inputs(), mask=mask), last(short), atol=1e-6)
        found = np.asarray(whole(inputs(), mask=mask))[mask].reshape(BATCH, -1, UNITS)
        np.testing.assert_allclose(found, whole(short), atol=1e-6)

    def test_both_directions_are_two_layers(self) -> None:
        both = keras.layers.Bidirectional(self.built(return_sequences=True))
        found = both(inputs())
        forward, backward = both.forward_layer, both.backward_layer
        parts = forward(inputs()), np.asarray(backward(inputs()))[:, ::-1]
        np.testing.assert_array_equal(found, np.concatenate(parts, axis=-1))
        forward.set_weights(backward.get_weights())
        expected = forward(inputs()[:, ::-1])
        np.testing.assert_allclose(backward(inputs()), expected, atol=1e-6)

    def test_states_continue_a_sequence(self) -> None:
        layer = self.built(return_state=True)
        expected, *_ = layer(inputs())
        _, *states = layer(inputs()[:, :2])
        found, *_ = layer(inputs()[:, 2:], initial_state=states)
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_a_saved_model_predicts_the_same(self, tmp_path: Path) -> None:
        model = keras.Sequential([keras.Input((None, FEATURES)), self.built(go_backwards=True)])
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert loaded.layers[0].get_config() == model.layers[0].get_config()
        np.testing.assert_array_equal(loaded(inputs()), model(inputs()))

    def test_training_under_xla_learns_and_repeats_bit_by_bit(self) -> None:
        (weights, losses), (again, _) = self._trained(), self._trained()
        assert losses[-1] < 0.8 * losses[0]
        assert [w.tobytes() for w in weights] == [w.tobytes() for w in again]

    def _trained(self) -> tuple[list[Array], list[float]]:
        keras.utils.set_random_seed(4)
        x = np.random.default_rng(5).normal(size=(32, STEPS, FEATURES)).astype(np.float32)
        layers = [self.layer(UNITS, **self.arguments), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((STEPS, FEATURES)), *layers])
        model.compile(keras.optimizers.Adam(0.02), "mse", jit_compile=True)
        history = model.fit(x, x[:, -1, 0], batch_size=16, epochs=15, verbose=0)
        return model.get_weights(), history.history["loss"]
