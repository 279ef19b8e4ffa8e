import numpy as np
import pytest

from rnnbench.report.statistics.estimates import Interval
from rnnbench.report.statistics.verdicts import loss_ratio, published_difference, verdict

MARGIN = 0.02


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.01, 0.01, "equivalent"),
        (0.001, 0.019, "equivalent"),
        (-0.019, -0.001, "equivalent"),
        (-0.01, 0.02, "inconclusive"),
        (-0.05, 0.05, "inconclusive"),
        (0.0, 0.05, "inconclusive"),
        (0.001, 0.05, "different"),
        (-0.05, -0.03, "different"),
    ],
)
def test_a_verdict_follows_from_the_interval_and_the_margin(low, high, expected: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), MARGIN) == expected


def test_a_published_run_on_the_same_samples_is_one_more_replicate() -> None:
    """Replicates 0.02 below and above their mean: sd 0.02 with 2 degrees of freedom."""
    found = published_difference(0.6, 50, np.array([0.48, 0.5, 0.52]), 1, 50).interval()
    assert found.mean == pytest.approx(0.1)
    assert found.high - found.mean == pytest.approx(4.303 * 0.02 * (1 + 1 / 3) ** 0.5, rel=1e-3)


def test_fewer_published_samples_add_what_their_share_varies_more() -> None:
    ours = np.array([0.48, 0.5, 0.52, 0.5])
    few, as_many, more = (published_difference(0.5, n, ours, 4, 2000) for n in (500, 2000, 9000))
    added = few.error**2 - as_many.error**2
    assert added == pytest.approx(0.25 * (1 / 500 - 1 / 2000), rel=0.01)
    assert more.error == as_many.error


def test_several_seeds_in_a_split_do_not_count_as_splits() -> None:
    ours = np.array([0.48, 0.5, 0.52, 0.5, 0.49, 0.51])
    assert published_difference(0.5, 500, ours, 3, 500).degrees == 2
    assert published_difference(0.5, 500, ours, 1, 500).degrees == 5
    assert published_difference(0.5, 500, ours[:1], 1, 500) is None


def decided(gap: float, runs: np.ndarray, samples: int, splits: int) -> dict[str, float]:
    """How often the gap of the last run of each row is covered, and each verdict is given."""
    found = [
        published_difference(row[-1], samples, row[:-1], splits, samples).interval() for row in runs
    ]
    verdicts = [verdict(interval, MARGIN) for interval in found]
    shares = {name: verdicts.count(name) / len(runs) for name in set(verdicts)}
    return {
        "covered": float(np.mean([interval.contains(gap) for interval in found])),
        **dict.fromkeys(("equivalent", "different"), 0.0),
        **shares,
    }


def on_the_same_samples(gap: float, replicates: int, spread: float) -> dict[str, float]:
    """2,000 times: replicates and one more run, `gap` better, on the same 599 samples."""
    rng = np.random.default_rng(0)
    # Every fourth sample is hard: the sd between replicates is 0.0105, as that of Reuters.
    easy = np.where(np.arange(599) % 4, 0.93, 0.15)
    effect = rng.normal(0, spread, (2000, replicates + 1, 1))
    effect[:, -1] += gap
    correct = rng.random((2000, replicates + 1, 599), np.float32) < easy + effect
    return decided(gap, correct.mean(axis=2), 599, 1)


@pytest.mark.parametrize(
    ("replicates", "spread", "found"), [(3, 0.0, 0.38), (5, 0.0, 0.66), (10, 0.0, 0.85)]
)
def test_a_published_run_that_is_4_points_better_on_the_same_samples(
    replicates: int, spread: float, found: float
) -> None:
    """It is almost never called equivalent; `found` is how often it is called different.

    The better run varies less than ours, so that its gap is covered in up to 97 %.
    """
    shares = on_the_same_samples(0.04, replicates, spread)
    assert 0.935 <= shares["covered"] <= 0.98
    assert shares["equivalent"] < 0.01
    assert shares["different"] == pytest.approx(found, abs=0.05)


@pytest.mark.parametrize("replicates", [2, 3, 5, 10])
def test_an_equal_published_run_is_called_different_in_at_most_5_percent(replicates: int) -> None:
    shares = on_the_same_samples(0.0, replicates, 0.005)
    assert shares["covered"] == pytest.approx(0.95, abs=0.015)
    assert shares["different"] <= 0.06


@pytest.mark.parametrize("gap", [0.0, 0.02, 0.04])
def test_a_published_run_on_another_split_of_the_same_corpus(gap: float) -> None:
    """Ten splits of 5,000 samples with an error that all of them share, as theirs does."""
    rng = np.random.default_rng(1)
    probability = 0.8 + rng.normal(0, 0.005, (4000, 11)) + rng.normal(0, 0.01, (4000, 1))
    probability[:, -1] += gap
    shares = decided(gap, rng.binomial(5000, probability) / 5000, 5000, 10)
    assert shares["covered"] == pytest.approx(0.95, abs=0.012)
    if gap >= MARGIN:
        assert shares["equivalent"] <= 0.035
    else:
        assert shares["different"] <= 0.06
    if gap > MARGIN:
        assert shares["different"] > 0.9


def test_fewer_published_samples_are_covered_too() -> None:
    """Theirs are 440, ours 2,000 in each of ten splits with new samples."""
    rng = np.random.default_rng(2)
    probability = 0.9 + rng.normal(0, 0.01, (3000, 11))
    ours = rng.binomial(2000, probability[:, :10]) / 2000
    theirs = rng.binomial(440, probability[:, 10]) / 440
    covered = [
        published_difference(share, 440, row, 10, 2000).interval().contains(0)
        for share, row in zip(theirs, ours, strict=True)
    ]
    # The binomial variance is known, but Student's quantile is that of the replicates.
    assert 0.945 <= np.mean(covered) <= 0.985


@pytest.mark.parametrize("samples", [440, 20_000])
def test_the_ratio_of_the_losses_of_equal_runs_covers_1_in_95_percent(samples: int) -> None:
    """Ten runs on `samples` samples and one on 440, each a factor of lognormal(0.3) away."""
    rng = np.random.default_rng(3)
    runs = rng.lognormal(-8, 0.3, (3000, 11))
    # The mean of n squared normal errors: chi squared with n degrees of freedom, divided by n.
    ours = runs[:, :10] * rng.chisquare(samples, (3000, 10)) / samples
    theirs = runs[:, 10] * rng.chisquare(440, 3000) / 440
    covered = [
        loss_ratio(loss, 440, row, 10, samples, 2.0).interval().contains(0)
        for loss, row in zip(theirs, ours, strict=True)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_the_ratio_is_that_to_the_geometric_mean() -> None:
    found = loss_ratio(6.0, 500, np.array([1.0, 4.0, 2.0]), 1, 500, 1.0).interval()
    assert found.mean == pytest.approx(np.log(3))
    half = 4.303 * np.log(2) * (1 + 1 / 3) ** 0.5
    assert [found.low, found.high] == pytest.approx([np.log(3) - half, np.log(3) + half], rel=1e-3)


def test_the_ratio_of_equal_losses_has_the_error_that_fewer_published_samples_add() -> None:
    ours = np.full(3, 2.0)
    few, as_many, more = (loss_ratio(2.0, n, ours, 1, 400, 4.0) for n in (100, 400, 900))
    assert few.error == pytest.approx((4 * (1 / 100 - 1 / 400)) ** 0.5)
    assert (as_many.error, more.error) == (0, 0)


def test_a_ratio_of_losses_needs_two_runs_and_positive_losses() -> None:
    assert loss_ratio(1.0, 9, np.ones(1), 1, 9, 1.0) is None
    assert loss_ratio(0.0, 9, np.ones(3), 1, 9, 1.0) is None
    assert loss_ratio(1.0, 9, np.array([1.0, 0.0]), 2, 9, 1.0) is None
    assert loss_ratio(1.0, 9, np.ones(2), 2, 9, 1.0) is not None
