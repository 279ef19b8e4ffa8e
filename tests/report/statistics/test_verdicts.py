import pytest

from rnnbench.report.statistics.intervals import Interval
from rnnbench.report.statistics.verdicts import share_interval, verdict


@pytest.mark.parametrize(
    ("mean", "published", "expected"),
    [(0.80, 0.80, "consistent"), (0.80, 0.84, "below"), (0.80, 0.76, "above")],
)
def test_a_verdict_follows_from_both_intervals(mean, published, expected: str) -> None:
    assert verdict(Interval(mean, 0.79, 0.81), published, 5000, 0.0) == expected


def test_a_published_figure_of_few_samples_has_a_wider_interval() -> None:
    assert verdict(Interval(0.80, 0.79, 0.81), 0.84, 5000, 0.0) == "below"
    assert verdict(Interval(0.80, 0.79, 0.81), 0.84, 100, 0.0) == "consistent"


def test_the_nearer_bounds_decide() -> None:
    assert verdict(Interval(0.80, 0.60, 0.81), 0.84, 5000, 0.0) == "below"
    assert verdict(Interval(0.80, 0.79, 0.95), 0.84, 5000, 0.0) == "consistent"


def test_the_variance_of_one_published_run_counts() -> None:
    assert verdict(Interval(0.80, 0.79, 0.81), 0.84, 5000, 0.0) == "below"
    assert verdict(Interval(0.80, 0.79, 0.81), 0.84, 5000, 0.05) == "consistent"
    assert verdict(Interval(0.80, 0.79, 0.81), 0.84, 5000, None) == "not tested"


def test_share_interval_is_wilsons() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263."""
    found = share_interval(81 / 263, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
