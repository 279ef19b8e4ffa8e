import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_samples
from rnnbench.evaluation.error_analysis import COLUMNS, confident_misclassifications
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"


def test_the_surest_wrong_answers_come_first(results: Workspace) -> None:
    folder = results.prepared("imdb_index_1000")
    y = read_samples(folder, "evaluation").y
    chance = np.where(y > 0, 0.8, 0.2)
    for place, wrong in ((7, 0.99), (3, 0.95)):
        chance[place] = 1 - wrong if y[place] else wrong
    np.save(results.predictions(NAME) / "evaluation.npy", np.tile(chance, (3, 1)))
    found = confident_misclassifications(results, PARAMS, NAME)
    assert tuple(found.columns) == COLUMNS
    assert list(found["sample"]) == [7, 3]
    assert list(found["probability"]) == pytest.approx([0.99, 0.95])
    assert (found["label"] != found["answer"]).all()


def test_replicates_are_asked_together(results: Workspace) -> None:
    """One of three is sure of the wrong answer; together they are right."""
    y = read_samples(results.prepared("imdb_index_1000"), "evaluation").y
    chance = np.tile(np.where(y > 0, 0.9, 0.1), (3, 1))
    chance[0] = 1 - chance[0]
    np.save(results.predictions(NAME) / "evaluation.npy", chance)
    assert len(confident_misclassifications(results, PARAMS, NAME)) == 0


def test_a_text_is_told_as_the_words_that_the_model_was_given(results: Workspace) -> None:
    folder = results.prepared("imdb_index_1000")
    x = np.load(folder / "evaluation_x.npy")
    x[:, :] = 0
    x[:, -2:] = (4, 5)
    np.save(folder / "evaluation_x.npy", x)
    found = confident_misclassifications(results, PARAMS, NAME)
    assert len(found) == 10
    assert set(found["text"]) == {"the film"}


def test_topics_have_their_names_and_arrays_have_no_words(results: Workspace) -> None:
    found = confident_misclassifications(results, PARAMS, "reuters_lstm")
    assert set(found["label"]) <= {"earn", "acq", "grain"}
    assert found["probability"].is_monotonic_decreasing
    assert len(confident_misclassifications(results, PARAMS, "product_gru")) == 0
