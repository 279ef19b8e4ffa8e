import numpy as np
import pytest

from rnnbench.report.statistics.intervals import Interval
from rnnbench.report.statistics.verdicts import loss_ratio, share_interval, verdict


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
    assert verdict(Interval((low + high) / 2, low, high), 0.02) == expected


def test_share_interval_is_wilsons() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263."""
    found = share_interval(81 / 263, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_the_ratio_of_losses_of_equal_runs_covers_1_in_95_percent() -> None:
    """Five runs and one more on other samples, each a factor of lognormal(0.3) away, 500 times."""
    rng = np.random.default_rng(21)
    covered = []
    for _ in range(500):
        runs = rng.lognormal(-8, 0.3, (6, 1)) * rng.chisquare(1, (1, 440))
        theirs = (runs[5, 0] / runs[0, 0]) * runs[0].mean()
        found = loss_ratio(runs[:5], float(theirs), 440)
        covered.append(found.low <= 1 <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.99


def test_a_ratio_of_losses_needs_two_runs_and_positive_losses() -> None:
    assert loss_ratio(np.ones((1, 9)), 1.0, 9) is None
    assert loss_ratio(np.zeros((3, 9)), 1.0, 9) is None
    assert loss_ratio(np.ones((3, 9)), 2.0, 9).mean == pytest.approx(2)
