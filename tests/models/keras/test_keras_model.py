import numpy as np
import pytest

from rnnbench import models
from rnnbench.models.base import Epoch
from rnnbench.models.keras import Settings, describe

FAMILY = models.load("keras")


def settings(**changes: object) -> Settings:
    values = {
        "dataset": "any",
        "model": "keras",
        "layers": [{"Embedding": {"output_dim": 8}}, {"GRU": {"units": 8}}],
        "optimizer": {"Adam": {"learning_rate": 0.02}},
        "epochs": 12,
        "batch_size": 16,
    }
    return Settings(**(values | changes))


def trained(meta, samples, **changes: object):
    model = FAMILY.model_class().build(settings(**changes), meta, seed=3)
    epochs: list[Epoch] = []
    model.fit(settings(**changes), 3, samples, samples.x, epochs.append)
    return model, epochs


def test_it_learns_and_tells_every_epoch(index_meta, samples) -> None:
    model, epochs = trained(index_meta, samples)
    assert [e.number for e in epochs] == list(range(1, 13))
    assert epochs[-1].loss < epochs[0].loss
    assert np.mean((epochs[-1].prediction > 0.5) == samples.y) > 0.95
    np.testing.assert_array_equal(model.predict(samples.x), epochs[-1].prediction)
    assert not np.array_equal(epochs[0].prediction, epochs[-1].prediction)


def test_the_same_seed_gives_the_same_predictions(index_meta, samples, tmp_path) -> None:
    dropout = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3, "dropout": 0.5}}]
    models_ = [trained(index_meta, samples, epochs=2, layers=dropout)[0] for _ in range(2)]
    first, again = (m.predict(samples.x) for m in models_)
    np.testing.assert_array_equal(first, again)
    models_[0].save(tmp_path / "m.keras")
    loaded = FAMILY.model_class().load(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(samples.x), first)


@pytest.mark.parametrize("optimizer", ["Adam", {"SGD": {"momentum": 0.9, "use_ema": True}}])
def test_a_restarted_model_is_as_a_new_one(index_meta, samples, tmp_path, optimizer) -> None:
    """To the bytes of its file, whatever it was trained on before; dropout draws anew, too."""
    layers = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3, "dropout": 0.5}}]
    plan = settings(layers=layers, epochs=2, optimizer=optimizer)
    files, histories = [], []
    again = FAMILY.model_class().build(plan, index_meta, seed=3)
    again.fit(plan, 3, samples, samples.x, lambda _: None)
    again.restart(plan, 4)
    for name, model in (
        ("again", again),
        ("new", FAMILY.model_class().build(plan, index_meta, seed=4)),
    ):
        epochs: list[Epoch] = []
        model.fit(plan, 4, samples, samples.x, epochs.append)
        histories.append([(e.loss, e.accuracy) for e in epochs])
        model.save(tmp_path / f"{name}.keras")
        files.append((tmp_path / f"{name}.keras").read_bytes())
    assert histories[0] == histories[1]
    assert files[0] == files[1]


def test_a_loaded_model_does_not_train(index_meta, samples, tmp_path) -> None:
    model = FAMILY.model_class().build(settings(), index_meta, seed=3)
    model.save(tmp_path / "m.keras")
    loaded = FAMILY.model_class().load(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="built one"):
        loaded.fit(settings(), 3, samples, samples.x, print)


def test_a_description_is_flat_and_finds_the_cells() -> None:
    inner = {"LSTM": {"units": 20, "return_sequences": True}}
    stacked = [{"Bidirectional": {"layer": inner}}, {"LSTM": {"units": 10}}]
    facts = describe(settings(layers=stacked, optimizer="Adam"))
    assert (facts["cell"], facts["units"], facts["recurrent_layers"]) == ("LSTM", 20, 2)
    assert (facts["bidirectional"], facts["optimizer"]) == ("True", "Adam")
    assert all(isinstance(v, str | int | float) for v in facts.values())
