import numpy as np
import pytest
from sklearn import metrics

from rnnbench.data.format import Meta
from rnnbench.evaluation.metrics import scores

OF_ALL = {"accuracy", "accuracy_sd", "loss", "loss_sd", "solved"}


def meta(target: str, classes: tuple[str, ...] = ()) -> Meta:
    return Meta(
        corpus="any",
        encoding="index",
        target=target,
        classes=classes,
        shape=(3,),
        vocabulary_size=9,
    )


REVIEWS = meta("binary", ("no", "yes"))
TOPICS = meta("classes", ("earn", "acq", "grain", "crude"))
STORIES = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([[0, 0, 1, 1, 3, 0], [0, 0, 0, 1, 1, 2]])
PROBABILITIES = np.eye(4)[PREDICTED] * 0.7 + 0.3 * np.eye(4)[(PREDICTED + 1) % 4]


def test_two_classes_have_a_ranking_f1_and_calibration() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    prediction = np.clip(y * 0.3 + rng.random((3, 500)) * 0.7, 0, 1)
    found = scores(REVIEWS, prediction, y)
    assert found["roc_auc"] == pytest.approx(
        np.mean([metrics.roc_auc_score(y, p) for p in prediction])
    )
    assert found["f1"] == pytest.approx(np.mean([metrics.f1_score(y, p > 0.5) for p in prediction]))
    assert found.keys() - OF_ALL == {"roc_auc", "f1", "calibration_error"}


def test_probabilities_that_equal_the_frequencies_are_calibrated() -> None:
    rng = np.random.default_rng(1)
    probability = rng.random((1, 50_000))
    y = (rng.random(50_000) < probability[0]).astype(int)
    assert scores(REVIEWS, probability, y)["calibration_error"] < 0.01
    overconfident = np.where(probability > 0.5, 0.99, 0.01)
    found = scores(REVIEWS, overconfident, y)["calibration_error"]
    assert found == pytest.approx(0.24, abs=0.01)


def test_a_bin_weighs_as_much_as_it_has_samples() -> None:
    probability = np.array([[0.5] * 990 + [0.95] * 10])
    y = np.array([0, 1] * 495 + [0] * 10)
    assert scores(REVIEWS, probability, y)["calibration_error"] == pytest.approx(0.0095)


def test_labels_of_one_class_have_no_ranking() -> None:
    found = scores(REVIEWS, np.full((1, 4), 0.9), np.zeros(4))
    assert "roc_auc" not in found
    assert found["calibration_error"] == pytest.approx(0.9)


def test_many_classes_have_macro_f1_and_top_3() -> None:
    found = scores(TOPICS, PROBABILITIES, STORIES)
    first = metrics.f1_score(STORIES, PREDICTED[0], labels=[0, 1, 2], average="macro")
    assert found["macro_f1"] == pytest.approx((first + 1) / 2)
    top = [metrics.top_k_accuracy_score(STORIES, p, k=3, labels=range(4)) for p in PROBABILITIES]
    assert found["top3_accuracy"] == pytest.approx(np.mean(top))
    assert found.keys() - OF_ALL == {"macro_f1", "top3_accuracy"}


def test_numbers_have_an_absolute_error() -> None:
    found = scores(meta("number"), np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([0.5, 1.0]))
    assert found["mae"] == pytest.approx(0.25)
    assert found.keys() - OF_ALL == {"mae"}
