import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_samples
from rnnbench.evaluation.error_analysis import confident_misclassifications
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"


def test_the_most_confident_misclassifications_come_first(results: Workspace) -> None:
    y = read_samples(results.prepared("imdb_index_1000"), "evaluation").y
    probability = np.where(y > 0, 0.8, 0.2)
    for place, wrong in ((7, 0.99), (3, 0.95)):
        probability[place] = 1 - wrong if y[place] else wrong
    np.save(results.predictions(NAME) / "evaluation.npy", np.tile(probability, (3, 1)))
    found = confident_misclassifications(results, PARAMS, NAME)
    assert list(found["sample"]) == [7, 3]
    assert list(found["probability"]) == pytest.approx([0.99, 0.95])
    assert (found["label"] != found["predicted"]).all()


def test_the_mean_of_the_replicates_decides(results: Workspace) -> None:
    """One of three replicates is confident and wrong; their mean is correct."""
    y = read_samples(results.prepared("imdb_index_1000"), "evaluation").y
    probability = np.tile(np.where(y > 0, 0.9, 0.1), (3, 1))
    probability[0] = 1 - probability[0]
    np.save(results.predictions(NAME) / "evaluation.npy", probability)
    assert len(confident_misclassifications(results, PARAMS, NAME)) == 0


def test_the_text_is_the_decoded_input_of_the_model(results: Workspace) -> None:
    path = results.prepared("imdb_index_1000") / "evaluation_x.npy"
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
    np.save(results.predictions(NAME) / "evaluation.npy", np.empty((0, 400), np.float32))
    assert len(confident_misclassifications(results, PARAMS, NAME)) == 0
