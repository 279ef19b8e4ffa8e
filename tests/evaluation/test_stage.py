import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.schema import write_json
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import DUPLICATE, read_further, read_summary, read_targets
from rnnbench.evaluation.outputs import read_replicates
from rnnbench.evaluation.stage import evaluate
from tests.diverged import diverge
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"
# One variant of each kind of target, and one that reads whole texts.
KINDS = (NAME, "imdb_ngrams_linear", "reuters_lstm", "product_gru", "characters_simple_rnn")


@pytest.fixture
def workspace(results) -> Workspace:
    return results


def save(workspace: Workspace, name: str, predictions: np.ndarray) -> None:
    np.save(workspace.predictions(name) / "evaluation.npy", predictions)


def evaluated(workspace: Workspace, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets of the three replicates, shape (3, 400)."""
    targets = read_targets(workspace.prepared(PARAMS.variant(name).dataset))
    splits = [replicate % len(targets.splits) for replicate in range(3)]
    y = np.stack([targets.y[targets.rows(split, "evaluation")] for split in splits])
    return np.load(workspace.predictions(name) / "evaluation.npy"), y


def mean_over_splits(by_replicate: np.ndarray) -> float:
    """Replicates 0 and 2 have the first split, replicate 1 has the second one."""
    return (by_replicate[[0, 2]].mean() + by_replicate[1]) / 2


def test_scores_are_means_over_the_splits_of_means_over_the_seeds(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    predictions, y = evaluated(workspace, NAME)
    by_replicate = ((predictions > 0.5) == y).mean(axis=1)
    assert scores.accuracy == pytest.approx(mean_over_splits(by_replicate), abs=1e-5)
    assert scores.accuracy != pytest.approx(by_replicate.mean(), abs=1e-5)
    assert scores.accuracy_sd == pytest.approx(by_replicate.std(ddof=1), abs=1e-5)
    last = ((np.load(workspace.predictions(NAME) / "last_epoch.npy") > 0.5) == y).mean(axis=1)
    assert scores.last_accuracy == pytest.approx(mean_over_splits(last), abs=1e-5)
    assert (scores.evaluation_samples, scores.replicates) == (400, 3)


def test_the_mean_of_losses_is_a_geometric_one(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    predictions, y = evaluated(workspace, NAME)
    losses = [log_loss(of, p.astype(float)) for of, p in zip(y, predictions, strict=True)]
    assert scores.loss == pytest.approx(np.exp(mean_over_splits(np.log(losses))), rel=1e-5)
    assert scores.loss != pytest.approx(mean_over_splits(np.array(losses)), rel=1e-5)


def test_there_is_one_row_per_replicate(workspace: Workspace) -> None:
    evaluate(workspace, PARAMS, NAME)
    table = read_replicates(workspace, NAME)
    assert table["replicate"].tolist() == [0, 1, 2]
    assert table["seed"].tolist() == [42, 43, 44]
    assert table["split"].tolist() == [0, 1, 0]
    assert (table["epoch"].tolist(), table["epochs"].tolist()) == ([1] * 3, [2] * 3)
    predictions, y = evaluated(workspace, NAME)
    last = np.load(workspace.predictions(NAME) / "last_epoch.npy")
    expected = {
        "accuracy": ((predictions > 0.5) == y).mean(axis=1),
        "last_accuracy": ((last > 0.5) == y).mean(axis=1),
        "roc_auc": [roc_auc_score(of, p) for of, p in zip(y, predictions, strict=True)],
        "brier": ((predictions - y) ** 2).mean(axis=1),
        # As invented in the history and in the record.
        "curve_accuracy": [0.515, 0.615, 0.715],
        "curve_loss": [0.5, 0.5, 0.5],
        "training_accuracy": [0.95, 0.9, 0.85],
        "training_loss": [0.25, 0.3, 0.35],
    }
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, atol=1e-5, err_msg=column)
    loss = np.array([log_loss(of, p.astype(float)) for of, p in zip(y, predictions, strict=True)])
    np.testing.assert_allclose(table["loss"], loss, atol=1e-5)


def test_the_distinct_accuracy_leaves_duplicates_out(workspace: Workspace) -> None:
    predictions, y = evaluated(workspace, NAME)
    path = workspace.prepared("imdb_index_1000") / "splits.npy"
    splits = np.load(path)
    (samples,) = np.nonzero(splits[1] & 4)
    splits[1, samples[:100]] |= DUPLICATE
    np.save(path, splits)
    evaluate(workspace, PARAMS, NAME)
    hits = (predictions > 0.5) == y
    expected = [hits[0].mean(), hits[1, 100:].mean(), hits[2].mean()]
    np.testing.assert_allclose(
        read_replicates(workspace, NAME)["distinct_accuracy"], expected, atol=1e-6
    )


def test_a_diverged_replicate_has_no_row_and_keeps_the_others_apart(workspace: Workspace) -> None:
    evaluate(workspace, PARAMS, NAME)
    before = read_replicates(workspace, NAME)
    diverge(workspace, NAME, 0)
    scores = evaluate(workspace, PARAMS, NAME)
    found = read_replicates(workspace, NAME)
    pd.testing.assert_frame_equal(found, before[1:].reset_index(drop=True))
    assert (scores.replicates, scores.diverged, scores.accuracy_sd) == (2, 1, None)


@pytest.mark.parametrize("content", [None, "", "replicate,accuracy\n0,0.5\n"])
def test_a_damaged_table_of_replicates_is_reported(
    workspace: Workspace, content: str | None
) -> None:
    path = workspace.replicates(NAME)
    if content is not None:
        path.parent.mkdir(parents=True)
        path.write_text(content)
    with pytest.raises(DataError, match=rf"replicates/{NAME}\.csv: not readable"):
        read_replicates(workspace, NAME)


def test_files_have_the_same_keys_for_every_target(workspace: Workspace) -> None:
    keys = set()
    for name in KINDS:
        evaluate(workspace, PARAMS, name)
        keys.add(tuple(json.loads(workspace.scores(name).read_text())))
    assert len(keys) == 1


def test_the_same_predictions_give_the_same_bytes(workspace: Workspace) -> None:
    paths = [
        path(NAME)
        for path in (workspace.scores, workspace.replicates, workspace.misclassifications)
    ]
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


def test_predictions_that_are_no_numbers_are_scored_as_the_prior_and_reported(
    workspace: Workspace,
) -> None:
    for kind, samples in (("evaluation", [7]), ("rotten_tomatoes", range(100, 107))):
        path = workspace.predictions(NAME) / f"{kind}.npy"
        predictions = np.load(path)
        predictions[1:, samples] = np.nan
        np.save(path, predictions)
    lines: list[str] = []
    scores = evaluate(workspace, PARAMS, NAME, lines.append)
    targets = read_targets(workspace.prepared("imdb_index_1000"))
    ids = sorted(int(targets.id[targets.rows(split, "evaluation")[7]]) for split in (0, 1))
    (line,) = lines
    assert line.startswith(f"{NAME}  the training part's prior")
    assert f"2 of 1,200 predictions of evaluation (samples {ids[0]}, {ids[1]});" in line
    named = "(samples 100, 101, 102, 103, 104 and 2 others)"
    assert f"14 of 1,200 predictions of rotten_tomatoes {named}" in line
    assert (scores.replicates, scores.diverged) == (3, 0)
    predictions, y = evaluated(workspace, NAME)
    shares = [targets.y[targets.rows(split, "train")].mean() for split in (0, 1, 0)]
    losses = [
        log_loss(of, np.where(np.isnan(p), share, p.astype(float)))
        for of, p, share in zip(y, predictions, shares, strict=True)
    ]
    np.testing.assert_allclose(read_replicates(workspace, NAME)["loss"], losses, atol=1e-5)


def test_nothing_is_reported_if_all_predictions_are_numbers(workspace: Workspace) -> None:
    evaluate(workspace, PARAMS, NAME, pytest.fail)


def test_predictions_of_another_number_of_replicates_are_refused(workspace: Workspace) -> None:
    save(workspace, NAME, np.load(workspace.predictions(NAME) / "evaluation.npy")[:2])
    with pytest.raises(DataError, match="predictions of 2 replicates"):
        evaluate(workspace, PARAMS, NAME)


@pytest.mark.parametrize("name", KINDS)
def test_replicates_that_all_diverged_leave_no_score(workspace: Workspace, name: str) -> None:
    diverge(workspace, name, 0, 1, 2)
    for file in workspace.predictions(name).glob("*.npy"):
        np.save(file, np.empty((0, 400), np.float32))
    scores = evaluate(workspace, PARAMS, name)
    assert (scores.accuracy, scores.last_accuracy, scores.further_accuracy) == (None, None, {})
    assert (scores.replicates, scores.diverged) == (0, 3)
    assert read_replicates(workspace, name).empty


def test_numbers_are_scored_by_their_errors_and_within_a_tolerance(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, "product_gru")
    prediction, y = evaluated(workspace, "product_gru")
    losses = np.log(((prediction - y) ** 2).mean(axis=1))
    assert scores.loss == pytest.approx(np.exp(mean_over_splits(losses)), rel=1e-5)
    errors = np.abs(prediction - y)
    assert scores.mae == pytest.approx(mean_over_splits(errors.mean(axis=1)), rel=1e-5)
    within = (errors <= 0.04).mean(axis=1)
    assert scores.accuracy == pytest.approx(mean_over_splits(within), rel=1e-5)
    assert scores.solved == 0


def test_a_replicate_with_an_accuracy_of_90_percent_has_solved_its_task(
    workspace: Workspace,
) -> None:
    _, y = evaluated(workspace, "product_gru")
    prediction = y.copy()
    prediction[1, :40] += 1
    prediction[2, :41] += 1
    save(workspace, "product_gru", prediction)
    assert evaluate(workspace, PARAMS, "product_gru").solved == pytest.approx(2 / 3, abs=1e-6)


def test_further_sets_are_scored_too(workspace: Workspace) -> None:
    scores = evaluate(workspace, PARAMS, NAME)
    prediction = np.load(workspace.predictions(NAME) / "rotten_tomatoes.npy")
    y = read_further(workspace.prepared("imdb_index_1000"), "rotten_tomatoes").y
    accuracy = ((prediction > 0.5) == y).mean(axis=1)
    expected = {"rotten_tomatoes": mean_over_splits(accuracy)}
    assert scores.further_accuracy == pytest.approx(expected, abs=1e-5)
    table = read_replicates(workspace, NAME)
    np.testing.assert_allclose(table["on_rotten_tomatoes"], accuracy, atol=1e-5)
    assert evaluate(workspace, PARAMS, "reuters_lstm").further_accuracy == {}


def test_counts_of_the_dataset_are_those_of_its_summary(workspace: Workspace) -> None:
    folder = workspace.prepared("imdb_index_1000")
    changed = read_summary(folder).model_copy(update={"also_in_training": 7.5})
    write_json(folder / "summary.json", changed)
    scores = evaluate(workspace, PARAMS, NAME)
    assert (scores.also_in_training, scores.protocol, scores.splits) == (7.5, "by_film", 2)
    sizes = scores.training_samples, scores.validation_samples, scores.evaluation_samples
    assert sizes == (400, 100, 400)


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
