import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.report.statistics.crossed import CrossedScores
from rnnbench.report.statistics.estimates import Estimate, Interval
from rnnbench.report.statistics.shares import share_interval
from rnnbench.report.statistics.splits import SplitScores


def of_table(correct: np.ndarray, stochastic: bool = True) -> Interval:
    estimate = CrossedScores([correct], [stochastic]).mean(0)
    return share_interval(correct.mean(), correct.shape[1], estimate)


def test_it_is_wilsons_without_replicates() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, 15 of 148, 0 of 20."""
    for right, samples, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
    ):
        found = share_interval(right / samples, samples, None)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("samples", "share", "least"),
    [
        (20, 0.05, 0.92),
        (20, 0.5, 0.95),
        (20, 0.85, 0.93),
        (20, 0.95, 0.92),
        (100, 0.99, 0.92),
        (440, 0.99, 0.93),
        (440, 1 - 1 / 440, 0.915),
        (599, 0.75, 0.94),
    ],
)
def test_a_deterministic_method_is_covered(samples: int, share: float, least: float) -> None:
    """The exact probability, over all numbers of correct predictions."""
    covered = 0.0
    for right in range(samples + 1):
        correct = (np.arange(samples) < right).astype(float)[None]
        inside = of_table(correct, stochastic=False).contains(share)
        covered += inside * stats.binom.pmf(right, samples, share)
    assert least <= covered <= 0.99


@pytest.mark.parametrize(
    ("samples", "share", "replicates"),
    [(440, 0.99, 5), (440, 0.99, 3), (440, 1 - 1 / 440, 5), (20, 0.85, 5), (20, 0.5, 5)],
)
def test_a_share_of_replicates_on_one_split_is_covered(
    samples: int, share: float, replicates: int
) -> None:
    """Samples are easy or hard, by a beta distribution with the mean `share`; 1,500 tables."""
    rng = np.random.default_rng(30)
    covered = 0
    for _ in range(1500):
        probability = rng.beta(2 * share, 2 * (1 - share), samples)
        correct = (rng.random((replicates, samples)) < probability).astype(float)
        covered += of_table(correct).contains(share)
    assert 0.95 <= covered / 1500 <= 0.999


@pytest.mark.parametrize(("share", "size"), [(0.99, 400), (1 - 1 / 400, 400), (0.85, 20)])
def test_a_share_of_drawn_splits_is_covered(share: float, size: int) -> None:
    """Ten splits of a corpus of five evaluation parts, 1,500 times."""
    rng = np.random.default_rng(31)
    covered = 0
    for _ in range(1500):
        probability = rng.beta(2 * share, 2 * (1 - share), 5 * size)
        splits = np.array([rng.permutation(5 * size)[:size] for _ in range(10)])
        scores = (rng.random((10, size)) < probability[splits]).mean(axis=1)
        estimate = SplitScores(scores[None], 0.25).mean(0)
        found = share_interval(scores.mean(), len(np.unique(splits)), estimate)
        covered += found.contains(share)
    assert 0.95 <= covered / 1500 <= 0.999


@pytest.mark.parametrize("samples", [20, 440])
@pytest.mark.parametrize("replicates", [1, 3, 5, 10])
@pytest.mark.parametrize("same", [True, False])
def test_the_better_network_never_has_the_worse_bound(
    samples: int, replicates: int, same: bool
) -> None:
    """One more misclassification, of a new sample by the next replicate, or of one by all."""
    correct = np.ones((replicates, samples))
    found = [of_table(correct, replicates > 1)]
    for miss in range(10):
        correct[slice(None) if same else miss % replicates, miss] = 0
        found.append(of_table(correct, replicates > 1))
    lows = [interval.low for interval in found]
    assert all(np.diff(lows) < 0)
    assert max(-np.diff(lows)) < 5 / (samples if same else samples * min(replicates, 2))
    highs = [interval.high for interval in found]
    assert all(np.diff(highs) <= 0)
    assert highs[0] == 1


def test_a_share_far_from_0_and_1_has_students_interval() -> None:
    found = share_interval(0.5, 10**6, Estimate(0.5, 1e-4, 0.0, 2, 3))
    assert (found.low, found.high) == pytest.approx((0.5 - 0.0430, 0.5 + 0.0430), abs=2e-4)


@given(
    share=st.floats(0, 1),
    samples=st.integers(1, 10**5),
    error=st.floats(0, 1),
    degrees=st.one_of(st.floats(1, 1e5), st.just(np.inf)),
)
def test_it_stays_between_0_and_1_and_contains_the_share(share, samples, error, degrees) -> None:
    found = share_interval(share, samples, Estimate(share, error**2, 0.0, degrees, 2))
    assert 0 <= found.low <= share <= found.high <= 1
    wilson = share_interval(share, samples, None)
    assert found.low <= wilson.low + 1e-9
    assert found.high >= wilson.high - 1e-9
