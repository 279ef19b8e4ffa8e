"""WordQRNN against a loop written out in NumPy, and what a text classifier relies on."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from rnncells import WordQRNN

UNITS, WORDS, WINDOW = 3, 7, 2
IDS = np.array([[1, 5, 2, 6, 3], [4, 4, 1, 0, 0]], np.int32)


@pytest.fixture
def layer() -> WordQRNN:
    keras.utils.set_random_seed(1)
    layer = WordQRNN(UNITS, WORDS, window=WINDOW)
    layer.build(IDS.shape)
    rng = np.random.default_rng(0)
    for weight in layer.trainable_variables:
        weight.assign(rng.standard_normal(weight.shape))
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loop(table: np.ndarray, bias: np.ndarray, ids: list[int], window: int) -> np.ndarray:
    """The outputs of one text without padding, shape (steps, 2 units)."""
    n = bias.shape[1] // 2
    # Of a word: window, direction, gate and unit.
    table = table.reshape(len(table), window, 2, 2 * n)
    outputs = np.zeros((len(ids), 2, n))
    for direction, order in enumerate((range(len(ids)), range(len(ids) - 1, -1, -1))):
        c, seen = np.zeros(n), []
        for t in order:
            seen.append(ids[t])
            gates = bias[direction].copy()
            for back, word in enumerate(seen[::-1][:window]):
                gates += table[word, back, direction]
            c = sigmoid(gates[:n]) * c + np.tanh(gates[n:])
            outputs[t, direction] = np.tanh(c)
    return outputs.reshape(len(ids), -1)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_it_is_the_loop(window: int) -> None:
    layer = WordQRNN(UNITS, WORDS, window=window)
    found = ops.convert_to_numpy(layer(IDS[:1]))[0]
    table, bias = (ops.convert_to_numpy(w).astype(float) for w in layer.trainable_variables)
    np.testing.assert_allclose(found, loop(table, bias, list(IDS[0]), window), atol=1e-6)


def test_padding_changes_nothing(layer: WordQRNN) -> None:
    found = ops.convert_to_numpy(layer(IDS))
    alone = ops.convert_to_numpy(layer(IDS[1:, :3]))
    np.testing.assert_allclose(found[1, :3], alone[0], atol=1e-6)
    assert not found[1, 3:].any()


def test_gradients_are_those_of_differences(layer: WordQRNN) -> None:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = ops.sum(ops.square(layer(IDS)))
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, layer.trainable_variables)]
    for weight, gradient in zip(layer.trainable_variables, gradients, strict=True):
        values = ops.convert_to_numpy(weight).copy()
        direction = np.random.default_rng(2).standard_normal(values.shape)
        ends = []
        for step in (1e-2, -1e-2):
            weight.assign(values + step * direction)
            ends.append(float(ops.sum(ops.square(layer(IDS)))))
        weight.assign(values)
        slope = float(np.sum(direction * ops.convert_to_numpy(gradient)))
        assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(slope, rel=1e-2)


def test_the_number_of_parameters() -> None:
    layer = WordQRNN(UNITS, WORDS, window=3)
    layer.build(IDS.shape)
    assert layer.count_params() == 4 * 3 * UNITS * WORDS + 4 * UNITS


def test_dropped_words_have_no_row_and_others_are_not_scaled(layer: WordQRNN) -> None:
    layer.word_dropout = 0.999999
    dropped = ops.convert_to_numpy(layer(IDS[:1], training=True))
    layer.table.assign(ops.zeros_like(layer.table))
    np.testing.assert_allclose(dropped, ops.convert_to_numpy(layer(IDS[:1])), atol=1e-6)
    assert layer.count_params() == sum(w.numpy().size for w in layer.trainable_variables)


def test_it_is_saved_and_loaded(layer: WordQRNN, tmp_path: Path) -> None:
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, keras.layers.GlobalMaxPooling1D()(layer(inputs)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(IDS, verbose=0), loaded.predict(IDS, verbose=0))


def test_the_same_seed_trains_the_same_weights() -> None:
    def train() -> list[bytes]:
        keras.utils.set_random_seed(3)
        layers = [WordQRNN(4, WORDS, word_dropout=0.3), keras.layers.GlobalMaxPooling1D()]
        model = keras.Sequential(
            [keras.Input((None,), dtype="int32"), *layers, keras.layers.Dense(1)]
        )
        model.compile("adam", "mse", jit_compile=True)
        model.fit(np.tile(IDS, (8, 1)), np.tile([1.0, 0.0], 8), epochs=3, verbose=0)
        return [weight.numpy().tobytes() for weight in model.weights]

    assert train() == train()


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="window is 0"):
        WordQRNN(UNITS, WORDS, window=0)
