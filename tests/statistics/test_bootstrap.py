import numpy as np
import pytest

from rnnbench.statistics import bootstrap
from rnnbench.statistics.bootstrap import Bootstrap, interval


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
    assert 0.92 <= covered <= 0.985


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


def test_identical_answers_have_no_width() -> None:
    found = interval(np.ones((2, 5)))
    assert (found.low, found.mean, found.high) == (1, 1, 1)


def test_scores_of_the_same_samples_move_together() -> None:
    answers = table(np.random.default_rng(9), 1, 100, 0.0)
    gap, p = Bootstrap([answers, answers]).difference(0, 1)
    assert (gap.low, gap.mean, gap.high) == pytest.approx((0, 0, 0), abs=1e-7)
    assert p == 1


def test_rows_with_few_replicates_learn_from_the_others(monkeypatch) -> None:
    """150 tasks of eight rows, each with two replicates of its own spread: 1,200 intervals."""
    monkeypatch.setattr(bootstrap, "DRAWS", 1000)
    rng = np.random.default_rng(10)
    covered, widths, alone = [], [], []
    for _ in range(150):
        tables = [table(rng, 2, 200, 0.02 * rng.lognormal(0, 0.4)) for _ in range(8)]
        draws = Bootstrap(tables)
        for number in range(8):
            found = draws.interval(number)
            covered.append(found.low <= 0.7 <= found.high)
            widths.append(found.high - found.low)
        own = interval(tables[0])
        alone.append(own.high - own.low)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.median(widths) < np.median(alone) / 2
