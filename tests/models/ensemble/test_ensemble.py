import itertools
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.roles import RECURRENT
from rnnbench.models import ensemble, keras
from rnnbench.models.base import Epoch
from rnnbench.models.ensemble.model import Model, member_seeds
from rnnbench.models.keras.model import Model as Network

MEMBERS = 3
SHARED: dict[str, Any] = {
    "dataset": "any",
    "layers": [{"Embedding": {"output_dim": 4}}, {"GRU": {"units": 3, "dropout": 0.3}}],
    "optimizer": {"Adam": {"learning_rate": 0.02, "use_ema": True, "ema_momentum": 0.9}},
    "epochs": 3,
    "batch_size": 29,
}
PLAN = ensemble.Settings(model="ensemble", members=MEMBERS, **SHARED)
SINGLE = keras.Settings(model="keras", **SHARED)


def trained(meta: Meta, samples: Samples, seed: int = 7) -> tuple[Model, list[Epoch]]:
    model, epochs = Model.build(PLAN, meta, seed), list[Epoch]()
    model.fit(PLAN, seed, samples, samples.x, epochs.append)
    return model, epochs


def single(meta: Meta, samples: Samples, seed: int) -> list[Epoch]:
    epochs: list[Epoch] = []
    Network.build(SINGLE, meta, seed).fit(SINGLE, seed, samples, samples.x, epochs.append)
    return epochs


def test_it_predicts_the_mean_of_networks_trained_alone(
    index_meta: Meta, samples: Samples, tmp_path: Path
) -> None:
    model, epochs = trained(index_meta, samples)
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    model.save(tmp_path / "m.zip")
    loaded = Model.load(tmp_path / "m.zip")
    state = model.state()
    members = []
    for number in range(MEMBERS):
        member = Network.build(SINGLE, index_meta, 0)
        prefix = f"{number}_"
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        member.restore(SINGLE, own)
        members.append(member.predict(samples.x))
    seeds = member_seeds(7, MEMBERS)
    assert seeds[0] == 7
    for seed, member in zip(seeds, members, strict=True):
        alone = single(index_meta, samples, seed)[-1].prediction
        np.testing.assert_array_equal(member, alone)
    for one, other in itertools.combinations(members, 2):
        assert np.abs(one - other).max() > 1e-3
    for found in (model.predict(samples.x), loaded.predict(samples.x), epochs[-1].prediction):
        np.testing.assert_allclose(found, np.mean(members, axis=0), atol=1e-6)
    assert model.parameters == MEMBERS * Network.build(SINGLE, index_meta, 0).parameters
    assert "3 networks" in model.summary()


def test_a_rebuilt_and_a_resumed_ensemble_train_as_a_new_one(
    index_meta: Meta, samples: Samples, tmp_path: Path
) -> None:
    again, _ = trained(index_meta, samples, seed=3)
    again = again.rebuild(PLAN, index_meta, 7)
    again.fit(PLAN, 7, samples, samples.x, lambda _: None)
    new, epochs = trained(index_meta, samples)

    class KilledError(Exception):
        pass

    def kill(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KilledError

    killed = Model.build(PLAN, index_meta, 7)
    with pytest.raises(KilledError):
        killed.fit(PLAN, 7, samples, samples.x, kill)
    resumed, rest = Model.build(PLAN, index_meta, 1), list[Epoch]()
    resumed.restore(PLAN, killed.state())
    resumed.fit(PLAN, 7, samples, samples.x, rest.append, done=2)
    assert [(e.number, e.loss) for e in rest] == [(3, epochs[-1].loss)]
    for name, model in (("again", again), ("new", new), ("resumed", resumed)):
        model.save(tmp_path / f"{name}.zip")
    contents = {path.read_bytes() for path in tmp_path.glob("*.zip")}
    assert len(contents) == 1
    new.fit(PLAN, 8, samples, samples.x, lambda _: None)
    new.save(tmp_path / "new.zip")
    assert (tmp_path / "new.zip").read_bytes() not in contents


def test_layers_of_a_project_file_are_next_to_it(
    index_meta: Meta, samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = "import keras\nclass Twice(keras.layers.Layer):\n    def call(self, x): return 2 * x\n"
    (tmp_path / "mine.py").write_text(source)
    layers = [*SHARED["layers"], "mine.py:Twice"]
    plan = PLAN.model_copy(update={"layers": layers})
    assert plan.code == ("mine.py",)
    model = Model.build(plan, index_meta, 1)
    folder = tmp_path / "models"
    folder.mkdir()
    model.save(folder / "m.zip")
    with pytest.raises(DataError, match=r"mine\.py"):
        Model.load(folder / "m.zip")
    (folder / "mine.py").write_text(source)
    found = Model.load(folder / "m.zip").predict(samples.x)
    np.testing.assert_array_equal(found, model.predict(samples.x))


def test_a_model_brings_no_code(index_meta: Meta, tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    Model.build(PLAN, index_meta, 1).save(path)
    mark = tmp_path / "ran"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("evil.py", f"open({str(mark)!r}, 'w')")
        config = {"registered_name": "evil.py>X", "class_name": "X", "config": {}}
        with zipfile.ZipFile(tmp_path / "inner", "w") as member:
            member.writestr("config.json", json.dumps(config))
        archive.write(tmp_path / "inner", "member_9.keras")
    with pytest.raises(DataError, match=r"evil\.py"):
        Model.load(path)
    assert not mark.exists()


@pytest.mark.parametrize("damage", ["text", "empty", "member"])
def test_damage_is_a_data_error_that_names_the_file(
    damage: str, index_meta: Meta, tmp_path: Path
) -> None:
    path = tmp_path / "m.zip"
    if damage == "text":
        path.write_text("no zip")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            if damage == "member":
                archive.writestr("member_0.keras", "no network")
    with pytest.raises(DataError, match=r"m\.zip"):
        Model.load(path)


def test_settings_say_how_many_members_there_are(index_meta: Meta) -> None:
    assert str(PLAN.architecture["layers"]).startswith("ensemble of 3: ")
    assert PLAN.architecture["cell"] == "GRU"
    assert PLAN.role == RECURRENT
    assert PLAN.program != PLAN.model_copy(update={"members": 2}).program
    with pytest.raises(ParamsError, match=r"layers\[0\]"):
        Model.build(PLAN.model_copy(update={"layers": [{"LSTM": {"units": 3}}]}), index_meta, 1)
