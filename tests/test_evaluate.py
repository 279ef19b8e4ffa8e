import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import log_loss

from rnnbench.errors import DataError, UnknownNameError
from rnnbench.evaluate import evaluate
from rnnbench.params import load_params
from rnnbench.workspace import Workspace

NAME = "imdb_embedding_lstm"
PARAMS = load_params()


@pytest.fixture
def workspace(results) -> Workspace:
    return results


def test_scores_are_those_of_the_predictions(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    predictions = np.load(workspace.predictions(NAME))
    y = np.load(workspace.prepared("imdb_index_1000") / "evaluation_y.npy")
    by_replicate = ((predictions > 0.5) == y).mean(axis=1)
    assert scores["accuracy"] == pytest.approx(by_replicate.mean(), abs=1e-6)
    assert scores["accuracy_sd"] == pytest.approx(by_replicate.std(ddof=1), abs=1e-6)
    losses = [log_loss(y, p.astype(float)) for p in predictions]
    assert scores["loss"] == pytest.approx(np.mean(losses), abs=1e-5)
    assert scores["accuracy_low"] < scores["accuracy"] < scores["accuracy_high"]
    assert (scores["evaluation_samples"], scores["replicates"]) == (400, 3)


def test_the_file_is_flat_and_the_same_each_time(workspace: Workspace) -> None:
    evaluate(workspace, PARAMS, NAME)
    first = workspace.scores(NAME).read_bytes()
    evaluate(workspace, PARAMS, NAME)
    assert workspace.scores(NAME).read_bytes() == first
    assert all(isinstance(v, int | float) for v in json.loads(first).values())


def test_predictions_for_other_samples_are_refused(workspace: Workspace) -> None:
    np.save(workspace.predictions(NAME), np.zeros((3, 399)))
    with pytest.raises(DataError, match="399"):
        evaluate(workspace, PARAMS, NAME)


def test_damaged_predictions_are_told(workspace: Workspace) -> None:
    workspace.predictions(NAME).write_bytes(b"junk")
    with pytest.raises(DataError, match=f"{NAME}.npy"):
        evaluate(workspace, PARAMS, NAME)


def test_an_unknown_variant_gets_the_nearest_name(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'imdb_embedding_lstm'"):
        evaluate(workspace, PARAMS, "imdb_embeding_lstm")


def test_evaluating_and_reporting_import_neither_tensorflow_nor_mlflow() -> None:
    code = (
        "import sys, rnnbench.evaluate, rnnbench.report\n"
        "print({'tensorflow', 'keras', 'mlflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
