from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from rnnbench.report.statistics.splits import SplitScores

OVERLAP = 0.27


def drawn(rng, variants: int, splits: int, overlap: float) -> np.ndarray:
    """Scores around 0 as Nadeau and Bengio model them, with a part that all variants share.

    The splits share an error with the variance `overlap`; the variance in a split is 1.
    """
    own = rng.normal(size=(variants, splits)) + rng.normal(size=splits)
    shared = rng.normal(size=(variants, 1)) + rng.normal()
    return own + np.sqrt(overlap) * shared


def test_the_variance_is_that_of_nadeau_and_bengio() -> None:
    values = np.array([[0.7, 0.72, 0.74, 0.76], [0.7, 0.71, 0.7, 0.71]])
    found = SplitScores(values, 0.25).difference(0, 1)
    gaps = values[0] - values[1]
    assert found.mean == pytest.approx(gaps.mean())
    assert found.error**2 == pytest.approx((1 / 4 + 0.25) * gaps.var(ddof=1))
    assert (found.degrees, found.replicates) == (3, 4)


def test_new_samples_in_every_split_give_the_paired_t_test() -> None:
    values = np.random.default_rng(0).normal(size=(2, 8))
    expected = stats.ttest_rel(values[0], values[1])
    found = SplitScores(values, 0.0).difference(0, 1)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.interval().low, found.interval().high) == pytest.approx(interval)


def test_only_splits_that_both_were_trained_on_are_compared() -> None:
    values = np.array(
        [[0.0, 1.0, 5.0, np.nan], [1.0, 3.0, np.nan, 9.0], [np.nan, np.nan, 1, np.nan]]
    )
    scores = SplitScores(values, 0.0)
    assert scores.difference(0, 1).mean == -1.5
    assert scores.difference(0, 1).degrees == 1
    assert scores.mean(0).mean == 2
    assert scores.difference(0, 2) is None
    assert scores.mean(2) is None


def test_the_same_scores_in_all_splits_do_not_differ() -> None:
    found = SplitScores(np.array([[0.1, 0.2, 0.7]] * 2), OVERLAP).difference(0, 1)
    assert (found.mean, found.error, found.p) == (0, 0, 1)


@pytest.mark.parametrize("splits", [2, 3, 10])
def test_the_same_difference_in_all_splits_has_no_error_to_test_it_by(splits: int) -> None:
    first = np.linspace(0.3, 0.8, splits)
    # Floating-point numbers make the differences unequal.
    assert len({*(first - (first - 0.1))}) > 1 or splits == 2
    scores = SplitScores(np.array([first, first - 0.1, [0.1] * splits, [0.2] * splits]), OVERLAP)
    assert scores.difference(0, 1) is None
    assert scores.difference(2, 3) is None
    assert scores.difference(0, 2) is not None


@pytest.mark.parametrize("splits", [2, 3, 10])
@pytest.mark.parametrize("overlap", [0.0, OVERLAP])
def test_means_and_differences_are_covered_in_95_percent(splits: int, overlap: float) -> None:
    """4,000 times; the t test that ignores the overlap covers 84 % or less."""
    rng = np.random.default_rng(1)
    covered, naive = [], []
    for _ in range(2000):
        scores = SplitScores(drawn(rng, 2, splits, overlap), overlap)
        found = [scores.mean(0), scores.difference(0, 1)]
        covered += [estimate.interval().contains(0) for estimate in found]
        half = stats.t.isf(0.025, splits - 1) * np.sqrt([estimate.variance for estimate in found])
        naive += [abs(e.mean) <= h for e, h in zip(found, half, strict=True)]
    assert 0.935 <= np.mean(covered) <= 0.965
    if overlap and splits == 10:
        assert np.mean(naive) < 0.84


def test_an_unsteady_variant_with_three_splits_has_an_interval_of_its_own() -> None:
    """Its variance is 100 times that of five others with ten splits."""
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(2000):
        values = drawn(rng, 6, 10, OVERLAP)
        values[5] *= 10
        values[5, 3:] = np.nan
        scores = SplitScores(values, OVERLAP)
        estimates = [scores.mean(5), scores.difference(0, 5)]
        covered.append([estimate.interval().contains(0) for estimate in estimates])
    assert np.mean(covered, axis=0) == pytest.approx([0.95, 0.95], abs=0.015)


def geometric_means(rng, logs: np.ndarray) -> float:
    """How often the interval holds the mean of the logarithm of the loss."""
    found = [SplitScores(row[None], 0.0).mean(0).interval().contains(0) for row in logs]
    return float(np.mean(found))


def test_the_geometric_mean_of_lognormal_losses_is_covered_in_95_percent() -> None:
    """Five runs each with new samples: logarithms are normal."""
    rng = np.random.default_rng(3)
    assert geometric_means(rng, np.log(rng.lognormal(0, 0.5, (3000, 5)))) == pytest.approx(
        0.95, abs=0.015
    )


@pytest.mark.parametrize(("runs", "expected"), [(5, 0.66), (10, 0.89), (20, 0.945)])
def test_the_geometric_mean_of_runs_of_which_a_fifth_fails_is_covered_with_enough_runs(
    runs: int, expected: float
) -> None:
    """A failed run has the ninefold loss. Where none of a few runs fails, none can be inferred."""
    rng = np.random.default_rng(4)
    failed = rng.random((3000, runs)) < 0.2
    logs = rng.normal(0, 0.15, failed.shape) + np.log(9) * (failed - 0.2)
    assert geometric_means(rng, logs) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("overlap", [0.0, OVERLAP])
def test_the_smallest_p_of_one_pair_is_uniform(overlap: float) -> None:
    scores = SplitScores(drawn(np.random.default_rng(5), 3, 4, overlap), overlap)
    p = scores.smallest_p([(0, 2)], 4000, np.random.default_rng(6))
    assert stats.kstest(p, "uniform").statistic < 0.03


@pytest.mark.parametrize(
    ("splits", "overlap", "short"), [(10, OVERLAP, 10), (10, OVERLAP, 3), (3, 0.0, 3)]
)
def test_some_p_of_six_equal_variants_with_different_variances_is_below_the_level_in_5_percent(
    splits: int, overlap: float, short: int
) -> None:
    """1,200 times; the last variant is the least steady one, and has only `short` splits."""
    rng = np.random.default_rng(7)
    pairs = list(combinations(range(6), 2))
    scale = np.array([1, 1, 1, 3, 3, 10])[:, None]
    smallest, single = [], []
    for _ in range(1200):
        values = drawn(rng, 6, splits, overlap) * scale
        values[5, short:] = np.nan
        scores = SplitScores(values, overlap)
        p = [scores.difference(*pair).p for pair in pairs]
        smallest.append(min(p))
        single += p
    level = np.quantile(scores.smallest_p(pairs, 4000, rng), 0.05)
    assert np.mean(np.array(single) < 0.05) == pytest.approx(0.05, abs=0.01)
    assert 0.02 <= np.mean(smallest < level) <= 0.065


def test_the_level_does_not_depend_on_how_many_variants_equal_each_other() -> None:
    values = drawn(np.random.default_rng(8), 3, 10, OVERLAP)
    values[1] = values[0]
    rng = np.random.default_rng(9)
    smallest = SplitScores(values, OVERLAP).smallest_p([(0, 1), (0, 2), (1, 2)], 4000, rng)
    assert 0.05 / 3 * 0.9 <= np.quantile(smallest, 0.05) <= 0.05


def test_drawn_means_have_the_error_of_the_estimates_and_their_correlation() -> None:
    values = drawn(np.random.default_rng(10), 3, 10, OVERLAP)
    values[2, 1:] = np.nan
    scores = SplitScores(values, OVERLAP)
    draws = scores.draw_means(20_000, np.random.default_rng(11))
    assert np.isnan(draws[:, 2]).all()
    for found, estimate in (
        (draws[:, 0], scores.mean(0)),
        (draws[:, 1], scores.mean(1)),
        (draws[:, 0] - draws[:, 1], scores.difference(0, 1)),
    ):
        interval = estimate.interval()
        bounds = np.quantile(found, [0.025, 0.975])
        half = interval.high - interval.mean
        assert bounds == pytest.approx([interval.low, interval.high], abs=0.05 * half)
