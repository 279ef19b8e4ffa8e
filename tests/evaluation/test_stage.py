import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import log_loss

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Samples, write_samples
from rnnbench.data.ragged import Ragged
from rnnbench.evaluation.stage import evaluate
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"


@pytest.fixture
def workspace(results) -> Workspace:
    return results


def test_scores_are_those_of_the_predictions(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    predictions = np.load(workspace.predictions(NAME) / "evaluation.npy")
    y = np.load(workspace.prepared("imdb_index_1000") / "evaluation_y.npy")
    by_replicate = ((predictions > 0.5) == y).mean(axis=1)
    assert scores.accuracy == pytest.approx(by_replicate.mean(), abs=1e-6)
    assert scores.accuracy_sd == pytest.approx(by_replicate.std(ddof=1), abs=1e-6)
    losses = [log_loss(y, p.astype(float)) for p in predictions]
    assert scores.loss == pytest.approx(np.mean(losses), abs=1e-5)
    assert (scores.evaluation_samples, scores.replicates) == (400, 3)


def test_the_file_is_flat_and_the_same_each_time(workspace: Workspace) -> None:
    evaluate(workspace, PARAMS, NAME)
    first = workspace.scores(NAME).read_bytes()
    evaluate(workspace, PARAMS, NAME)
    assert workspace.scores(NAME).read_bytes() == first
    assert all(isinstance(v, int | float | str) for v in json.loads(first).values())


def test_predictions_for_other_samples_are_refused(workspace: Workspace) -> None:
    np.save(workspace.predictions(NAME) / "evaluation.npy", np.zeros((3, 399)))
    with pytest.raises(DataError, match="399"):
        evaluate(workspace, PARAMS, NAME)


def test_damaged_predictions_are_told(workspace: Workspace) -> None:
    (workspace.predictions(NAME) / "evaluation.npy").write_bytes(b"junk")
    with pytest.raises(DataError, match=rf"{NAME}/evaluation\.npy"):
        evaluate(workspace, PARAMS, NAME)


def test_a_prediction_that_is_no_number_is_told(workspace: Workspace) -> None:
    path = workspace.predictions(NAME) / "evaluation.npy"
    prediction = np.load(path)
    prediction[0, 0] = np.nan
    np.save(path, prediction)
    with pytest.raises(DataError, match="no numbers"):
        evaluate(workspace, PARAMS, NAME)


def test_every_task_has_the_same_keys(workspace: Workspace) -> None:
    for name in PARAMS.variants:
        evaluate(workspace, PARAMS, name)
    keys = {tuple(json.loads(workspace.scores(name).read_text())) for name in PARAMS.variants}
    assert len(keys) == 1


def test_numbers_are_scored_by_their_squared_error_and_by_hits(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, "product_gru")
    prediction = np.load(workspace.predictions("product_gru") / "evaluation.npy")
    y = np.load(workspace.prepared("product") / "evaluation_y.npy")
    assert scores.loss == pytest.approx(np.mean((prediction - y) ** 2), abs=1e-6)
    hits = (np.abs(prediction - y) <= 0.04).mean(axis=1)
    assert scores.accuracy == pytest.approx(hits.mean(), abs=1e-6)
    assert scores.solved == 0


def test_a_replicate_is_solved_from_nine_hits_in_ten(workspace: Workspace) -> None:
    path = workspace.predictions("product_gru") / "evaluation.npy"
    y = np.load(workspace.prepared("product") / "evaluation_y.npy")
    prediction = np.tile(y, (3, 1))
    prediction[1, :40] += 1
    prediction[2, :41] += 1
    np.save(path, prediction)
    assert evaluate(workspace, PARAMS, "product_gru").solved == pytest.approx(2 / 3, abs=1e-6)


def test_answers_of_another_number_of_replicates_are_refused(workspace: Workspace) -> None:
    path = workspace.predictions(NAME) / "evaluation.npy"
    np.save(path, np.load(path)[:2])
    with pytest.raises(DataError, match="answers of 2 replicates"):
        evaluate(workspace, PARAMS, NAME)


def test_texts_from_outside_are_scored_too(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    prediction = np.load(workspace.predictions(NAME) / "rotten_tomatoes.npy")
    y = np.load(workspace.prepared("imdb_index_1000") / "rotten_tomatoes_y.npy")
    expected = ((prediction > 0.5) == y).mean()
    assert scores.out_of_domain_accuracy == pytest.approx(expected, abs=1e-6)
    assert evaluate(workspace, PARAMS, "reuters_lstm").out_of_domain_accuracy is None


def test_samples_that_training_had_too_are_counted(workspace: Workspace) -> None:
    folder = workspace.prepared("imdb_index_1000")
    assert evaluate(workspace, PARAMS, NAME).also_in_training == 0
    x = np.load(folder / "evaluation_x.npy")
    x[:3] = np.load(folder / "train_x.npy")[7]
    np.save(folder / "evaluation_x.npy", x)
    assert evaluate(workspace, PARAMS, NAME).also_in_training == 3


def test_whole_texts_that_training_had_too_are_counted(workspace: Workspace) -> None:
    folder = workspace.prepared("imdb_words")
    texts = [np.array([1, 2]), np.array([2, 1]), np.array([1]), np.array([1, 2])]
    for split, chosen in (("train", texts[:1]), ("evaluation", texts)):
        y = np.zeros(len(chosen), np.uint8)
        samples = Samples(Ragged.of(chosen, 3), y, np.arange(len(chosen), dtype=np.int32))
        write_samples(folder, split, samples)
    name = "imdb_ngrams_linear"
    path = workspace.predictions(name) / "evaluation.npy"
    np.save(path, np.load(path)[:, :4])
    assert evaluate(workspace, PARAMS, name).also_in_training == 2


def test_an_unknown_variant_gets_the_nearest_name(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'imdb_embedding_lstm'"):
        evaluate(workspace, PARAMS, "imdb_embeding_lstm")


def test_evaluating_and_reporting_import_neither_tensorflow_nor_mlflow() -> None:
    code = (
        "import sys, rnnbench.evaluation.stage, rnnbench.report.stage\n"
        "print({'tensorflow', 'keras', 'mlflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
