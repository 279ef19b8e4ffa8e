import math

import numpy as np

from rnnbench import models
from rnnbench.data.format import Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import Epoch
from rnnbench.models.keras import Settings
from rnnbench.training.outputs import training_settings

MODEL = models.model_class("keras")


def settings(**changes: object) -> Settings:
    values = {
        "dataset": "any",
        "model": "keras",
        "layers": [{"Embedding": {"output_dim": 8}}, {"GRU": {"units": 8}}],
        "optimizer": {"Adam": {"learning_rate": 0.02}},
        "epochs": 16,
        "batch_size": 29,
    }
    return Settings(**(values | changes))


def test_it_learns_and_reports_every_epoch(index_meta, samples, tmp_path) -> None:
    model = MODEL.build(settings(), index_meta, seed=3)
    epochs: list[Epoch] = []
    model.fit(settings(), 3, samples, samples.x, epochs.append)
    assert [e.number for e in epochs] == list(range(1, 17))
    assert epochs[-1].loss < epochs[0].loss
    assert np.mean((epochs[-1].prediction > 0.5) == samples.y) > 0.95
    assert not np.array_equal(epochs[0].prediction, epochs[-1].prediction)
    np.testing.assert_array_equal(model.predict(samples.x), epochs[-1].prediction)

    model.save(tmp_path / "m.keras")
    loaded = MODEL.load(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(samples.x), epochs[-1].prediction)


def test_adversarial_training_is_another_one_and_plain_training_knows_nothing_of_it(
    index_meta, samples
) -> None:
    losses = {}
    for epsilon in (0, 0.5):
        plan = settings(epochs=1, adversarial_epsilon=epsilon)
        epochs: list[Epoch] = []
        MODEL.build(plan, index_meta, 3).fit(plan, 3, samples, samples.x, epochs.append)
        losses[epsilon] = epochs[0].loss
        assert ("adversarial_epsilon" in training_settings(plan)) == (epsilon > 0)
    assert losses[0] != losses[0.5]


def test_a_rebuilt_model_trains_as_a_new_one(index_meta, samples, tmp_path) -> None:
    """To the bytes of its file, whatever it was trained on before; dropout draws again, too."""
    layers = [{"Embedding": {"output_dim": 4}}, {"SimpleRNN": {"units": 3, "dropout": 0.5}}]
    momentum = {"SGD": {"momentum": 0.9, "use_ema": True}}
    plan = settings(layers=layers, epochs=2, optimizer=momentum)
    again, new = MODEL.build(plan, index_meta, seed=3), MODEL.build(plan, index_meta, seed=4)
    again.fit(plan, 3, samples, samples.x, lambda _: None)
    again = again.rebuild(plan, index_meta, 4)
    histories: list[list[tuple[float, float]]] = []
    for name, model in (("again", again), ("new", new)):
        epochs: list[Epoch] = []
        # Building the other model has set Keras's global seeds; a training must not depend on them.
        model.fit(plan, 4, samples, samples.x, epochs.append)
        histories.append([(e.loss, e.accuracy) for e in epochs])
        model.save(tmp_path / f"{name}.keras")
    assert histories[0] == histories[1]
    assert (tmp_path / "again.keras").read_bytes() == (tmp_path / "new.keras").read_bytes()


# 0.25 in the first two steps, 0.125 in the next two, and so on; an epoch has four.
DECAY = {"initial_learning_rate": 0.25, "decay_steps": 2, "decay_rate": 0.5, "staircase": True}
SCHEDULE = {"SGD": {"learning_rate": {"class_name": "ExponentialDecay", "config": DECAY}}}
PLANNED = {"optimizer": SCHEDULE, "epochs": 2, "batch_size": 51}


def test_the_learning_rate_follows_its_schedule(index_meta, samples) -> None:
    """All weights are 0 but the bias, to which a step adds the rate times twice its error."""
    layers = [
        {"Embedding": {"output_dim": 1, "embeddings_initializer": "zeros"}},
        "Flatten",
        {"Dense": {"units": 1, "kernel_initializer": "zeros"}},
    ]
    plan = settings(layers=layers, output_layer=False, **PLANNED)
    meta = index_meta.model_copy(update={"target": "number", "classes": ()})
    ones = Samples(samples.x, np.ones(203, np.float32), samples.id)
    epochs: list[Epoch] = []
    MODEL.build(plan, meta, seed=1).fit(plan, 1, ones, ones.x[:1], epochs.append)
    bias = np.zeros(9)
    for step in range(8):
        bias[step + 1] = bias[step] + 0.25 * 0.5 ** (step // 2) * 2 * (1 - bias[step])
    predictions = [float(epoch.prediction[0]) for epoch in epochs]
    np.testing.assert_allclose(predictions, bias[[4, 8]], rtol=1e-5)


def test_a_schedule_goes_on_after_a_checkpoint_and_starts_again_in_a_rebuilt_model(
    index_meta, samples
) -> None:
    plan = settings(**PLANNED)
    whole, resumed = (MODEL.build(plan, index_meta, seed=3) for _ in range(2))
    states: list[dict] = []
    whole.fit(plan, 3, samples, samples.x, lambda _: states.append(whole.state()))
    resumed.restore(plan, states[0])
    resumed.fit(plan, 3, samples, samples.x, lambda _: None, done=1)
    expected = whole.predict(samples.x)
    np.testing.assert_array_equal(resumed.predict(samples.x), expected)
    again = whole.rebuild(plan, index_meta, 3)
    again.fit(plan, 3, samples, samples.x, lambda _: None)
    np.testing.assert_array_equal(again.predict(samples.x), expected)


def test_samples_that_a_mask_leaves_empty_are_not_trained_on(index_meta, samples) -> None:
    """Neither of one length nor of several; the mean over none of their words is no number."""
    layers = [{"Embedding": {"output_dim": 4, "mask_zero": True}}, "GlobalAveragePooling1D"]
    plan = settings(layers=layers, epochs=2)
    x = samples.x.copy()
    x[::5] = 0
    ragged = Ragged.of((row[row > 0] for row in x), 1000)
    for of_set, shape in ((x, (12,)), (ragged, (None,))):
        meta = index_meta.model_copy(update={"shape": shape})
        model = MODEL.build(plan, meta, seed=1)
        epochs: list[Epoch] = []
        model.fit(plan, 1, Samples(of_set, samples.y, samples.id), of_set, epochs.append)
        assert all(math.isfinite(epoch.loss) for epoch in epochs)
        missing = np.isnan(epochs[-1].prediction)
        assert np.flatnonzero(missing).tolist() == list(range(0, 203, 5))


def test_a_variant_says_which_schedule_it_has() -> None:
    rate = settings(optimizer=SCHEDULE).architecture["learning_rate"]
    assert rate.startswith("ExponentialDecay(initial_learning_rate=0.25, decay_steps=2, ")


def test_the_description_finds_the_cells_inside_wrappers() -> None:
    inner = {"LSTM": {"units": 20, "return_sequences": True}}
    stacked = [{"Bidirectional": {"layer": inner}}, {"LSTM": {"units": 10}}]
    found = settings(layers=stacked, optimizer="Adam").architecture
    assert (found["cell"], found["units"], found["recurrent_layers"]) == ("LSTM", 20, 2)
    assert (found["bidirectional"], found["optimizer"]) == (True, "Adam")
