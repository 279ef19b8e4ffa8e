import numpy as np

from rnnbench import models
from rnnbench.models.base import Epoch
from rnnbench.models.keras import Settings

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


def test_the_description_finds_the_cells_inside_wrappers() -> None:
    inner = {"LSTM": {"units": 20, "return_sequences": True}}
    stacked = [{"Bidirectional": {"layer": inner}}, {"LSTM": {"units": 10}}]
    found = settings(layers=stacked, optimizer="Adam").architecture
    assert (found["cell"], found["units"], found["recurrent_layers"]) == ("LSTM", 20, 2)
    assert (found["bidirectional"], found["optimizer"]) == (True, "Adam")
