import numpy as np
import pytest

from rnnbench.report.statistics.intervals import Interval, PairedScores
from rnnbench.report.statistics.verdicts import verdict


def interval(table: np.ndarray) -> Interval:
    return PairedScores([table], [len(table) > 1]).interval(0)


def width(found: Interval) -> float:
    return found.high - found.low


def table(rng, replicates: int, samples: int, spread: float, mean: float = 0.7) -> np.ndarray:
    """Correct predictions whose probability varies with the replicate and with the sample."""
    hard = rng.uniform(-0.2, 0.2, (1, samples))
    probability = mean + rng.normal(0, spread, (replicates, 1)) + hard
    return (rng.random((replicates, samples)) < probability).astype(float)


@pytest.mark.parametrize(
    ("replicates", "samples", "spread"),
    [
        (1, 400, 0.0),
        (2, 400, 0.02),
        (3, 400, 0.01),
        (5, 400, 0.05),
        (5, 100, 0.0),
        (10, 400, 0.02),
    ],
)
def test_it_covers_the_true_mean_in_95_percent(
    replicates: int, samples: int, spread: float
) -> None:
    """1,000 tables; with two replicates, Satterthwaite's approximation gives 91 %."""
    rng = np.random.default_rng(5)
    found = [interval(table(rng, replicates, samples, spread)) for _ in range(1000)]
    covered = np.mean([i.low <= 0.7 <= i.high for i in found])
    assert (0.90 if replicates == 2 else 0.93) <= covered <= 0.975


def test_it_agrees_with_a_bootstrap_of_the_samples() -> None:
    """A deterministic method: 4,000 draws of its samples, with replacement."""
    rng = np.random.default_rng(6)
    correct = table(rng, 1, 2000, 0.0)
    found = interval(correct)
    draws = rng.multinomial(2000, np.full(2000, 1 / 2000), 4000) @ correct[0] / 2000
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * width(found))


def test_it_agrees_with_draws_of_samples_and_replicates() -> None:
    """Ten scores of five replicates each: the variance 0.0004 has 40 degrees of freedom."""
    rng = np.random.default_rng(7)
    by_replicate = 0.02 * np.array([-1.25, -0.6, 0, 0.6, 1.25])[:, None]
    by_replicate *= (0.0004 / by_replicate.var(ddof=1)) ** 0.5
    losses = [rng.normal(1, 0.6, (1, 1000)) + by_replicate for _ in range(10)]
    found = PairedScores(losses, [True] * 10).interval(0)
    means = rng.multinomial(1000, np.full(1000, 1 / 1000), 4000) @ losses[0].mean(axis=0) / 1000
    draws = means + rng.standard_t(40, 4000) * (0.0004 / 5) ** 0.5
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * width(found))


def test_it_narrows_with_more_samples_and_with_more_replicates() -> None:
    rng = np.random.default_rng(8)

    def median(replicates: int, samples: int) -> float:
        found = [interval(table(rng, replicates, samples, 0.02)) for _ in range(20)]
        return float(np.median([width(i) for i in found]))

    few, more_samples, more_of_both = median(3, 100), median(3, 1600), median(20, 1600)
    assert more_of_both < more_samples < few


def test_four_times_the_samples_halve_the_width_of_one_replicate() -> None:
    rng = np.random.default_rng(9)
    small, large = (interval(table(rng, 1, n, 0.0)) for n in (500, 2000))
    assert width(small) / width(large) == pytest.approx(2, rel=0.1)


def test_replicates_that_agree_by_accident_still_have_an_interval() -> None:
    """Both replicates misclassify 40 of 400 samples, but different ones: their means are equal."""
    correct = np.ones((2, 400))
    correct[0, :40] = correct[1, 40:80] = 0
    found = interval(correct)
    assert found.low < 0.89
    assert found.high > 0.91


def test_a_score_does_not_differ_from_itself() -> None:
    correct = table(np.random.default_rng(10), 1, 100, 0.0)
    gap, p = PairedScores([correct, correct], [False, False]).difference(0, 1)
    assert (gap.low, gap.mean, gap.high) == pytest.approx((0, 0, 0), abs=1e-7)
    assert p == 1


def test_the_interval_of_a_difference_excludes_0_if_and_only_if_p_is_below_5_percent() -> None:
    rng = np.random.default_rng(11)
    decided = set()
    for mean in np.linspace(0.6, 0.7, 40):
        scores = PairedScores(
            [table(rng, 4, 300, 0.01), table(rng, 4, 300, 0.01, mean)], [True] * 2
        )
        gap, p = scores.difference(0, 1)
        assert (p < 0.05) == (gap.low > 0 or gap.high < 0)
        decided.add(p < 0.05)
    assert decided == {True, False}


def test_scores_with_few_replicates_use_the_variance_of_the_others() -> None:
    """150 tasks of eight scores, each with two replicates and a variance of its own."""
    rng = np.random.default_rng(12)
    covered, widths, separate = [], [], []
    for _ in range(150):
        tables = [table(rng, 2, 200, 0.02 * rng.lognormal(0, 0.4)) for _ in range(8)]
        scores = PairedScores(tables, [True] * 8)
        found = [scores.interval(number) for number in range(8)]
        covered += [i.low <= 0.7 <= i.high for i in found]
        widths += [width(i) for i in found]
        separate += [width(interval(t)) for t in tables]
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.std(widths) < np.std(separate) / 4


def test_the_least_stable_score_is_covered_too() -> None:
    """One of eight scores has five times the spread of the others."""
    rng = np.random.default_rng(13)
    covered = []
    for _ in range(300):
        tables = [table(rng, 5, 200, 0.01) for _ in range(7)] + [table(rng, 5, 200, 0.05)]
        found = PairedScores(tables, [True] * 8).interval(7)
        covered.append(found.low <= 0.7 <= found.high)
    assert np.mean(covered) >= 0.88


def test_a_network_trained_once_gets_the_variance_of_the_others() -> None:
    rng = np.random.default_rng(14)
    tables = [table(rng, 3, 400, 0.03) for _ in range(5)] + [table(rng, 1, 400, 0.03)]
    found = PairedScores(tables, [True] * 6).interval(5)
    deterministic = PairedScores(tables, [True] * 5 + [False]).interval(5)
    assert width(found) > 1.3 * width(deterministic)


def test_nothing_is_tested_without_any_known_variance_of_replicates() -> None:
    tables = [np.ones((1, 400)), np.zeros((1, 400))]
    scores = PairedScores(tables, [True, False])
    assert scores.difference(0, 1) is None
    assert scores.published(0, 0.5, 400, same_samples=True) is None
    assert scores.published(1, 0.5, 400, same_samples=True) == Interval(0.5, 0.5, 0.5)
    assert PairedScores(tables, [False, False]).difference(0, 1)[1] < 0.001


def test_nothing_is_tested_on_one_sample() -> None:
    scores = PairedScores([np.ones((5, 1)), np.zeros((1, 1))], [True, False])
    assert scores.difference(0, 1) is None
    assert scores.interval(0) is None
    assert scores.published(0, 0.5, 9, same_samples=False) is None


def test_a_published_run_on_the_same_samples_lies_within_students_t() -> None:
    """Replicates 0.02 below and above their mean: sd 0.02 with 2 degrees of freedom."""
    shares = np.tile(np.array([[0.48], [0.5], [0.52]]), (1, 50))
    found = PairedScores([shares], [True]).published(0, 0.6, 50, same_samples=True)
    assert found.mean == pytest.approx(0.1)
    assert found.high - found.mean == pytest.approx(4.303 * 0.02 * (1 + 1 / 3) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("same_samples", [True, False])
@pytest.mark.parametrize("gap", [0.0, 0.04])
def test_the_gap_to_a_published_run_is_covered_in_95_percent(
    same_samples: bool, gap: float
) -> None:
    """Nine networks of three replicates on 599 samples, and one more run of the first, 300 times.

    On the same samples a tutorial that is 4 points better must rarely pass for equivalent.
    """
    rng = np.random.default_rng(19)
    covered, verdicts = [], []
    for _ in range(300):
        tables = [table(rng, 3, 599, 0.01) for _ in range(9)]
        hard = rng.uniform(-0.2, 0.2, (1, 599))
        shares = 0.7 + rng.normal(0, 0.01, (4, 1)) + hard
        shares[3] += gap
        if not same_samples:
            shares[3] += rng.uniform(-0.2, 0.2, 599) - hard[0]
        runs = (rng.random((4, 599)) < shares).astype(float)
        tables[0] = runs[:3]
        scores = PairedScores(tables, [True] * 9)
        found = scores.published(0, runs[3].mean(), 599, same_samples)
        covered.append(found.low <= gap <= found.high)
        verdicts.append(verdict(found, 0.02))
    assert 0.92 <= np.mean(covered) <= 0.98
    if gap:
        assert verdicts.count("equivalent") <= 3


def test_differences_cover_the_true_one_in_95_percent() -> None:
    """Two scores that differ by 0.05 on the same samples, 600 times."""
    rng = np.random.default_rng(15)
    covered = []
    for _ in range(600):
        hard = rng.uniform(-0.2, 0.2, (1, 300))
        pair = []
        for mean in (0.75, 0.7):
            probability = mean + rng.normal(0, 0.01, (5, 1)) + hard
            pair.append((rng.random((5, 300)) < probability).astype(float))
        found, _ = PairedScores(pair, [True, True]).difference(0, 1)
        covered.append(found.low <= 0.05 <= found.high)
    assert 0.925 <= np.mean(covered) <= 0.985


def test_equal_scores_are_significantly_different_in_5_percent() -> None:
    rng = np.random.default_rng(16)
    found = [
        PairedScores([table(rng, 5, 200, 0.02) for _ in range(2)], [True] * 2).difference(0, 1)[1]
        for _ in range(1000)
    ]
    assert 0.03 <= np.mean(np.array(found) < 0.05) <= 0.07
