import numpy as np
import pytest

from rnnbench.models.keras.network import build, optimizer
from rnnbench.models.keras.training import Predictor, Trainer

LAYERS = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3}}]


def test_an_epoch_equals_keras_fit_over_the_same_order(index_meta, samples) -> None:
    """203 samples in batches of 32: the last batch is short."""
    order = np.random.default_rng(1).permutation(len(samples))
    ours, theirs = build(LAYERS, index_meta, seed=1), build(LAYERS, index_meta, seed=1)
    seen = Trainer(ours, optimizer("Adam"), 32).epoch(samples.x, samples.y, order)
    theirs.compile(optimizer("Adam"), "binary_crossentropy", metrics=["accuracy"])
    x, y = samples.x[order].astype("int32"), samples.y[order].astype("float32")
    history = theirs.fit(x, y, batch_size=32, shuffle=False, verbose=0).history
    assert seen.loss == pytest.approx(history["loss"][0], abs=1e-6)
    assert seen.accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_regularizers_count(index_meta, samples) -> None:
    order = np.arange(len(samples))
    weights = []
    for extra in ({}, {"embeddings_regularizer": "l2"}):
        network = build([{"Embedding": {"output_dim": 4, **extra}}, LAYERS[1]], index_meta, seed=1)
        Trainer(network, optimizer("SGD"), 32).epoch(samples.x, samples.y, order)
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
    trainer = Trainer(ours, optimizer(spec), 32)
    trainer.epoch(samples.x, samples.y, np.arange(len(samples)))
    trainer.finish()
    theirs.compile(optimizer(spec), "binary_crossentropy")
    x, y = samples.x.astype("int32"), samples.y.astype("float32")
    theirs.fit(x, y, batch_size=32, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_predictions_equal_keras_predict_for_any_number_of_samples(index_meta, samples) -> None:
    network = build(LAYERS, index_meta, seed=1)
    predict = Predictor(network)
    for count in (1, 203):
        theirs = network.predict(samples.x[:count].astype("int32"), verbose=0)[:, 0]
        np.testing.assert_allclose(predict(samples.x[:count]), theirs, atol=1e-6)


def test_the_score_is_that_of_keras(index_meta, samples) -> None:
    network = build(LAYERS, index_meta, seed=1)
    score = Trainer(network, optimizer("SGD"), 32).score(Predictor(network)(samples.x), samples.y)
    network.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    x, y = samples.x.astype("int32"), samples.y.astype("float32")
    loss, accuracy = network.evaluate(x, y, verbose=0)
    assert (score.loss, score.accuracy) == pytest.approx((loss, accuracy), abs=1e-5)
