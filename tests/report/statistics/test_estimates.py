import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.report.statistics.estimates import Estimate, independent

DEGREES = st.one_of(st.floats(1, 1e6), st.just(np.inf))


def significant(rng, mean: float, splits: int, overlap: float, alpha: float) -> float:
    """The simulated power of the test of Nadeau and Bengio; the variance in a split is 1."""
    gaps = rng.normal(mean, 1, (40_000, splits)) + np.sqrt(overlap) * rng.normal(size=(40_000, 1))
    error = gaps.std(axis=1, ddof=1) * np.sqrt(1 / splits + overlap)
    return float(np.mean(gaps.mean(axis=1) / error > stats.t.isf(alpha / 2, splits - 1)))


@given(st.floats(-5, 5), st.floats(1e-3, 5), DEGREES, st.floats(1e-4, 0.5))
def test_the_interval_contains_0_exactly_if_p_is_not_below_alpha(mean, error, degrees, alpha):
    found = Estimate(mean, error**2 / 2, error**2 / 2, degrees, 3)
    if abs(found.p - alpha) > 1e-9:
        assert found.interval(alpha).contains(0) == (found.p > alpha)


def test_without_an_error_there_is_only_the_mean() -> None:
    for mean, p in ((0.0, 1.0), (0.1, 0.0)):
        found = Estimate(mean, 0.0, 0.0, 2, 3)
        assert (found.p, found.detectable()) == (p, 0)
        assert (found.interval().low, found.interval().high) == (mean, mean)
    assert Estimate(0.1, 0.0, 0.0, 2, 3).needed() == 2
    assert Estimate(0.0, 0.0, 0.0, 2, 3).needed() is None


@pytest.mark.parametrize("splits", [2, 3, 10, 40])
@pytest.mark.parametrize(("overlap", "alpha"), [(0.0, 0.05), (0.27, 0.05), (0.27, 0.004)])
def test_the_power_at_the_detectable_difference_is_80_percent(splits, overlap, alpha) -> None:
    smallest = Estimate(0.0, 1 / splits, overlap, splits - 1, splits).detectable(alpha)
    rng = np.random.default_rng(0)
    assert significant(rng, smallest, splits, overlap, alpha) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("alpha", [0.05, 0.004, 1e-5, 1e-9])
@pytest.mark.parametrize("degrees", [1, 1.5, 4.2, 150, 5000, 20_000, np.inf])
def test_the_detectable_difference_exists_for_any_degrees_of_freedom(degrees, alpha) -> None:
    """Between the bounds that the quantiles of the error give."""
    ratio = Estimate(0.0, 1.0, 0.0, degrees, 3).detectable(alpha)
    critical = stats.t.isf(alpha / 2, degrees)
    finite = min(degrees, 1e9)
    inner, outer = np.sqrt(stats.chi2.ppf([0.7, 0.9], finite) / finite)
    assert critical * inner - 0.7 <= ratio <= critical * outer + 1.5


@pytest.mark.parametrize("overlap", [0.0, 0.05])
@pytest.mark.parametrize("mean", [0.8, 1.2])
def test_the_needed_replicates_have_a_power_of_80_percent_and_one_less_has_not(
    overlap: float, mean: float
) -> None:
    needed = Estimate(mean, 1 / 3, overlap, 2, 3).needed()
    rng = np.random.default_rng(1)
    assert significant(rng, mean, needed, overlap, 0.05) >= 0.79
    assert significant(rng, mean, needed - 1, overlap, 0.05) <= 0.81


def test_no_number_of_splits_finds_less_than_their_overlap_hides() -> None:
    assert Estimate(0.5, 0.1, 0.27, 9, 10).needed() is None
    assert Estimate(0.0, 0.1, 0.27, 9, 10).needed() is None
    assert Estimate(1.6, 0.1, 0.27, 9, 10).needed() > 10


def test_fewer_degrees_of_freedom_or_a_stricter_level_need_more() -> None:
    base = Estimate(1.0, 0.1, 0.0, 9, 10)
    assert base.detectable(0.01) > base.detectable()
    assert base.needed(0.01) > base.needed()
    assert Estimate(1.0, 0.1, 0.0, 2, 10).detectable() > base.detectable()
    assert Estimate(1.0, 0.1, 0.0, 1e6, 10).detectable() == pytest.approx(
        (1.96 + 0.8416) * 0.1**0.5, rel=1e-3
    )


def test_independent_means_are_compared_as_by_welch() -> None:
    rng = np.random.default_rng(2)
    one, two = rng.normal(0.3, 1, 8), rng.normal(0, 3, 5)

    def mean(values: np.ndarray) -> Estimate:
        count = len(values)
        return Estimate(values.mean(), values.var(ddof=1) / count, 0.0, count - 1, count)

    found = independent(mean(one), mean(two))
    expected = stats.ttest_ind(one, two, equal_var=False)
    assert (found.p, found.degrees) == pytest.approx((expected.pvalue, expected.df))
    interval = expected.confidence_interval()
    assert (found.interval().low, found.interval().high) == pytest.approx(interval)
    assert found.replicates == 5


def test_a_mean_without_error_adds_none() -> None:
    known, other = Estimate(1.0, 0.0, 0.0, 9, 10), Estimate(0.5, 0.02, 0.01, 4, 5)
    found = independent(known, other)
    assert (found.mean, found.error, found.degrees) == pytest.approx((0.5, 0.03**0.5, 4))
    assert independent(known, known).p == 1
    assert independent(known, Estimate(0.5, 0.02, 0.0, np.inf, 2)).degrees == np.inf
    assert independent(known, Estimate(0.5, 0.0, 0.0, np.inf, 2)).p == 0
