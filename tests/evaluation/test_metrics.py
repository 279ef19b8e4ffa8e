import numpy as np
import pytest
from sklearn import metrics

from rnnbench.data.format import Meta
from rnnbench.evaluation.metrics import MEASURES, by_class, calibration, confusion, measures


def meta(target: str, classes: tuple[str, ...] = ()) -> Meta:
    return Meta(
        corpus="any",
        encoding="index",
        target=target,
        classes=classes,
        shape=(3,),
        vocabulary_size=9,
    )


TOPICS = meta("classes", ("earn", "acq", "grain", "crude"))
STORIES = np.array([0, 0, 0, 1, 1, 2])
ANSWERS = np.array([[0, 0, 1, 1, 3, 0], [0, 0, 0, 1, 1, 2]])
CHANCES = np.eye(4)[ANSWERS] * 0.7 + 0.3 * np.eye(4)[(ANSWERS + 1) % 4]


def test_two_classes_are_measured_by_ranking_f1_and_calibration() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    prediction = np.clip(y * 0.3 + rng.random((3, 500)) * 0.7, 0, 1)
    found = measures(meta("binary", ("no", "yes")), prediction, y)
    assert found["roc_auc"] == pytest.approx(
        np.mean([metrics.roc_auc_score(y, p) for p in prediction])
    )
    assert found["f1"] == pytest.approx(np.mean([metrics.f1_score(y, p > 0.5) for p in prediction]))
    assert [k for k in MEASURES if found[k] is None] == ["macro_f1", "top3_accuracy", "mae"]


def test_probabilities_that_mean_what_they_say_are_calibrated() -> None:
    rng = np.random.default_rng(1)
    chance = rng.random((1, 50_000))
    y = (rng.random(50_000) < chance[0]).astype(int)
    reviews = meta("binary", ("no", "yes"))
    assert measures(reviews, chance, y)["calibration_error"] < 0.01
    boasting = np.where(chance > 0.5, 0.99, 0.01)
    assert measures(reviews, boasting, y)["calibration_error"] == pytest.approx(0.24, abs=0.01)


def test_a_bin_weighs_as_much_as_it_has_samples() -> None:
    chance = np.array([[0.5] * 990 + [0.95] * 10])
    y = np.array([0, 1] * 495 + [0] * 10)
    found = measures(meta("binary", ("no", "yes")), chance, y)
    assert found["calibration_error"] == pytest.approx(0.0095)


def test_a_constant_answer_is_one_bin() -> None:
    true, predicted = calibration(np.full(8, 0.5), np.array([0, 1] * 4))
    assert (true, predicted) == (pytest.approx([0.5]), pytest.approx([0.5]))


def test_one_sided_labels_have_no_ranking() -> None:
    found = measures(meta("binary", ("no", "yes")), np.full((1, 4), 0.9), np.zeros(4))
    assert found["roc_auc"] is None
    assert found["calibration_error"] == pytest.approx(0.9)


def test_many_classes_are_measured_by_macro_f1_and_top_3() -> None:
    found = measures(TOPICS, CHANCES, STORIES)
    first = metrics.f1_score(STORIES, ANSWERS[0], labels=[0, 1, 2], average="macro")
    assert found["macro_f1"] == pytest.approx((first + 1) / 2)
    assert found["top3_accuracy"] == pytest.approx(
        np.mean([metrics.top_k_accuracy_score(STORIES, p, k=3, labels=range(4)) for p in CHANCES])
    )


def test_numbers_are_measured_by_their_absolute_error() -> None:
    found = measures(meta("number"), np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([0.5, 1.0]))
    assert found["mae"] == pytest.approx(0.25)


def test_a_class_has_the_mean_f1_of_the_replicates() -> None:
    scores = by_class(CHANCES, STORIES, np.array([0, 2]))
    assert scores["recall"] == pytest.approx([(2 / 3 + 1) / 2, 0.5])
    assert scores["precision"] == pytest.approx([(2 / 3 + 1) / 2, 0.5])


def test_confusions_of_frequent_classes_keep_all_their_samples() -> None:
    matrix = confusion(CHANCES, STORIES, np.array([0, 1]))
    assert matrix == pytest.approx(np.array([[2.5, 0.5, 0], [0, 1.5, 0.5]]))
