import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models import numpy_rnn
from rnnbench.models.base import Epoch
from rnnbench.models.numpy_rnn.model import Model
from rnnbench.models.numpy_rnn.network import Weights, forward, gradients

VOCABULARY_SIZE, UNITS, LENGTH = 9, 5, 7
META = Meta(
    corpus="imdb",
    encoding="one_hot",
    target="binary",
    classes=("negative", "positive"),
    shape=(12,),
    vocabulary_size=40,
)


def settings(**changes: object) -> numpy_rnn.Settings:
    values = {"units": 8, "window": 12, "learning_rate": 0.1, "epochs": 1, "batch_size": 32}
    return numpy_rnn.Settings(dataset="d", model="numpy_rnn", **(values | changes))


def samples(count: int = 203) -> Samples:
    """The label is whether id 7 is among the last three."""
    rng = np.random.default_rng(0)
    x = rng.integers(8, 40, (count, 12)).astype(np.uint16)
    y = (rng.random(count) < 0.5).astype(np.uint8)
    x[y == 1, rng.integers(9, 12, y.sum())] = 7
    return Samples(x, y, np.arange(count, dtype=np.int32))


def train(train: Samples, seed: int = 1, **changes: object) -> tuple[Model, list[Epoch]]:
    chosen = settings(**changes)
    model = Model.build(chosen, META, seed)
    epochs: list[Epoch] = []
    model.fit(chosen, seed, train, train.x, epochs.append)
    return model, epochs


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Biases are not zero, as in a network that was trained."""
    drawn = Weights.draw(VOCABULARY_SIZE, UNITS, 3, np.float64)
    rng = np.random.default_rng(4)
    drawn.bias[...] = rng.normal(0, 0.3, UNITS)
    drawn.output_bias[...] = 0.2
    return drawn


@pytest.fixture(scope="module")
def batch() -> tuple[np.ndarray, np.ndarray]:
    """Four samples; id 0 occurs, and one sample repeats an id."""
    ids = np.random.default_rng(5).integers(0, VOCABULARY_SIZE, (4, LENGTH)).astype(np.uint8)
    ids[0, :2] = 0
    ids[1, -2:] = 3
    return ids, np.array([0, 1, 1, 0], np.uint8)


def ours(
    weights: Weights, ids: np.ndarray, y: np.ndarray, window: int, transpose: bool = True
) -> dict[str, np.ndarray]:
    return gradients(weights, ids, *forward(weights, ids), y, window, transpose).arrays()


def by_differences(weights: Weights, ids: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Central differences of the mean log loss, weight by weight."""

    def loss() -> float:
        probability = forward(weights, ids)[1]
        return float(-np.log(np.where(y == 1, probability, 1 - probability)).mean())

    total = {}
    for name, array in weights.arrays().items():
        total[name] = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            value, around = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = value + step
                around.append(loss())
            array[place] = value
            total[name][place] = (around[0] - around[1]) / 2e-5
    return total


def with_loops(
    weights: Weights,
    ids: np.ndarray,
    y: np.ndarray,
    window: int,
    back: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The same sums sample by sample and step by step, with one-hot vectors.

    back: what carries a gradient to the step before, the transposed recurrent matrix if None.
    """
    w = {name: array.astype(np.float64) for name, array in weights.arrays().items()}
    back = w["recurrent"].T if back is None else back
    total = {name: np.zeros_like(array) for name, array in w.items()}
    for sample, label in zip(ids, y, strict=True):
        vectors = np.eye(len(w["input"]))[sample]
        h = [np.zeros(len(w["recurrent"]))]
        for v in vectors:
            h.append(np.tanh(v @ w["input"] + h[-1] @ w["recurrent"] + w["bias"]))
        error = 1 / (1 + np.exp(-(h[-1] @ w["output"] + w["output_bias"][0]))) - float(label)
        total["output"] += error * h[-1]
        total["output_bias"] += error
        d = error * w["output"]
        for t in range(len(sample), max(len(sample) - window, 0), -1):
            dz = d * (1 - h[t] ** 2)
            total["input"] += np.outer(vectors[t - 1], dz)
            total["recurrent"] += np.outer(h[t - 1], dz)
            total["bias"] += dz
            d = dz @ back
    return {name: array / len(ids) for name, array in total.items()}


def by_tensorflow(
    weights: Weights, ids: np.ndarray, y: np.ndarray, window: int
) -> dict[str, np.ndarray]:
    """Automatic gradients; the state before the window is a constant."""
    from rnnbench.models.keras.runtime import load_backend

    tf, _ = load_backend()
    w = {name: tf.Variable(array) for name, array in weights.arrays().items()}
    with tf.GradientTape() as tape:
        h = tf.zeros((len(ids), UNITS), tf.float64)
        for t in range(LENGTH):
            if t == LENGTH - window:
                h = tf.stop_gradient(h)
            one_hot = tf.one_hot(ids[:, t], VOCABULARY_SIZE, dtype=tf.float64)
            step = tf.tanh(one_hot @ w["input"] + h @ w["recurrent"] + w["bias"])
            # Steps before the window use the weights but do not contribute to their gradients.
            h = step if t >= LENGTH - window else tf.stop_gradient(step)
        logits = tf.linalg.matvec(h, w["output"]) + w["output_bias"]
        labels = tf.constant(y, tf.float64)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
    return {name: g.numpy() for name, g in tape.gradient(loss, w).items()}


def by_keras(weights: Weights, ids: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Automatic gradients of Keras's own layers."""
    from rnnbench.models.keras.runtime import load_backend

    tf, keras = load_backend()
    rnn = keras.layers.SimpleRNN(UNITS, dtype="float64")
    dense = keras.layers.Dense(1, activation="sigmoid", dtype="float64")
    x = tf.one_hot(ids, VOCABULARY_SIZE, dtype=tf.float64)
    dense(rnn(x))
    rnn.set_weights([weights.input, weights.recurrent, weights.bias])
    dense.set_weights([weights.output[:, None], weights.output_bias])
    variables = [*rnn.trainable_variables, *dense.trainable_variables]
    with tf.GradientTape() as tape:
        losses = keras.losses.binary_crossentropy(y[:, None].astype(np.float64), dense(rnn(x)))
        loss = tf.reduce_mean(losses)
    found = [g.numpy() for g in tape.gradient(loss, variables)]
    found[3] = found[3][:, 0]
    return dict(zip(weights.arrays(), found, strict=True))


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The relative error between two arrays."""
    assert one.shape == other.shape
    assert one.dtype == other.dtype == np.float64
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


ARRAYS = ("input", "recurrent", "bias", "output", "output_bias")


def test_a_window_of_the_whole_length_gives_keras_gradients(weights, batch) -> None:
    found, expected = ours(weights, *batch, LENGTH), by_keras(weights, *batch)
    assert max(distance(found[name], expected[name]) for name in ARRAYS) < 1e-5


@pytest.mark.parametrize("window", [1, 2, 3, LENGTH])
def test_a_window_truncates_the_sum_as_in_tensorflow_and_a_plain_loop(
    window, weights, batch
) -> None:
    found = ours(weights, *batch, window)
    for other in (by_tensorflow(weights, *batch, window), with_loops(weights, *batch, window)):
        assert max(distance(found[name], other[name]) for name in ARRAYS) < 1e-9


def test_a_shorter_window_gives_other_gradients(weights, batch) -> None:
    short, full = ours(weights, *batch, 2), ours(weights, *batch, LENGTH)
    assert distance(short["recurrent"], full["recurrent"]) > 1e-2
    np.testing.assert_array_equal(short["output"], full["output"])


def test_a_window_beyond_the_length_is_the_whole_length(weights, batch) -> None:
    full, beyond = ours(weights, *batch, LENGTH), ours(weights, *batch, LENGTH + 5)
    for name in ARRAYS:
        np.testing.assert_array_equal(full[name], beyond[name])


def test_gradients_are_those_of_finite_differences_and_without_the_transpose_others(
    weights, batch
) -> None:
    truth = by_differences(weights, *batch)
    found, wrong = (ours(weights, *batch, LENGTH, transpose) for transpose in (True, False))
    for name in ARRAYS:
        assert distance(found[name], truth[name]) < 1e-6
    for name in ("input", "recurrent", "bias"):
        assert distance(wrong[name], truth[name]) > 1e-2


@pytest.mark.parametrize("window", [1, 3, LENGTH])
def test_without_the_transpose_gradients_go_back_through_the_matrix_itself(
    window, weights, batch
) -> None:
    found = ours(weights, *batch, window, transpose=False)
    tutorial = with_loops(weights, *batch, window, back=weights.recurrent)
    assert max(distance(found[name], tutorial[name]) for name in ARRAYS) < 1e-9


def test_a_training_without_the_transpose_takes_the_wrong_steps() -> None:
    """One batch: the change of the weights is the learning rate times the gradient."""
    train_set, rate = samples(20), 0.5
    model, _ = train(train_set, seed=2, learning_rate=rate, transpose=False)
    w = Weights.draw(META.vocabulary_size, 8, 2, np.float64)
    tutorial = with_loops(w, train_set.x, train_set.y, 12, back=w.recurrent)
    for name, array in model.arrays().items():
        np.testing.assert_allclose(array, w.arrays()[name] - rate * tutorial[name], atol=1e-6)


def test_a_row_look_up_is_the_product_with_a_one_hot_vector(weights, batch) -> None:
    ids, _ = batch
    states, probability = forward(weights, ids)
    one_hot = np.eye(VOCABULARY_SIZE)[ids]
    h = np.zeros((len(ids), UNITS))
    for t in range(LENGTH):
        h = np.tanh(one_hot[:, t] @ weights.input + h @ weights.recurrent + weights.bias)
        np.testing.assert_allclose(states[t + 1], h, rtol=1e-12)
    expected = 1 / (1 + np.exp(-(h @ weights.output + weights.output_bias)))
    np.testing.assert_allclose(probability, expected, rtol=1e-12)


def test_first_weights_are_orthogonal_glorot_uniform_and_zero() -> None:
    drawn = Weights.draw(100, 32, seed=1)
    assert {array.dtype for array in drawn.arrays().values()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(drawn.recurrent @ drawn.recurrent.T, np.eye(32), atol=1e-5)
    limit = np.sqrt(6 / 132)
    assert 0.95 * limit < np.abs(drawn.input).max() <= limit
    assert np.abs(drawn.output).max() <= np.sqrt(6 / 33)
    assert not drawn.bias.any()
    assert not drawn.output_bias.any()


def test_it_learns() -> None:
    train_set = samples()
    model, epochs = train(train_set, epochs=40, learning_rate=0.2)
    assert [e.number for e in epochs] == list(range(1, 41))
    assert epochs[0].accuracy < 0.7
    assert epochs[-1].accuracy > 0.9
    assert epochs[-1].loss < epochs[0].loss / 2
    np.testing.assert_array_equal(epochs[-1].prediction, model.predict(train_set.x))


def test_batches_are_means_over_their_own_size_and_epochs_over_samples() -> None:
    """Five samples in batches of four: the last one is a batch of its own."""
    train_set, rate, window = samples(5), 0.5, 4
    model, (epoch,) = train(train_set, seed=2, batch_size=4, learning_rate=rate, window=window)

    w = Weights.draw(META.vocabulary_size, 8, 2, np.float64)
    order = np.random.default_rng([2, 1]).permutation(5)
    probabilities = []
    for rows in (order[:4], order[4:]):
        x, y = train_set.x[rows], train_set.y[rows]
        probabilities.append(forward(w, x)[1])
        for name, gradient in with_loops(w, x, y, window).items():
            w.arrays()[name][...] -= rate * gradient
    p, y = np.concatenate(probabilities), train_set.y[order]
    expected = -np.log(np.where(y == 1, p, 1 - p)).mean()

    assert epoch.loss == pytest.approx(expected, rel=1e-5)
    assert epoch.accuracy == pytest.approx(np.mean((p > 0.5) == (y == 1)))
    np.testing.assert_allclose(model.predict(train_set.x), forward(w, train_set.x)[1], rtol=1e-5)


def test_predictions_do_not_depend_on_what_is_predicted_with_them() -> None:
    x = samples(1100).x
    model = Model.build(settings(), META, 1)
    whole = model.predict(x)
    assert whole.shape == (1100,)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(whole[700:710], model.predict(x[700:710]), rtol=1e-5)
    assert len(np.unique(whole)) > 1000


def test_a_diverging_training_reports_a_loss_that_is_not_finite() -> None:
    class Stop(Exception): ...

    def check(epoch: Epoch) -> None:
        if not np.isfinite(epoch.loss):
            raise Stop

    chosen = settings(learning_rate=1e39, epochs=5)
    with warnings.catch_warnings(action="error"), pytest.raises(Stop):
        Model.build(chosen, META, 1).fit(chosen, 1, samples(), samples().x, check)


def test_the_seed_determines_the_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(samples(), seed=seed)[0].save(tmp_path / f"{name}.npz")
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    dates = {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(a)).infolist()}
    assert dates == {(1980, 1, 1, 0, 0, 0)}


def test_a_loaded_model_predicts_the_same(tmp_path: Path) -> None:
    model, _ = train(samples())
    path = tmp_path / f"model{Model.SUFFIX}"
    model.save(path)
    loaded = Model.load(path)
    np.testing.assert_array_equal(loaded.predict(samples().x), model.predict(samples().x))
    assert loaded.parameters == model.parameters
    assert loaded.summary() == model.summary()


def saved(**changes: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **(Weights.draw(9, 5, 1).arrays() | changes))
    return buffer.getvalue()


def array_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def incomplete() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, input=np.zeros((9, 5), np.float32))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no model",
        saved()[:300],
        saved().replace(Weights.draw(9, 5, 1).output.tobytes(), bytes(20)),
        array_file(),
        incomplete(),
        saved(recurrent=np.zeros((4, 4), np.float32)),
        saved(input=np.zeros((9, 5), np.float64)),
        saved(input=np.zeros(9, np.float32)),
    ],
    ids=[
        "empty",
        "no zip",
        "cut",
        "changed bytes",
        "single array",
        "array missing",
        "other shape",
        "other dtype",
        "other dimensions",
    ],
)
def test_a_damaged_file_is_a_data_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(saved())
    Model.load(path)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.npz: not a readable model"):
        Model.load(path)


class Touch:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_in_a_file_is_a_data_error_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = tmp_path / "model.npz"
    path.write_bytes(saved(bias=np.array([Touch(trace)], dtype=object)))
    with pytest.raises(DataError):
        Model.load(path)
    assert not trace.exists()


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        Model.load(tmp_path / "model.npz")


def test_parameters_of_the_source_protocol() -> None:
    meta = META.model_copy(update={"vocabulary_size": 100, "shape": (100,)})
    model = Model.build(settings(units=32), meta, 1)
    assert model.parameters == 4289
    assert "4,289" in model.summary()


@pytest.mark.parametrize("encoding", ["one_hot", "index"])
def test_ids_are_read_under_both_encodings(encoding: str) -> None:
    model = Model.build(settings(), META.model_copy(update={"encoding": encoding}), 1)
    assert model.predict(samples(3).x).shape == (3,)


@pytest.mark.parametrize(
    "change",
    [
        {"target": "classes"},
        {"target": "steps"},
        {"target": "number"},
        {"encoding": "multi_hot"},
        {"encoding": "number"},
        {"shape": (None,)},
        {"shape": (3, 4)},
    ],
)
def test_an_unsuitable_dataset_is_an_error_in_params(change: dict[str, object]) -> None:
    with pytest.raises(ParamsError, match=r"^params\.yaml: model: [^\n]*; allowed: ") as caught:
        Model.build(settings(), META.model_copy(update=change), 1)
    assert len(caught.value.errors) == 1


def test_sequences_of_different_lengths_are_a_data_error() -> None:
    ragged = Ragged.of([np.array([1, 2]), np.array([3])], vocabulary_size=40)
    with pytest.raises(DataError):
        Model.build(settings(), META, 1).predict(ragged)


@pytest.mark.parametrize(
    "change",
    [
        {"units": 0},
        {"window": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("inf")},
        {"epochs": 0},
        {"batch_size": 0},
        {"layers": []},
    ],
)
def test_settings_refuse_what_makes_no_sense(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        settings(**change)


def test_describe_has_the_keys_of_the_keras_family_and_the_window() -> None:
    from rnnbench.models import keras

    other = keras.Settings(
        dataset="d",
        model="keras",
        layers=[{"SimpleRNN": {"units": 8}}],
        optimizer={"SGD": {"learning_rate": 0.1}},
        epochs=1,
        batch_size=32,
    )
    ours, theirs = settings().architecture, other.architecture
    assert ours.keys() == theirs.keys() | {"window"}
    assert {k: ours[k] for k in theirs if k != "layers"} == {
        k: v for k, v in theirs.items() if k != "layers"
    }


def test_the_layers_of_the_wrong_gradient_are_described_as_such() -> None:
    assert settings().architecture["layers"] == "SimpleRNN(8)"
    wrong = settings(transpose=False).architecture["layers"]
    assert wrong == "SimpleRNN(8), gradient without the transpose"
