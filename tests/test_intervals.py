import numpy as np
import pytest
from scipy import stats

from rnnbench.intervals import mean_interval, share_interval


def test_one_replicate_gives_students_interval_over_the_samples() -> None:
    values = np.array([[0.0, 1.0, 1.0, 1.0, 0.0, 1.0]])
    expected = stats.ttest_1samp(values[0], 0).confidence_interval(0.95)
    interval = mean_interval(values)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    """Replicates and samples each shift the chance of a right answer; the truth is 0.7."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(600):
        chance = 0.7 + rng.normal(0, 0.01, (3, 1)) + rng.uniform(-0.2, 0.2, (1, 400))
        interval = mean_interval((rng.random((3, 400)) < chance).astype(float))
        covered += interval.low <= 0.7 <= interval.high
    assert 0.93 <= covered / 600 <= 1


def test_it_narrows_with_more_samples_and_with_more_replicates() -> None:
    rng = np.random.default_rng(6)

    def width(replicates: int, samples: int) -> float:
        chance = 0.7 + rng.normal(0, 0.02, (replicates, 1)) * np.ones((1, samples))
        interval = mean_interval((rng.random(chance.shape) < chance).astype(float))
        return interval.high - interval.low

    few, samples, both = (
        np.median([width(*shape) for _ in range(50)]) for shape in ((3, 200), (3, 2000), (20, 2000))
    )
    assert both < samples < few


def test_identical_answers_have_no_width() -> None:
    interval = mean_interval(np.ones((2, 5)))
    assert (interval.low, interval.mean, interval.high) == (1, 1, 1)


def test_share_interval_is_wilsons() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263."""
    interval = share_interval(81 / 263, 263)
    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
