import json

import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Targets, read_targets
from rnnbench.evaluation.error_analysis import confident_misclassifications
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"
# Of the replicates of the invented training.
SPLITS = (0, 1, 0)


def correct(workspace: Workspace) -> tuple[np.ndarray, Targets]:
    """For each replicate the probability of class 1 of every sample, not of its evaluation part."""
    targets = read_targets(workspace.prepared("imdb_index_1000"))
    return np.tile(np.where(targets.y > 0, 0.8, 0.2), (3, 1)), targets


def save(workspace: Workspace, probability: np.ndarray, targets: Targets) -> None:
    rows = [targets.rows(split, "evaluation") for split in SPLITS]
    parts = np.stack([row[part] for row, part in zip(probability, rows, strict=True)])
    np.save(workspace.predictions(NAME) / "evaluation.npy", parts)


def test_the_most_confident_misclassifications_come_first(results: Workspace) -> None:
    probability, targets = correct(results)
    first, second = np.setdiff1d(targets.rows(0, "evaluation"), targets.rows(1, "evaluation"))[:2]
    for sample, wrong in ((second, 0.99), (first, 0.95)):
        probability[:, sample] = 1 - wrong if targets.y[sample] else wrong
    save(results, probability, targets)
    found = confident_misclassifications(results, PARAMS, NAME)
    assert list(found["sample"]) == [second, first]
    assert list(found["probability"]) == pytest.approx([0.99, 0.95])
    assert (found["label"] != found["predicted"]).all()


def test_the_mean_of_the_replicates_that_evaluated_a_sample_decides(results: Workspace) -> None:
    """Replicates 0 and 2 have the first split, replicate 1 has the second one."""
    probability, targets = correct(results)
    first, second = (set(targets.rows(split, "evaluation")) for split in (0, 1))
    all_three, two, one = (min(s) for s in (first & second, first - second, second - first))
    certain = np.where(targets.y > 0, 0.001, 0.999)
    # Confident and wrong: the mean over three is correct, that over two and over one is wrong.
    for replicate, sample in ((0, all_three), (0, two), (1, one)):
        probability[replicate, sample] = certain[sample]
    probability[2, two] = np.where(targets.y[two] > 0, 0.6, 0.4)
    save(results, probability, targets)
    found = confident_misclassifications(results, PARAMS, NAME).set_index("sample")["probability"]
    assert found.to_dict() == pytest.approx({one: 0.999, two: (0.999 + 0.4) / 2}, abs=1e-4)


def test_the_text_is_the_decoded_input_of_the_model(results: Workspace) -> None:
    path = results.prepared("imdb_index_1000") / "x.npy"
    x = np.load(path)
    x[:, :] = 0
    x[:, -2:] = (4, 5)
    np.save(path, x)
    found = confident_misclassifications(results, PARAMS, NAME)
    assert len(found) == 10
    assert set(found["text"]) == {"the film"}


def test_topics_have_their_names_and_arrays_have_no_words(results: Workspace) -> None:
    found = confident_misclassifications(results, PARAMS, "reuters_lstm")
    assert len(found) == 10
    assert set(found["label"]) <= {"earn", "acq", "grain"}
    assert found["probability"].is_monotonic_decreasing
    assert len(confident_misclassifications(results, PARAMS, "product_gru")) == 0


def test_replicates_that_all_diverged_misclassify_nothing(results: Workspace) -> None:
    path = results.training_record(NAME)
    record = json.loads(path.read_text()) | {"epochs": [None] * 3}
    path.write_text(json.dumps(record))
    np.save(results.predictions(NAME) / "evaluation.npy", np.empty((0, 400), np.float32))
    assert len(confident_misclassifications(results, PARAMS, NAME)) == 0
