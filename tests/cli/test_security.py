"""What comes from outside is data: it is never run."""

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
from rnnbench.data.format import read_meta, read_samples
from rnnbench.evaluation.stage import evaluate
from rnnbench.training.checkpoints import Checkpoints
from rnnbench.training.outputs import read_predictions
from tests.frozen import PARAMS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
NAME = "imdb_embedding_lstm"


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def sprung(tmp_path: Path) -> Path:
    """The file that a trap makes; a trap works where pickles are allowed."""
    path = tmp_path / "sprung"
    np.save(tmp_path / "trap.npy", np.array([Trap(path)], dtype=object), allow_pickle=True)
    np.load(tmp_path / "trap.npy", allow_pickle=True)
    assert path.exists()
    path.unlink()
    return path


def test_arrays_that_are_pickles_are_refused_unopened(results: Workspace, sprung: Path) -> None:
    trap = np.array([Trap(sprung)], dtype=object)
    folder = results.prepared("imdb_index_1000")
    samples, meta = read_samples(folder, "evaluation"), read_meta(folder)
    answers = results.predictions(NAME) / "evaluation.npy"
    np.save(answers, trap, allow_pickle=True)
    with pytest.raises(RnnbenchError, match=r"evaluation\.npy"):
        read_predictions(results, NAME, "evaluation", meta, samples)
    for part in ("x", "y", "id"):
        np.save(folder / f"evaluation_{part}.npy", trap, allow_pickle=True)
        with pytest.raises(RnnbenchError, match=rf"evaluation_{part}\.npy"):
            evaluate(results, PARAMS, NAME)
        np.save(folder / f"evaluation_{part}.npy", getattr(samples, part))
    assert not sprung.exists()


@pytest.mark.parametrize("family", ["constant", "linear", "numpy_rnn"])
def test_models_that_hold_pickles_are_refused_unopened(
    tmp_path: Path, sprung: Path, family: str
) -> None:
    path = tmp_path / "model.npz"
    with path.open("wb") as file:
        trap = np.array([Trap(sprung)], dtype=object)
        names = ("meta", "numbers", "keys", "weights", "input", "recurrent", "ngrams", "bias")
        np.savez(file, allow_pickle=True, **dict.fromkeys(names, trap))
    with pytest.raises(RnnbenchError, match=r"model\.npz"):
        models.load(family).model_class().load(path)
    assert not sprung.exists()


def test_a_network_that_holds_code_is_refused_unrun(tmp_path: Path, sprung: Path) -> None:
    code = eval(f"lambda x: (open({str(sprung)!r}, 'w').close(), x)[1]")
    network = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(code)])
    sprung.unlink()
    path = tmp_path / "model.keras"
    network.save(path)
    with pytest.raises(RnnbenchError, match=r"model\.keras"):
        models.load("keras").model_class().load(path)
    assert not sprung.exists()


def test_a_checkpoint_that_is_a_pickle_is_not_taken(tmp_path: Path, sprung: Path) -> None:
    workspace = Workspace(tmp_path)
    checkpoints = Checkpoints(workspace, NAME, "key")
    with (workspace.checkpoints(NAME) / "replicate_0.npz").open("wb") as file:
        np.savez(file, told=np.array([Trap(sprung)], dtype=object), allow_pickle=True)
    assert checkpoints.load(0) is None
    assert not sprung.exists()


def repro(folder: Path, params: dict, *arguments: str) -> subprocess.CompletedProcess:
    """`dvc repro` in a project with these parameters; nothing may run well there."""
    for name in (".dvc", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=_not_in_git, dirs_exist_ok=True)
    shutil.copy(ROOT / "dvc.yaml", folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = ["dvc", "repro", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done


@pytest.mark.parametrize("name", ["x; touch sprung", "x\ntouch sprung", "x$(touch sprung)"])
def test_no_shell_reads_what_params_yaml_holds(tmp_path: Path, name: str) -> None:
    # A check that has passed before.
    for file in ("data/checked",):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    params = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"corpora": {name: {}}}
    done = repro(tmp_path, params, "--single-item", f"download@{name}")
    assert "there is no corpus" in done.stderr
    assert not list(tmp_path.rglob("sprung*"))


def test_nothing_is_removed_for_a_name_that_leads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["datasets"]["../../notes"] = params["datasets"]["characters"]
    done = repro(tmp_path, params, "preprocess@../../notes")
    assert "'../../notes'" in done.stderr
    assert (tmp_path / "notes" / "mine.txt").read_text() == "mine"


def _not_in_git(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("cache", "tmp", "__pycache__", "config.local")]
