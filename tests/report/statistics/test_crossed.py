from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from rnnbench.report.statistics.crossed import CrossedScores

SHARE = 0.7


def tables(rng, variants: int, replicates: int, samples: int, spread: float) -> list[np.ndarray]:
    """Correct predictions; the probability varies with the replicate and with the sample.

    Half of what makes a sample hard is hard for all variants.
    """
    hard = rng.uniform(-0.1, 0.1, samples)
    found = []
    for _ in range(variants):
        own = rng.uniform(-0.1, 0.1, samples) + rng.normal(0, spread, (replicates, 1))
        found.append((rng.random((replicates, samples)) < SHARE + hard + own).astype(float))
    return found


def test_the_variance_has_a_component_for_replicates_and_one_for_samples() -> None:
    """Normal effects: replicates 0.1, samples 1, both 0.5; estimated from 400 tables."""
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(400):
        table = rng.normal(0, 0.1, (4, 1)) + rng.normal(0, 1, 300) + rng.normal(0, 0.5, (4, 300))
        estimate = CrossedScores([table], [True]).mean(0)
        parts.append([estimate.variance, estimate.rest])
    expected = [(0.1**2 + 0.5**2 / 300) / 4, 1 / 300]
    assert np.mean(parts, axis=0) == pytest.approx(expected, rel=0.1)


def test_one_replicate_has_the_error_of_the_samples_alone() -> None:
    table = np.random.default_rng(1).normal(size=(1, 50))
    found = CrossedScores([table], [False]).mean(0)
    expected = stats.ttest_1samp(table[0], 0.0)
    assert (found.p, found.degrees) == pytest.approx((expected.pvalue, 49))
    assert found.variance == 0


@pytest.mark.parametrize(
    ("replicates", "samples", "spread"),
    [(2, 400, 0.02), (3, 400, 0.01), (5, 400, 0.05), (5, 100, 0.0), (10, 400, 0.02)],
)
def test_means_and_differences_are_covered_in_95_percent(replicates, samples, spread) -> None:
    """1,000 tables; with two or three replicates Satterthwaite's approximation gives 91 %."""
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(1000):
        scores = CrossedScores(tables(rng, 2, replicates, samples, spread), [True, True])
        mean, difference = scores.mean(0).interval(), scores.difference(0, 1).interval()
        covered.append([mean.contains(SHARE), difference.contains(0)])
    least = 0.90 if replicates < 5 else 0.93
    assert all(least <= share <= 0.985 for share in np.mean(covered, axis=0))


def test_an_unsteady_variant_has_an_interval_of_its_own() -> None:
    """Three replicates that differ ten times as much as those beside them, 1,000 times."""
    rng = np.random.default_rng(3)
    covered, widths = [], []
    for _ in range(1000):
        steady = tables(rng, 3, 3, 300, 0.01)
        scores = CrossedScores([*steady, *tables(rng, 1, 3, 300, 0.1)], [True] * 4)
        found = [scores.mean(number).interval() for number in (0, 3)]
        covered.append(found[1].contains(SHARE))
        widths.append([interval.high - interval.low for interval in found])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    assert np.divide(*np.median(widths, axis=0)) < 0.4


@pytest.mark.parametrize(
    ("replicates", "spread", "deterministic"),
    [(5, 0.01, 0), (3, 0.03, 2), (3, 0.1, 0), (2, 0.02, 0)],
)
def test_some_p_of_six_equal_variants_is_below_the_level_in_at_most_5_percent(
    replicates: int, spread: float, deterministic: int
) -> None:
    """300 times, with the level of 600 draws each."""
    rng = np.random.default_rng(4)
    pairs = list(combinations(range(6), 2))
    stochastic = [number >= deterministic for number in range(6)]
    some, single = [], []
    for _ in range(300):
        found = tables(rng, 6, replicates, 400, spread)
        found[:deterministic] = tables(rng, deterministic, 1, 400, 0.0)
        scores = CrossedScores(found, stochastic)
        p = [scores.difference(*pair).p for pair in pairs]
        some.append(min(p) < np.quantile(scores.smallest_p(pairs, 600, rng), 0.05))
        single += p
    assert 0.015 <= np.mean(np.array(single) < 0.05) <= 0.06
    assert 0.005 <= np.mean(some) <= 0.065


@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_drawn_p_are_no_smaller_than_those_of_data(spread: float) -> None:
    """The replicates disagree on many samples, which must not count twice."""
    rng = np.random.default_rng(5)
    at_5_percent = []
    for _ in range(100):
        scores = CrossedScores(tables(rng, 2, 10, 300, spread), [True, True])
        at_5_percent.append(np.mean(scores.smallest_p([(0, 1)], 1000, rng) < 0.05))
    assert np.mean(at_5_percent) == pytest.approx(0.05, abs=0.01)


def test_replicates_that_agree_by_accident_still_have_an_interval() -> None:
    """Both misclassify 40 of 400 samples, but different ones: their means are equal."""
    correct = np.ones((2, 400))
    correct[0, :40] = correct[1, 40:80] = 0
    found = CrossedScores([correct], [True]).mean(0).interval()
    assert found.low < 0.89
    assert found.high > 0.91


def test_equal_predictions_of_deterministic_methods_do_not_differ() -> None:
    table = tables(np.random.default_rng(6), 1, 1, 100, 0.0)[0]
    scores = CrossedScores([table, table], [False, False])
    assert scores.difference(0, 1).p == 1
    assert (scores.smallest_p([(0, 1)], 50, np.random.default_rng(7)) == 1).all()


def test_a_network_that_was_trained_once_is_not_tested_and_the_others_are() -> None:
    rng = np.random.default_rng(8)
    found = [*tables(rng, 2, 3, 200, 0.01), *tables(rng, 1, 1, 200, 0.01)]
    scores = CrossedScores(found, [True] * 3)
    assert scores.mean(2) is None
    assert scores.difference(0, 2) is None
    p = scores.smallest_p([(0, 1)], 1000, rng)
    assert 0 < p.min() < 0.05
    draws = scores.draw_means(1000, rng)
    assert np.isnan(draws).all(axis=0).tolist() == [False, False, True]


def test_nothing_is_tested_on_one_sample() -> None:
    scores = CrossedScores([np.ones((5, 1)), np.zeros((1, 1))], [True, False])
    assert scores.difference(0, 1) is None
    assert scores.mean(0) is None


def test_drawn_means_have_the_error_of_the_estimates() -> None:
    rng = np.random.default_rng(9)
    scores = CrossedScores(tables(rng, 3, 10, 400, 0.02), [True] * 3)
    draws = scores.draw_means(20_000, rng)
    for found, estimate in (
        (draws[:, 1], scores.mean(1)),
        (draws[:, 0] - draws[:, 2], scores.difference(0, 2)),
    ):
        interval = estimate.interval()
        half = interval.high - interval.mean
        bounds = np.quantile(found, [0.025, 0.975])
        assert bounds == pytest.approx([interval.low, interval.high], abs=0.12 * half)
