import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import log_loss

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.schema import write_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_summary
from rnnbench.evaluation.stage import evaluate
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"
# One variant of each kind of target, and one that reads whole texts.
KINDS = (NAME, "imdb_ngrams_linear", "reuters_lstm", "product_gru", "characters_simple_rnn")


@pytest.fixture
def workspace(results) -> Workspace:
    return results


def save(workspace: Workspace, name: str, predictions: np.ndarray) -> None:
    np.save(workspace.predictions(name) / "evaluation.npy", predictions)


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


def test_files_are_flat_with_the_same_keys_for_every_target(workspace: Workspace) -> None:
    keys = set()
    for name in KINDS:
        evaluate(workspace, PARAMS, name)
        content = json.loads(workspace.scores(name).read_text())
        assert all(isinstance(v, int | float | str | None) for v in content.values())
        keys.add(tuple(content))
    assert len(keys) == 1


def test_the_same_predictions_give_the_same_bytes(workspace: Workspace) -> None:
    paths = workspace.scores(NAME), workspace.misclassifications(NAME)
    evaluate(workspace, PARAMS, NAME)
    first = [path.read_bytes() for path in paths]
    evaluate(workspace, PARAMS, NAME)
    assert [path.read_bytes() for path in paths] == first


def test_every_variant_has_a_file_of_misclassifications(workspace: Workspace) -> None:
    rows = {}
    for name in KINDS:
        evaluate(workspace, PARAMS, name)
        rows[name] = len(workspace.misclassifications(name).read_text().splitlines()) - 1
    assert rows == dict.fromkeys(KINDS, 10) | {"product_gru": 0, "characters_simple_rnn": 0}


def test_predictions_for_other_samples_are_refused(workspace: Workspace) -> None:
    save(workspace, NAME, np.zeros((3, 399)))
    with pytest.raises(DataError, match="399"):
        evaluate(workspace, PARAMS, NAME)


def test_damaged_predictions_are_reported(workspace: Workspace) -> None:
    (workspace.predictions(NAME) / "evaluation.npy").write_bytes(b"junk")
    with pytest.raises(DataError, match=rf"{NAME}/evaluation\.npy"):
        evaluate(workspace, PARAMS, NAME)


def test_predictions_that_are_not_finite_are_refused(workspace: Workspace) -> None:
    predictions = np.load(workspace.predictions(NAME) / "evaluation.npy")
    predictions[1, 7] = np.nan
    save(workspace, NAME, predictions)
    with pytest.raises(DataError, match=rf"{NAME}/evaluation\.npy: .* not finite"):
        evaluate(workspace, PARAMS, NAME)


def test_predictions_of_another_number_of_replicates_are_refused(workspace: Workspace) -> None:
    save(workspace, NAME, np.load(workspace.predictions(NAME) / "evaluation.npy")[:2])
    with pytest.raises(DataError, match="predictions of 2 replicates"):
        evaluate(workspace, PARAMS, NAME)


def test_replicates_that_all_diverged_leave_no_score(workspace: Workspace) -> None:
    for split in ("evaluation", "rotten_tomatoes"):
        np.save(workspace.predictions(NAME) / f"{split}.npy", np.empty((0, 400), np.float32))
    path = workspace.training_record(NAME)
    record = json.loads(path.read_text()) | {"diverged": {"0": 1, "1": 2, "2": 1}}
    path.write_text(json.dumps(record))
    scores = evaluate(workspace, PARAMS, NAME)
    assert (scores.accuracy, scores.roc_auc, scores.out_of_domain_accuracy) == (None, None, None)
    assert (scores.replicates, scores.diverged) == (0, 3)


def test_numbers_are_scored_by_their_errors_and_within_a_tolerance(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, "product_gru")
    prediction = np.load(workspace.predictions("product_gru") / "evaluation.npy")
    y = np.load(workspace.prepared("product") / "evaluation_y.npy")
    assert scores.loss == pytest.approx(np.mean((prediction - y) ** 2), abs=1e-6)
    assert scores.mae == pytest.approx(np.mean(np.abs(prediction - y)), abs=1e-6)
    within = (np.abs(prediction - y) <= 0.04).mean(axis=1)
    assert scores.accuracy == pytest.approx(within.mean(), abs=1e-6)
    assert scores.solved == 0


def test_a_replicate_with_an_accuracy_of_90_percent_has_solved_its_task(
    workspace: Workspace,
) -> None:
    y = np.load(workspace.prepared("product") / "evaluation_y.npy")
    prediction = np.tile(y, (3, 1))
    prediction[1, :40] += 1
    prediction[2, :41] += 1
    save(workspace, "product_gru", prediction)
    assert evaluate(workspace, PARAMS, "product_gru").solved == pytest.approx(2 / 3, abs=1e-6)


def test_the_out_of_domain_test_set_is_scored_too(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    prediction = np.load(workspace.predictions(NAME) / "rotten_tomatoes.npy")
    y = np.load(workspace.prepared("imdb_index_1000") / "rotten_tomatoes_y.npy")
    expected = ((prediction > 0.5) == y).mean()
    assert scores.out_of_domain_accuracy == pytest.approx(expected, abs=1e-6)
    assert evaluate(workspace, PARAMS, "reuters_lstm").out_of_domain_accuracy is None


def test_counts_of_the_dataset_are_those_of_its_summary(workspace: Workspace) -> None:
    folder = workspace.prepared("imdb_index_1000")
    changed = read_summary(folder).model_copy(update={"also_in_training": 7})
    write_json(folder / "summary.json", changed)
    scores = evaluate(workspace, PARAMS, NAME)
    assert (scores.also_in_training, scores.training_samples) == (7, 400)


def test_an_unknown_variant_gets_the_nearest_name(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'imdb_embedding_lstm'"):
        evaluate(workspace, PARAMS, "imdb_embeding_lstm")


def test_evaluating_and_reporting_import_neither_tensorflow_nor_mlflow() -> None:
    code = (
        "import sys, rnnbench.evaluation.stage, rnnbench.report.stage, rnnbench.report.article\n"
        "import rnnbench.report.costs\n"
        "print({'tensorflow', 'keras', 'mlflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
