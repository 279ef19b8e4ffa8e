import numpy as np
import pytest
from sklearn import metrics

from rnnbench.data.format import Meta
from rnnbench.evaluation.metrics import scores

OF_ALL = {"accuracy", "loss", "accuracy_sample_sd", "loss_sample_sd"}


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
PREDICTED = np.array([0, 0, 1, 1, 3, 0])
PROBABILITIES = np.eye(4)[PREDICTED] * 0.7 + 0.3 * np.eye(4)[(PREDICTED + 1) % 4]


def test_two_classes_have_a_ranking_f1_and_brier_score() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    prediction = np.clip(y * 0.3 + rng.random(500) * 0.7, 0, 1)
    found = scores(REVIEWS, prediction, y)
    # The ranking is the share of pairs of one sample of each class that are in order.
    pairs = prediction[y == 1][:, None] - prediction[y == 0]
    assert found["roc_auc"] == pytest.approx((pairs > 0).mean())
    true = ((prediction > 0.5) & (y == 1)).sum()
    assert found["f1"] == pytest.approx(2 * true / ((prediction > 0.5).sum() + y.sum()))
    assert found["brier"] == pytest.approx(((prediction - y) ** 2).mean())
    assert found.keys() - OF_ALL == {"roc_auc", "f1", "brier"}


def test_accuracy_and_loss_have_the_standard_errors_of_their_means() -> None:
    prediction, y = np.array([0.9, 0.8, 0.3, 0.6]), np.array([1, 0, 0, 1])
    found = scores(REVIEWS, prediction, y)
    losses = -np.log([0.9, 0.2, 0.7, 0.6])
    assert found["accuracy"] == 0.75
    assert found["loss"] == pytest.approx(losses.mean())
    # Three of four: the variance is 3/16 * 4/3, and that of the mean a quarter of it.
    assert found["accuracy_sample_sd"] == pytest.approx(0.25)
    assert found["loss_sample_sd"] == pytest.approx(losses.std(ddof=1) / 2)


def test_a_single_sample_has_no_standard_error() -> None:
    found = scores(REVIEWS, np.array([0.9]), np.array([1]))
    assert (found["accuracy_sample_sd"], found["loss_sample_sd"]) == (0, 0)


@pytest.mark.parametrize("label", [0, 1])
def test_labels_of_one_class_have_no_ranking(label: int) -> None:
    found = scores(REVIEWS, np.full(4, 0.9), np.full(4, label))
    assert "roc_auc" not in found
    assert found["brier"] == pytest.approx((0.9 - label) ** 2)


def test_many_classes_have_macro_f1_and_top_3() -> None:
    found = scores(TOPICS, PROBABILITIES, STORIES)
    expected = metrics.f1_score(STORIES, PREDICTED, labels=[0, 1, 2], average="macro")
    assert found["macro_f1"] == pytest.approx(expected)
    top = metrics.top_k_accuracy_score(STORIES, PROBABILITIES, k=3, labels=range(4))
    assert found["top3_accuracy"] == pytest.approx(top)
    assert found.keys() - OF_ALL == {"macro_f1", "top3_accuracy"}


def test_numbers_have_an_absolute_error() -> None:
    found = scores(meta("number"), np.array([0.0, 1.0]), np.array([0.5, 1.5]))
    assert found["mae"] == pytest.approx(0.5)
    assert found.keys() - OF_ALL == {"mae"}
