from typing import Any

import numpy as np
import pytest

from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.data.scoring import correct, losses
from rnnbench.models.keras import batches, training
from rnnbench.models.keras.network import build, optimizer
from rnnbench.models.keras.training import Predictor, Trainer

EMBEDDING = {"Embedding": {"output_dim": 4}}
MASKED = {"Embedding": {"output_dim": 4, "mask_zero": True}}


def fit_with_keras(network: Any, spec: Any, loss: str, x: Any, y: Any, size: int) -> dict:
    """One epoch of Keras's own `fit`, without a compiled program."""
    network.compile(optimizer(spec), loss, metrics=["accuracy"], run_eagerly=True)
    y = y.astype("float32")
    return network.fit(x, y, batch_size=size, shuffle=False, verbose=0).history


def assert_same_weights(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def first(samples: Samples, count: int) -> tuple[np.ndarray, np.ndarray]:
    return samples.x[:count], samples.y[:count]


def test_an_epoch_equals_keras_fit_over_the_same_order(index_meta, samples) -> None:
    """43 samples in batches of 16, the last one smaller; the final weights are averages."""
    x, y = first(samples, 43)
    averaging = {"Adam": {"use_ema": True}}
    layers = [EMBEDDING, {"SimpleRNN": {"units": 3}}]
    ours, theirs = build(layers, index_meta, seed=1), build(layers, index_meta, seed=1)
    trainer = Trainer(ours, optimizer(averaging), 16, index_meta)
    loss, accuracy = trainer.epoch(x, y, np.random.default_rng(1))
    trainer.finish()
    order = np.random.default_rng(1).permutation(43)
    rows = x[order].astype("int32")
    history = fit_with_keras(theirs, averaging, "binary_crossentropy", rows, y[order], 16)
    assert loss == pytest.approx(history["loss"][0], abs=1e-6)
    assert accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("target", ["classes", "steps"])
def test_a_batch_is_scored_as_in_evaluation_and_trains_as_keras_does(
    index_meta, samples, target: str
) -> None:
    x, _ = first(samples, 24)
    meta = index_meta.model_copy(update={"target": target, "classes": ("a", "b", "c")})
    y = np.random.default_rng(0).integers(0, 3, x.shape if target == "steps" else len(x))
    layers = [EMBEDDING, {"SimpleRNN": {"units": 3, "return_sequences": target == "steps"}}]
    check_batch(meta, layers, "Adam", "sparse_categorical_crossentropy", x, y)


def test_numbers_penalties_and_scaled_losses_train_as_in_keras(index_meta, samples) -> None:
    # Keras cannot scale the sparse gradients of an Embedding.
    changes = {"target": "number", "tolerance": 0.3, "encoding": "one_hot", "vocabulary_size": 50}
    x, _ = first(samples, 24)
    y = np.random.default_rng(0).random(24)
    layers = [{"SimpleRNN": {"units": 3, "kernel_regularizer": "l2"}}]
    scaled = {"SGD": {"learning_rate": 0.1, "loss_scale_factor": 8.0}}
    check_batch(index_meta.model_copy(update=changes), layers, scaled, "mse", x, y)


def check_batch(meta: Meta, layers: list, spec: Any, loss_name: str, x: Any, y: Any) -> None:
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    prediction = np.array(theirs(x.astype("int32")))
    prediction = prediction[:, 0] if meta.target == "number" else prediction
    trainer = Trainer(ours, optimizer(spec), len(x), meta)
    loss, accuracy = trainer.epoch(x, y, np.random.default_rng(1))
    assert loss == pytest.approx(losses(meta, prediction, y).mean(), abs=1e-5)
    assert accuracy == pytest.approx(correct(meta, prediction, y).mean())
    fit_with_keras(theirs, spec, loss_name, x.astype("int32"), y, len(x))
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize(("first_layer", "is_ragged"), [(EMBEDDING, False), (MASKED, True)])
def test_an_adversarial_step_adds_the_gradient_at_the_worst_weights_nearby(
    index_meta: Meta, samples: Samples, first_layer: Any, is_ragged: bool
) -> None:
    import tensorflow as tf

    x, y = first(samples, 24)
    layers, epsilon, rate = [first_layer, {"SimpleRNN": {"units": 3}}], 0.5, 0.1
    meta = index_meta.model_copy(update={"shape": (None,)} if is_ragged else {})
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    trainer = Trainer(ours, optimizer({"SGD": {"learning_rate": rate}}), 24, meta, epsilon)
    rows = Ragged.of(list(x.astype(np.int64)), 1000) if is_ragged else x
    loss, _ = trainer.epoch(rows, y, np.random.default_rng(1))

    def gradients() -> tuple[list[np.ndarray], float]:
        with tf.GradientTape() as tape:
            output = theirs(x.astype("int32"))[:, 0]
            mean = tf.reduce_mean(tf.keras.losses.binary_crossentropy(y[:, None], output[:, None]))
        found = tape.gradient(mean, theirs.trainable_variables)
        return [tf.convert_to_tensor(gradient).numpy() for gradient in found], float(mean)

    start = theirs.get_weights()
    plain, expected_loss = gradients()
    moved = [start[0] + epsilon * plain[0] / np.sqrt((plain[0] ** 2).sum()), *start[1:]]
    theirs.set_weights(moved)
    worst, worst_loss = gradients()
    assert worst_loss > expected_loss == pytest.approx(loss, abs=1e-5)
    for weight, begin, one, other in zip(ours.get_weights(), start, plain, worst, strict=True):
        np.testing.assert_allclose(weight, begin - rate * (one + other), atol=1e-5)


def test_predictions_are_the_output_of_the_network_for_any_number_of_samples(index_meta) -> None:
    network = build([EMBEDDING, {"SimpleRNN": {"units": 3}}], index_meta, seed=1)
    x = np.random.default_rng(0).integers(0, 1000, (251, 12)).astype(np.uint16)
    expected = np.array(network(x.astype("int32")))[:, 0]
    predict = Predictor(network)
    for count in (1, 251):
        np.testing.assert_allclose(predict(x[:count]), expected[:count], atol=1e-6)


def test_a_mean_over_known_words_is_predicted_for_more_samples_than_a_batch(index_meta) -> None:
    """XLA's choice of kernels fails for it inside a loop."""
    layers = [{"Embedding": {"output_dim": 16, "mask_zero": True}}, "GlobalAveragePooling1D"]
    meta = index_meta.model_copy(update={"shape": (100,)})
    net = build(layers, meta, seed=1)
    x = np.random.default_rng(0).integers(0, 2, (400, 100)).astype(np.uint16)
    x[:, 0] = 5
    expected = np.asarray(net(x.astype(np.int32)))[:, 0]
    np.testing.assert_allclose(Predictor(net)(x), expected, atol=1e-6)


def test_padding_of_ragged_samples_does_not_matter(index_meta, samples) -> None:
    """One epoch over samples of different lengths trains as Keras does on the same batches."""
    meta = index_meta.model_copy(update={"shape": (None,)})
    rng = np.random.default_rng(0)
    texts = [rng.integers(1, 40, n) for n in (3, 80, 64, 1, 20, 90, 33, 70)]
    x, y = Ragged.of(texts, vocabulary_size=40), samples.y[:8]
    layers = [MASKED, {"SimpleRNN": {"units": 3}}]
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    Trainer(ours, optimizer("Adam"), 4, meta).epoch(x, y, np.random.default_rng(1))
    theirs.compile(optimizer("Adam"), "binary_crossentropy")
    rng = np.random.default_rng(1)
    for rows, _ in batches.training_batches(x, rng.permutation(8), 4, rng):
        wide = x.padded_batch(rows, 120).astype("int32")
        theirs.train_on_batch(wide, y[rows, None].astype("float32"))
    assert_same_weights(ours, theirs)
    singly = [float(theirs(text[None].astype("int32"))[0, 0]) for text in texts]
    np.testing.assert_allclose(Predictor(ours)(x), singly, atol=1e-5)


def test_long_texts_in_pieces_train_as_the_whole_batch(index_meta, monkeypatch) -> None:
    meta = index_meta.model_copy(update={"shape": (None,)})
    rng = np.random.default_rng(0)
    x = Ragged.of([rng.integers(1, 40, 60) for _ in range(8)], vocabulary_size=40)
    y = rng.integers(0, 2, 8)
    layers = [MASKED, {"SimpleRNN": {"units": 3, "kernel_regularizer": "l2"}}]
    networks, scores = [], []
    # All texts at once, four at once, and less than one text.
    for max_ids in (10_000, 4 * 64, 10):
        monkeypatch.setattr(training, "_MAX_IDS", max_ids)
        networks.append(build(layers, meta, seed=1))
        trainer = Trainer(networks[-1], optimizer({"Adam": {"learning_rate": 0.01}}), 8, meta)
        scores.append([trainer.epoch(x, y, np.random.default_rng(e)) for e in range(2)])
    whole, *pieces = networks
    for network, found in zip(pieces, scores[1:], strict=True):
        np.testing.assert_allclose(found, scores[0], atol=1e-5)
        assert_same_weights(network, whole)
    expected = np.array(whole(x.padded_batch(np.arange(8), 64).astype("int32")))[:, 0]
    np.testing.assert_allclose(Predictor(whole)(x), expected, atol=1e-6)


def test_sets_of_ids_train_and_predict_as_their_multi_hot_vectors(index_meta) -> None:
    changes = {"encoding": "multi_hot", "shape": (None,), "vocabulary_size": 30}
    meta = index_meta.model_copy(update=changes)
    rng = np.random.default_rng(0)
    vectors = (rng.random((32, 30)) < 0.2).astype(np.float32)
    x = Ragged.of([np.flatnonzero(row) for row in vectors], vocabulary_size=30)
    y = rng.integers(0, 2, 32)
    layers = [{"Dense": {"units": 4, "activation": "relu"}}]
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    trainer = Trainer(ours, optimizer("RMSprop"), 16, meta)
    loss, _ = trainer.epoch(x, y, np.random.default_rng(1))
    order = np.random.default_rng(1).permutation(32)
    history = fit_with_keras(theirs, "RMSprop", "binary_crossentropy", vectors[order], y[order], 16)
    assert loss == pytest.approx(history["loss"][0], abs=1e-5)
    np.testing.assert_allclose(Predictor(ours)(x), np.array(theirs(vectors))[:, 0], atol=1e-5)
