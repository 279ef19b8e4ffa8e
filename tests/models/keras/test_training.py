import numpy as np
import pytest

from rnnbench.data.ragged import Ragged
from rnnbench.data.scoring import correct, losses
from rnnbench.models.keras import batches, training
from rnnbench.models.keras.network import build, optimizer
from rnnbench.models.keras.training import Predictor, Trainer

LAYERS = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3}}]


def test_an_epoch_equals_keras_fit_over_the_same_order(index_meta, samples) -> None:
    """203 samples in batches of 32: the last batch is short."""
    order = np.random.default_rng(1).permutation(len(samples))
    rng = np.random.default_rng(1)
    ours, theirs = build(LAYERS, index_meta, seed=1), build(LAYERS, index_meta, seed=1)
    trainer = Trainer(ours, optimizer("Adam"), 32, index_meta)
    loss, accuracy = trainer.epoch(samples.x, samples.y, rng)
    theirs.compile(optimizer("Adam"), "binary_crossentropy", metrics=["accuracy"])
    x, y = samples.x[order].astype("int32"), samples.y[order].astype("float32")
    history = theirs.fit(x, y, batch_size=32, shuffle=False, verbose=0).history
    assert loss == pytest.approx(history["loss"][0], abs=1e-6)
    assert accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_regularizers_count(index_meta, samples) -> None:
    weights = []
    for extra in ({}, {"embeddings_regularizer": "l2"}):
        network = build([{"Embedding": {"output_dim": 4, **extra}}, LAYERS[1]], index_meta, seed=1)
        trainer = Trainer(network, optimizer("SGD"), 32, index_meta)
        trainer.epoch(samples.x, samples.y, np.random.default_rng(1))
        weights.append(network.get_weights()[0])
    # Id 999 never occurs: only the penalty moves its row.
    assert np.abs(weights[1][999]).sum() < np.abs(weights[0][999]).sum()


@pytest.mark.parametrize("extra", [{"use_ema": True}, {"loss_scale_factor": 8.0}])
def test_averaged_weights_and_loss_scaling_do_what_keras_does(
    index_meta, samples, extra: dict
) -> None:
    # One-hot, since Keras cannot scale the sparse gradients of an Embedding.
    meta = index_meta.model_copy(update={"encoding": "one_hot"})
    spec = {"SGD": {"learning_rate": 0.1, **extra}}
    ours, theirs = (build([{"LSTM": {"units": 3}}], meta, seed=1) for _ in range(2))
    order = np.random.default_rng(1).permutation(len(samples))
    trainer = Trainer(ours, optimizer(spec), 32, meta)
    trainer.epoch(samples.x, samples.y, np.random.default_rng(1))
    trainer.finish()
    theirs.compile(optimizer(spec), "binary_crossentropy")
    x, y = samples.x[order].astype("int32"), samples.y[order].astype("float32")
    theirs.fit(x, y, batch_size=32, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_predictions_equal_keras_predict_for_any_number_of_samples(index_meta, samples) -> None:
    network = build(LAYERS, index_meta, seed=1)
    predict = Predictor(network)
    for count in (1, 203):
        theirs = network.predict(samples.x[:count].astype("int32"), verbose=0)[:, 0]
        np.testing.assert_allclose(predict(samples.x[:count]), theirs, atol=1e-6)


TARGETS = {
    "binary": ("binary_crossentropy", "accuracy"),
    "classes": ("sparse_categorical_crossentropy", "accuracy"),
    "steps": ("sparse_categorical_crossentropy", "accuracy"),
    "number": ("mse", None),
}


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_trains_as_keras_fits_it(index_meta, samples, target: str) -> None:
    """The loss, the accuracy and the new weights of an epoch; 203 samples, the last batch short."""
    classes = ("a", "b", "c") if target in ("classes", "steps") else ("no", "yes")
    meta = index_meta.model_copy(
        update={"target": target, "classes": classes, "tolerance": 0.1, "vocabulary_size": 50}
    )
    shape = samples.x.shape if target == "steps" else (len(samples),)
    rng = np.random.default_rng(0)
    y = rng.random(shape) if target == "number" else rng.integers(0, len(classes), shape)
    layers = [LAYERS[0], {"LSTM": {"units": 3, "return_sequences": target == "steps"}}]
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    trainer = Trainer(ours, optimizer("Adam"), 32, meta)
    loss, accuracy = trainer.epoch(samples.x, y, np.random.default_rng(1))
    order = np.random.default_rng(1).permutation(len(samples))
    name, metric = TARGETS[target]
    theirs.compile(optimizer("Adam"), name, metrics=[metric] if metric else [])
    x = samples.x[order].astype("int32")
    fitted = theirs.fit(x, y[order].astype("float32"), batch_size=32, shuffle=False, verbose=0)
    assert loss == pytest.approx(fitted.history["loss"][0], abs=1e-5)
    if metric:
        assert accuracy == pytest.approx(fitted.history["accuracy"][0], abs=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_scores_during_training_are_those_of_the_targets_module(index_meta, samples) -> None:
    """With a rate of zero nothing is learned, so that both score the same network."""
    meta = index_meta.model_copy(update={"target": "number", "tolerance": 0.3})
    network = build(LAYERS, meta, seed=1)
    still = Trainer(network, optimizer({"SGD": {"learning_rate": 1e-30}}), 32, meta)
    loss, accuracy = still.epoch(samples.x, samples.y, np.random.default_rng(1))
    prediction = Predictor(network)(samples.x)
    assert loss == pytest.approx(losses(meta, prediction, samples.y).mean(), abs=1e-5)
    assert accuracy == pytest.approx(correct(meta, prediction, samples.y).mean())
    assert 0 < accuracy < 1


def test_ragged_samples_are_masked_so_that_padding_does_not_matter(index_meta, samples) -> None:
    """One epoch over unequal lengths gives the weights of Keras on the same batches."""
    meta = index_meta.model_copy(update={"shape": (None,)})
    lengths = np.random.default_rng(0).integers(1, 90, 40)
    texts = [np.random.default_rng(i).integers(1, 40, n) for i, n in enumerate(lengths)]
    x, y = Ragged.of(texts, vocabulary_size=40), samples.y[:40]
    layers = [{"Embedding": {"output_dim": 4, "mask_zero": True}}, LAYERS[1]]
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    Trainer(ours, optimizer("Adam"), 8, meta).epoch(x, y, np.random.default_rng(1))
    theirs.compile(optimizer("Adam"), "binary_crossentropy")
    rng = np.random.default_rng(1)
    for rows, _ in batches.bucketed(x, rng.permutation(40), 8, rng):
        wide = x.padded(rows, 200).astype("int32")
        theirs.train_on_batch(wide, y[rows, None].astype("float32"))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    stage_lock = [float(theirs.predict(t[None].astype("int32"), verbose=0)[0, 0]) for t in texts]
    np.testing.assert_allclose(Predictor(ours)(x), stage_lock, atol=1e-5)


def test_long_texts_in_pieces_give_the_weights_of_the_whole_batch(index_meta, monkeypatch) -> None:
    meta = index_meta.model_copy(update={"shape": (None,)})
    rng = np.random.default_rng(0)
    x = Ragged.of([rng.integers(1, 40, 60) for _ in range(8)], vocabulary_size=40)
    y = rng.integers(0, 2, 8)
    embedding = {"output_dim": 4, "mask_zero": True}
    layers = [{"Embedding": embedding}, {"LSTM": {"units": 3, "kernel_regularizer": "l2"}}]
    weights, scores = [], []
    whole = x.padded(np.arange(8), 64).astype("int32")
    # All at once, three at once, and less than one text at once.
    for most in (10_000, 3 * 64, 10):
        monkeypatch.setattr(training, "_MOST_IDS", most)
        network = build(layers, meta, seed=1)
        trainer = Trainer(network, optimizer({"Adam": {"learning_rate": 0.01}}), 8, meta)
        for _ in range(3):
            scores.append(trainer.epoch(x, y, np.random.default_rng(1)))
        weights.append(network.get_weights())
        expected = network.predict(whole, verbose=0)[:, 0]
        np.testing.assert_allclose(Predictor(network)(x), expected, atol=1e-6)
    np.testing.assert_allclose(scores[3:], scores[:3] * 2, atol=1e-5)
    for a, *others in zip(*weights, strict=True):
        for b in others:
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_multi_hot_vectors_are_made_for_a_batch_and_train_as_keras_fits_them(index_meta) -> None:
    meta = index_meta.model_copy(
        update={"encoding": "multi_hot", "shape": (None,), "vocabulary_size": 30}
    )
    rng = np.random.default_rng(0)
    wide = (rng.random((203, 30)) < 0.2).astype(np.float32)
    x = Ragged.of([np.flatnonzero(row) for row in wide], vocabulary_size=30)
    y = rng.integers(0, 2, 203)
    layers = [{"Dense": {"units": 4, "activation": "relu"}}]
    ours, theirs = build(layers, meta, seed=1), build(layers, meta, seed=1)
    loss, _ = Trainer(ours, optimizer("RMSprop"), 64, meta).epoch(x, y, np.random.default_rng(1))
    order = np.random.default_rng(1).permutation(203)
    theirs.compile(optimizer("RMSprop"), "binary_crossentropy")
    target = y[order].astype("float32")
    fitted = theirs.fit(wide[order], target, batch_size=64, shuffle=False, verbose=0)
    assert loss == pytest.approx(fitted.history["loss"][0], abs=1e-5)
    expected = theirs.predict(wide, verbose=0)[:, 0]
    np.testing.assert_allclose(Predictor(ours)(x), expected, atol=1e-5)
