import numpy as np
import pytest

from rnnbench.report.statistics import bootstrap
from rnnbench.report.statistics.bootstrap import Bootstrap, Interval


def interval(table: np.ndarray) -> Interval:
    return Bootstrap([table], [len(table) > 1]).interval(0)


def table(rng, replicates: int, samples: int, spread: float) -> np.ndarray:
    """Right answers whose chance varies with the replicate and with the sample; mean 0.7."""
    chance = 0.7 + rng.normal(0, spread, (replicates, 1)) + rng.uniform(-0.2, 0.2, (1, samples))
    return (rng.random((replicates, samples)) < chance).astype(float)


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
def test_it_covers_the_truth_as_often_as_it_says(
    monkeypatch, replicates: int, samples: int, spread: float
) -> None:
    """600 tables, so that 95 % is 570 with a standard deviation of 5."""
    monkeypatch.setattr(bootstrap, "DRAWS", 1000)
    rng = np.random.default_rng(5)
    found = [interval(table(rng, replicates, samples, spread)) for _ in range(600)]
    covered = np.mean([i.low <= 0.7 <= i.high for i in found])
    assert 0.92 <= covered <= 0.99


def test_it_narrows_with_more_samples_and_with_more_replicates() -> None:
    rng = np.random.default_rng(6)

    def width(replicates: int, samples: int) -> float:
        found = [interval(table(rng, replicates, samples, 0.02)) for _ in range(20)]
        return float(np.median([i.high - i.low for i in found]))

    few, more_samples, more_of_both = width(3, 100), width(3, 1600), width(20, 1600)
    assert more_of_both < more_samples < few


def test_four_times_the_samples_halve_the_width_of_one_replicate() -> None:
    rng = np.random.default_rng(7)
    small, large = (interval(table(rng, 1, n, 0.0)) for n in (500, 2000))
    assert (small.high - small.low) / (large.high - large.low) == pytest.approx(2, rel=0.1)


def test_the_same_table_gives_the_same_interval() -> None:
    answers = table(np.random.default_rng(8), 3, 100, 0.02)
    assert interval(answers) == interval(answers)


def test_mistakes_that_never_fall_on_the_same_sample_still_count() -> None:
    """Both replicates miss 40 of 400 samples: their means are equal, but by chance."""
    answers = np.ones((2, 400))
    answers[0, :40] = answers[1, 40:80] = 0
    found = interval(answers)
    assert found.low < 0.89
    assert found.high > 0.91


def test_scores_of_the_same_samples_move_together() -> None:
    answers = table(np.random.default_rng(9), 1, 100, 0.0)
    gap, p = Bootstrap([answers, answers], [False, False]).difference(0, 1)
    assert (gap.low, gap.mean, gap.high) == pytest.approx((0, 0, 0), abs=1e-7)
    assert p == 1


def test_rows_with_few_replicates_learn_from_the_others(monkeypatch) -> None:
    """150 tasks of eight rows, each with two replicates of its own spread: 1,200 intervals."""
    monkeypatch.setattr(bootstrap, "DRAWS", 1000)
    rng = np.random.default_rng(10)
    covered, widths, stage_lock = [], [], []
    for _ in range(150):
        tables = [table(rng, 2, 200, 0.02 * rng.lognormal(0, 0.4)) for _ in range(8)]
        draws = Bootstrap(tables, [True] * 8)
        for number in range(8):
            found = draws.interval(number)
            covered.append(found.low <= 0.7 <= found.high)
            widths.append(found.high - found.low)
        own = interval(tables[0])
        stage_lock.append(own.high - own.low)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.median(widths) < np.median(stage_lock) / 2


def test_a_network_trained_once_learns_its_spread_from_the_others() -> None:
    rng = np.random.default_rng(11)
    tables = [table(rng, 3, 400, 0.03) for _ in range(5)] + [table(rng, 1, 400, 0.03)]
    found = Bootstrap(tables, [True] * 6).interval(5)
    stage_lock = Bootstrap(tables, [True] * 5 + [False]).interval(5)
    assert found.high - found.low > 1.3 * (stage_lock.high - stage_lock.low)


def test_without_any_spread_to_learn_from_nothing_is_tested() -> None:
    tables = [np.ones((1, 400)), np.zeros((1, 400))]
    draws = Bootstrap(tables, [True, False])
    assert draws.difference(0, 1)[1] == 1
    assert draws.further_run(0) is None
    assert draws.further_run(1) == 0
    assert Bootstrap(tables, [False, False]).difference(0, 1)[1] < 0.001


def test_one_sample_says_nothing_of_others() -> None:
    draws = Bootstrap([np.ones((5, 1)), np.zeros((1, 1))], [True, False])
    assert draws.difference(0, 1)[1] == 1


def test_a_further_run_lies_as_far_as_students_t_allows() -> None:
    """Replicates that differ by 0.02 up and down: sd 0.02 with 2 degrees of freedom."""
    answers = np.tile(np.array([[0.48], [0.5], [0.52]]), (1, 50))
    found = Bootstrap([answers], [True]).further_run(0)
    assert found == pytest.approx(4.303 * 0.02, rel=1e-3)


def test_differences_cover_the_truth_as_often_as_they_say(monkeypatch) -> None:
    """Two scores that differ by 0.05 on the same samples, in 400 tables; p agrees with them."""
    monkeypatch.setattr(bootstrap, "DRAWS", 1000)
    rng = np.random.default_rng(12)
    covered, significant = [], []
    for _ in range(400):
        hard = rng.uniform(-0.2, 0.2, (1, 300))
        pair = []
        for mean in (0.75, 0.7):
            chance = mean + rng.normal(0, 0.01, (5, 1)) + hard
            pair.append((rng.random((5, 300)) < chance).astype(float))
        found, p = Bootstrap(pair, [True, True]).difference(0, 1)
        covered.append(found.low <= 0.05 <= found.high)
        significant.append((p < 0.05) == (found.low > 0 or found.high < 0))
    assert 0.92 <= np.mean(covered) <= 0.985
    assert np.mean(significant) > 0.95


def test_equal_scores_seem_to_differ_as_often_as_promised(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 10)
    rng = np.random.default_rng(13)
    found = [
        Bootstrap([table(rng, 5, 200, 0.02) for _ in range(2)], [True] * 2).difference(0, 1)[1]
        for _ in range(600)
    ]
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.07


def test_the_least_steady_row_is_covered_too(monkeypatch) -> None:
    """One of eight rows is five times as unsteady as the others."""
    monkeypatch.setattr(bootstrap, "DRAWS", 1000)
    rng = np.random.default_rng(14)
    covered = []
    for _ in range(300):
        tables = [table(rng, 5, 200, 0.01) for _ in range(7)] + [table(rng, 5, 200, 0.05)]
        found = Bootstrap(tables, [True] * 8).interval(7)
        covered.append(found.low <= 0.7 <= found.high)
    assert np.mean(covered) >= 0.88
