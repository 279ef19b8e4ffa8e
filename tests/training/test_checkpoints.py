import json
import shutil

import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.training import checkpoints, replicate
from rnnbench.training.checkpoints import Checkpoint, Checkpoints, Result, training_key
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
    epochs: list[int] = []
    add = replicate.Progress.__call__

    def killed(self, epoch) -> None:
        if len(epochs) == after:
            raise KeyboardInterrupt
        epochs.append(epoch.number)
        add(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(replicate.Progress, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            train(results, params, name, lambda _: None)
    lines: list[str] = []
    train(results, params, name, lines.append)
    assert outputs(results, name) == expected
    # 4 epochs have ended the first replicate, but its result may not have been written.
    assert any("resuming after epoch" in line or "already trained" in line for line in lines)


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
    scalars = json.dumps({"rows": [{"epoch": 1}], "seconds": 1.0})
    for number in range(2):
        path = results.checkpoints(name) / f"replicate_{number}.npz"
        path.with_suffix(".result").unlink()
        np.savez(path, json=np.array(scalars), **content)
    train(results, params, name, lambda _: None)
    assert outputs(results, name) == expected


def test_a_checkpoint_with_another_key_is_not_used(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    checkpoint = Checkpoint([{"epoch": 1}], 2.5, {"weights": np.arange(3)})
    Checkpoints(workspace, "any", "first").save(0, checkpoint)
    again = Checkpoints(workspace, "any", "first").load(0)
    assert again is not None
    assert (again.rows, again.seconds) == ([{"epoch": 1}], 2.5)
    assert list(again.state["weights"]) == [0, 1, 2]
    assert Checkpoints(workspace, "any", "second").load(0) is None
    assert Checkpoints(workspace, "any", "first").load(0) is None


def test_a_damaged_file_is_no_checkpoint_and_no_result(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    checkpoints = Checkpoints(workspace, "any", "key")
    for suffix in ("npz", "result"):
        (workspace.checkpoints("any") / f"replicate_0.{suffix}").write_bytes(b"PK junk")
    assert checkpoints.load(0) is None
    assert checkpoints.load_result(0, tmp_path / "model") is None


def test_a_result_without_its_model_is_not_used(tmp_path) -> None:
    workspace = Workspace(tmp_path)
    checkpoints = Checkpoints(workspace, "any", "key")
    result = Result([{"epoch": 1}], 2.5, 7, None, {"evaluation": np.zeros(3, np.float32)})
    (tmp_path / "model").write_bytes(b"weights")
    checkpoints.save_result(0, result, tmp_path / "model")
    copy = tmp_path / "copy"
    assert checkpoints.load_result(0, copy) is not None
    assert copy.read_bytes() == b"weights"
    (workspace.checkpoints("any") / "replicate_0.model").unlink()
    assert checkpoints.load_result(0, copy) is None


def test_a_key_changes_with_settings_seeds_and_data(tmp_path) -> None:
    (tmp_path / "x.npy").write_bytes(b"1")
    settings = PARAMS.variant("imdb_numpy_rnn")
    first = training_key(settings, [42], tmp_path)
    assert training_key(settings.model_copy(update={"replicates": 9}), [42], tmp_path) == first
    assert training_key(settings.model_copy(update={"epochs": 9}), [42], tmp_path) != first
    assert training_key(settings, [43], tmp_path) != first
    (tmp_path / "x.npy").write_bytes(b"2")
    assert training_key(settings, [42], tmp_path) != first
