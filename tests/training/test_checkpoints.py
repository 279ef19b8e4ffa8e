import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.training import checkpoints, replicate
from rnnbench.training.checkpoints import Checkpoint, Checkpoints
from rnnbench.training.outputs import read_training_record
from rnnbench.training.stage import train
from tests.frozen import PARAMS

RNN = {"SimpleRNN": {"units": 3, "dropout": 0.5}}
ADAM = {"Adam": {"learning_rate": 0.01, "use_ema": True}}
CHANGES = {
    "imdb_embedding_lstm": {"layers": [{"Embedding": {"output_dim": 4}}, RNN], "optimizer": ADAM},
    "imdb_subword_bidirectional_lstm": {
        "layers": [{"Embedding": {"output_dim": 4, "mask_zero": True}}, RNN]
    },
    "imdb_numpy_rnn": {},
}


def short(name: str, **others: object) -> Params:
    """A variant with two replicates of three epochs; 400 samples are four whole batches."""
    changes = {"epochs": 3, "replicates": 2, "batch_size": 100} | CHANGES[name] | others
    return replace(PARAMS, variants={name: PARAMS.variant(name).model_copy(update=changes)})


def outputs(workspace: Workspace, name: str) -> dict[str, bytes]:
    folders = (workspace.models(name), workspace.predictions(name))
    found = {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}
    return found | {"history": workspace.history(name).read_bytes()}


@pytest.fixture
def train_killed(results: Workspace, monkeypatch):
    """Trains until some epochs, of all replicates together, have ended; with a checkpoint each."""

    def run(params: Params, name: str, epochs: int) -> None:
        monkeypatch.setattr(checkpoints, "_SECONDS_BETWEEN", 0)
        finished: list[int] = []
        add = replicate.Progress.__call__

        def killed(self, epoch) -> None:
            if len(finished) == epochs:
                raise KeyboardInterrupt
            finished.append(epoch.number)
            add(self, epoch)

        with monkeypatch.context() as patch:
            patch.setattr(replicate.Progress, "__call__", killed)
            with pytest.raises(KeyboardInterrupt):
                train(results, params, name, lambda _: None)

    return run


# Within the first replicate, before the second, within the second.
@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("imdb_numpy_rnn", 1),
        ("imdb_numpy_rnn", 3),
        ("imdb_embedding_lstm", 4),
        pytest.param("imdb_subword_bidirectional_lstm", 4, marks=pytest.mark.full),
    ],
)
def test_a_killed_training_ends_with_the_bytes_of_an_undisturbed_one(
    results: Workspace, train_killed, name: str, epochs: int
) -> None:
    params = short(name)
    train(results, params, name, lambda _: None)
    expected = outputs(results, name)
    shutil.rmtree(results.checkpoints(name))
    train_killed(params, name, epochs)
    lines: list[str] = []
    train(results, params, name, lines.append)
    assert outputs(results, name) == expected
    assert ("replicate 1/2  already trained" in " ".join(lines)) == (epochs >= 3)
    assert ("resuming after epoch 1" in " ".join(lines)) == (epochs != 3)


# With settings whose best epoch is an early one.
@pytest.mark.parametrize(
    ("name", "changes"), [("imdb_numpy_rnn", {"learning_rate": 0.5}), ("imdb_embedding_lstm", {})]
)
def test_a_training_killed_after_its_best_epoch_ends_with_the_weights_of_that_epoch(
    results: Workspace, train_killed, name: str, changes: dict[str, float]
) -> None:
    params = short(name, epochs=5, replicates=1, **changes)
    train(results, params, name, lambda _: None)
    (chosen,) = read_training_record(results, name).epochs
    assert chosen is not None
    assert chosen + 1 < 5
    expected = outputs(results, name)
    shutil.rmtree(results.checkpoints(name))
    train_killed(params, name, chosen + 1)
    lines: list[str] = []
    train(results, params, name, lines.append)
    assert f"resuming after epoch {chosen + 1}" in " ".join(lines)
    assert outputs(results, name) == expected


def test_a_finished_training_with_checkpoints_is_not_repeated(
    results: Workspace, monkeypatch
) -> None:
    name, params = "imdb_numpy_rnn", short("imdb_numpy_rnn")
    train(results, params, name, lambda _: None)
    expected = outputs(results, name)
    shutil.rmtree(results.models(name))
    monkeypatch.setattr(replicate.Progress, "__call__", lambda *_: pytest.fail("it trained"))
    train(results, params, name, lambda _: None)
    assert outputs(results, name) == expected


@pytest.mark.parametrize("content", [{"input": np.zeros(3)}, {}])
def test_a_checkpoint_of_another_model_is_not_used(
    results: Workspace, content: dict[str, np.ndarray]
) -> None:
    name, params = "imdb_numpy_rnn", short("imdb_numpy_rnn")
    train(results, params, name, lambda _: None)
    expected = outputs(results, name)
    for number in range(2):
        path = results.checkpoints(name) / f"replicate_{number}.npz"
        with np.load(path.with_suffix(".result")) as archive:
            key = json.loads(str(archive["json"]))["key"]
        path.with_suffix(".result").unlink()
        scalars = json.dumps({"key": key, "rows": [{"epoch": 1}], "seconds": 1.0})
        np.savez(path, json=np.array(scalars), **content)
    train(results, params, name, lambda _: None)
    assert outputs(results, name) == expected


def test_a_checkpoint_with_another_key_is_not_used(tmp_path) -> None:
    checkpoint = Checkpoint([{"epoch": 1}], 2.5, {"weights": np.arange(3)})
    Checkpoints(tmp_path, 0, "first").save(checkpoint)
    again = Checkpoints(tmp_path, 0, "first").load()
    assert again is not None
    assert (again.rows, again.seconds) == ([{"epoch": 1}], 2.5)
    assert list(again.arrays["weights"]) == [0, 1, 2]
    assert Checkpoints(tmp_path, 0, "second").load() is None
    assert Checkpoints(tmp_path, 1, "first").load() is None


def test_a_damaged_file_is_no_checkpoint_and_no_result(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path, 0, "key")
    for suffix in ("npz", "result"):
        checkpoints.path(suffix).write_bytes(b"PK junk")
    assert checkpoints.load() is None
    assert checkpoints.load_result(tmp_path / "model") is None


def test_a_result_without_its_model_is_not_used(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path / "files", 0, "key")
    result = Checkpoint([{"epoch": 1}], 2.5, {"evaluation": np.zeros(3, np.float32)}, 7)
    (tmp_path / "model").write_bytes(b"weights")
    checkpoints.save_result(result, tmp_path / "model")
    copy = tmp_path / "copy"
    assert checkpoints.load_result(copy) is not None
    assert copy.read_bytes() == b"weights"
    checkpoints.path("model").unlink()
    assert checkpoints.load_result(copy) is None
