"""Input is data and never executed: arrays, models, checkpoints, and names in params.yaml."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from rnnbench import models
from rnnbench.core.errors import RnnbenchError
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.stage import evaluate
from rnnbench.training.checkpoints import Checkpoint, Checkpoints
from tests.frozen import PARAMS, PARAMS_FILE

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
NAME = "imdb_embedding_lstm"


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """The file that a trap creates; the fixture checks that traps work if pickles are allowed."""
    path = tmp_path / "sprung"
    np.save(tmp_path / "trap.npy", np.array([Trap(path)], dtype=object), allow_pickle=True)
    np.load(tmp_path / "trap.npy", allow_pickle=True)
    assert path.exists()
    path.unlink()
    return path


def test_arrays_that_are_pickles_are_rejected_unopened(results: Workspace, sprung: Path) -> None:
    folders = results.prepared("imdb_index_1000"), results.predictions(NAME)
    paths = [path for folder in folders for path in folder.glob("*.npy")]
    assert {path.stem for path in paths} >= {"x", "y", "id", "splits", "evaluation", "last_epoch"}
    for path in paths:
        content = path.read_bytes()
        np.save(path, np.array([Trap(sprung)], dtype=object), allow_pickle=True)
        with pytest.raises(RnnbenchError, match=rf"/{path.name}: not a readable array"):
            evaluate(results, PARAMS, NAME)
        path.write_bytes(content)
    assert not sprung.exists()


@pytest.mark.parametrize("family", ["constant", "linear", "numpy_rnn"])
def test_models_that_hold_pickles_are_rejected_unopened(
    tmp_path: Path, sprung: Path, family: str
) -> None:
    path = tmp_path / "model.npz"
    with path.open("wb") as file:
        trap = np.array([Trap(sprung)], dtype=object)
        names = ("meta", "numbers", "keys", "weights", "input", "recurrent", "ngrams", "bias")
        np.savez(file, allow_pickle=True, **dict.fromkeys(names, trap))
    with pytest.raises(RnnbenchError, match=r"model\.npz"):
        models.model_class(family).load(path)
    assert not sprung.exists()


def test_a_network_that_holds_code_is_rejected_unexecuted(tmp_path: Path, sprung: Path) -> None:
    code = eval(f"lambda x: (open({str(sprung)!r}, 'w').close(), x)[1]")
    network = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(code)])
    sprung.unlink()
    path = tmp_path / "model.keras"
    network.save(path)
    with pytest.raises(RnnbenchError, match=r"model\.keras"):
        models.model_class("keras").load(path)
    assert not sprung.exists()


def test_a_checkpoint_that_holds_a_pickle_is_not_loaded(tmp_path: Path, sprung: Path) -> None:
    checkpoints = Checkpoints(tmp_path, 0, "key")
    checkpoints.save(Checkpoint([], 1.0, {"weights": np.zeros(2)}))
    assert checkpoints.load() is not None
    path = checkpoints.path("npz")
    with np.load(path) as archive:
        arrays = dict(archive)
    with path.open("wb") as file:
        trap = np.array([Trap(sprung)], dtype=object)
        np.savez(file, allow_pickle=True, **dict.fromkeys(arrays, trap))
    assert checkpoints.load() is None
    assert not sprung.exists()


def repro(folder: Path, params: dict, *arguments: str) -> subprocess.CompletedProcess:
    """`dvc repro`, which must fail, in a project with these parameters."""
    for name in (".dvc", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=_not_in_git, dirs_exist_ok=True)
    for name in ("dvc.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    # As `rnnbench check` writes it for a file that it finds valid.
    download = {name: {"input": "data/checked"} for name in params["corpora"]}
    needed = {"family": "models/constant", "code": "data/checked"}
    train = {name: entry | needed for name, entry in params["variants"].items()}
    stages = {"download": download, "train": train, "study": {}}
    plan = {"plan": params | stages | {"studies": {}, "article": {"studies": "data/checked"}}}
    (folder / "plan.json").write_text(json.dumps(plan))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = ["dvc", "repro", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done


def test_no_shell_reads_what_params_yaml_holds(tmp_path: Path) -> None:
    name = "x; touch sprung\ntouch sprung2 $(touch sprung3)"
    # As if check had passed.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "checked").write_text("")
    params = yaml.safe_load(PARAMS_FILE.read_text()) | {"corpora": {name: {}}}
    done = repro(tmp_path, params, "--single-item", f"download@{name}")
    assert "failed to run: rnnbench download, exited with 2" in done.stderr
    assert not list(tmp_path.rglob("sprung*"))


@pytest.mark.parametrize("corpus", ["characters", "unknown"])
def test_a_dataset_whose_name_leads_elsewhere_removes_nothing(tmp_path: Path, corpus: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    params = yaml.safe_load(PARAMS_FILE.read_text())
    dataset = params["datasets"]["characters"] | {"corpus": corpus}
    params["datasets"] = {"../../notes": dataset}
    params["variants"] = {"v": {"model": "constant", "dataset": "../../notes"}}
    done = repro(tmp_path, params, "preprocess@../../notes")
    assert "'../../notes'" in done.stderr
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def _not_in_git(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("cache", "tmp", "__pycache__", "config.local")]
