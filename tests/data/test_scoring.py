import numpy as np
import pytest
from sklearn import metrics

from rnnbench.data.format import Meta
from rnnbench.data.scoring import correct, losses, no_number, or_prior, prior

CLASSES = ("a", "b", "c")


def meta(target: str) -> Meta:
    return Meta(
        corpus="any",
        encoding="index",
        target=target,
        classes=CLASSES,
        shape=(5,),
        vocabulary_size=9,
        tolerance=0.1,
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_two_classes(rng) -> None:
    y, probabilities = rng.integers(0, 2, 50), rng.random((3, 50))
    hits = correct(meta("binary"), probabilities, y)
    loss = losses(meta("binary"), probabilities, y)
    for replicate, p in enumerate(probabilities):
        assert hits[replicate].mean() == metrics.accuracy_score(y, p > 0.5)
        assert loss[replicate].mean() == pytest.approx(metrics.log_loss(y, p))


@pytest.mark.parametrize("target", ["classes", "steps"])
def test_many_classes_and_many_steps(rng, target: str) -> None:
    shape = (50, 5) if target == "steps" else (50,)
    y = rng.integers(0, 3, shape)
    probabilities = rng.dirichlet(np.ones(3), (2, *shape))
    hits, loss = correct(meta(target), probabilities, y), losses(meta(target), probabilities, y)
    assert hits.shape == loss.shape == (2, 50)
    for replicate in range(2):
        flat, truth = probabilities[replicate].reshape(-1, 3), y.ravel()
        expected = metrics.accuracy_score(truth, flat.argmax(axis=1))
        assert hits[replicate].mean() == pytest.approx(expected)
        assert loss[replicate].mean() == pytest.approx(metrics.log_loss(truth, flat))


def test_numbers_are_correct_within_the_tolerance() -> None:
    y = np.array([0.5, 0.5, 0.5], np.float32)
    prediction = np.array([0.59, 0.61, 0.41], np.float32)
    assert correct(meta("number"), prediction, y).tolist() == [1, 0, 1]
    assert losses(meta("number"), prediction, y) == pytest.approx([0.0081, 0.0121, 0.0081])


def test_the_loss_of_a_certain_error_is_finite() -> None:
    (loss,) = losses(meta("binary"), np.array([1.0]), np.array([0]))
    assert 10 < loss < 20


@pytest.mark.parametrize(
    ("target", "y", "expected"),
    [
        ("binary", [0, 1, 1, 1], 0.75),
        ("number", [1.0, 2.0, 6.0], 3.0),
        ("classes", [2, 2, 0, 2], [0.25, 0, 0.75]),
        ("steps", [[2, 2], [0, 2]], [0.25, 0, 0.75]),
    ],
)
def test_the_prior_stands_for_a_prediction_that_is_no_number(
    target: str, y: list, expected: float | list[float]
) -> None:
    shares = prior(meta(target), np.array(y))
    assert shares == pytest.approx(np.array(expected))
    shape = {"classes": (4, 3), "steps": (4, 5, 3)}.get(target, (4,))
    prediction = np.full(shape, 0.5, np.float32)
    assert or_prior(meta(target), prediction, shares) is prediction
    prediction[(1, *[-1] * (len(shape) - 1))] = np.nan
    prediction[(3, *[0] * (len(shape) - 1))] = np.inf
    assert no_number(meta(target), prediction).tolist() == [False, True, False, True]
    filled = or_prior(meta(target), prediction, shares)
    for row, of_sample in enumerate((0.5, shares, 0.5, shares)):
        np.testing.assert_array_equal(filled[row], np.broadcast_to(of_sample, shape[1:]))
    assert np.isnan(prediction).any()
