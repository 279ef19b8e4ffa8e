import json
import shutil

import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.training import checkpoints, replicate
from rnnbench.training.checkpoints import Checkpoint, Checkpoints, training_key
from rnnbench.training.stage import train
from tests.frozen import PARAMS

DROPOUT = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3, "dropout": 0.5}}]
ADAM = {"Adam": {"learning_rate": 0.01, "use_ema": True}}
CHANGES = {
    "imdb_embedding_lstm": {"layers": DROPOUT, "optimizer": ADAM},
    "imdb_subword_bidirectional_lstm": {
        "layers": [{"Embedding": {"output_dim": 4, "mask_zero": True}}, {"GRU": {"units": 3}}]
    },
    "imdb_numpy_rnn": {},
}


def short(name: str) -> Params:
    variant = PARAMS.variant(name).model_copy(update={"epochs": 4, "replicates": 2} | CHANGES[name])
    return Params(
        PARAMS.run, PARAMS.corpora, PARAMS.datasets, PARAMS.variants | {name: variant}, {}
    )


def outputs(workspace: Workspace, name: str) -> dict[str, bytes]:
    folders = (workspace.models(name), workspace.predictions(name))
    found = {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}
    return found | {"history": workspace.history(name).read_bytes()}


# Four epochs each of two replicates: within either, between them, before a last epoch.
@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("imdb_embedding_lstm", 1),
        ("imdb_embedding_lstm", 4),
        ("imdb_embedding_lstm", 6),
        ("imdb_subword_bidirectional_lstm", 3),
        ("imdb_numpy_rnn", 1),
        ("imdb_numpy_rnn", 6),
    ],
)
def test_a_killed_training_ends_with_the_bytes_of_an_undisturbed_one(
    results: Workspace, monkeypatch, name: str, after: int
) -> None:
    params = short(name)
    train(results, params, name, lambda _: None)
    expected = outputs(results, name)
    shutil.rmtree(results.checkpoints(name))

    monkeypatch.setattr(checkpoints, "_SECONDS_BETWEEN", 0)
    met: list[int] = []
    take_in = replicate.Progress.__call__

    def killed(self, epoch) -> None:
        if len(met) == after:
            raise KeyboardInterrupt
        met.append(epoch.number)
        take_in(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(replicate.Progress, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            train(results, params, name, lambda _: None)
    said: list[str] = []
    train(results, params, name, said.append)
    assert outputs(results, name) == expected
    assert any("goes on after epoch" in line for line in said)


def test_a_training_that_was_not_logged_is_had_again_at_once(
    results: Workspace, monkeypatch
) -> None:
    params = short("imdb_numpy_rnn")
    train(results, params, "imdb_numpy_rnn", lambda _: None)
    expected = outputs(results, "imdb_numpy_rnn")
    for path in results.models("imdb_numpy_rnn").iterdir():
        path.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(replicate.Progress, "__call__", lambda *_: pytest.fail("it trained"))
        train(results, params, "imdb_numpy_rnn", lambda _: None)
    assert outputs(results, "imdb_numpy_rnn") == expected


@pytest.mark.parametrize("content", [{"input": np.zeros(3)}, {}])
def test_a_checkpoint_that_fits_no_such_model_is_not_used(
    results: Workspace, content: dict[str, np.ndarray]
) -> None:
    name, params = "imdb_numpy_rnn", short("imdb_numpy_rnn")
    train(results, params, name, lambda _: None)
    expected = outputs(results, name)
    told = json.dumps({"rows": [{"epoch": 1}], "seconds": 1.0})
    for number in range(2):
        path = results.checkpoints(name) / f"replicate_{number}.npz"
        np.savez(path, told=np.array(told), **content)
    train(results, params, name, lambda _: None)
    assert outputs(results, name) == expected


def test_a_checkpoint_of_other_settings_is_not_used(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    kept = Checkpoint([{"epoch": 1}], 2.5, {"weights": np.arange(3)})
    Checkpoints(workspace, "any", "first").save(0, kept)
    again = Checkpoints(workspace, "any", "first").load(0)
    assert again is not None
    assert (again.rows, again.seconds, list(again.state["weights"])) == (
        [{"epoch": 1}],
        2.5,
        [0, 1, 2],
    )
    assert Checkpoints(workspace, "any", "second").load(0) is None
    assert Checkpoints(workspace, "any", "first").load(0) is None


def test_a_damaged_checkpoint_is_none(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    found = Checkpoints(workspace, "any", "key")
    (workspace.checkpoints("any") / "replicate_0.npz").write_bytes(b"PK junk")
    assert found.load(0) is None


def test_a_key_changes_with_settings_seeds_and_files(tmp_path) -> None:
    (tmp_path / "x.npy").write_bytes(b"1")
    first = training_key({"epochs": 1}, [42], tmp_path)
    assert training_key({"epochs": 1}, [42], tmp_path) == first
    assert training_key({"epochs": 2}, [42], tmp_path) != first
    assert training_key({"epochs": 1}, [43], tmp_path) != first
    (tmp_path / "x.npy").write_bytes(b"2")
    assert training_key({"epochs": 1}, [42], tmp_path) != first
