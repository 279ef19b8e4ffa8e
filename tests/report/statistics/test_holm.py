import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnnbench.report.statistics.estimates import Estimate
from rnnbench.report.statistics.holm import holm

PS = st.lists(st.one_of(st.floats(1e-6, 1), st.floats(1e-6, 0.06)), min_size=1, max_size=8)


@given(PS)
def test_each_p_is_multiplied_by_the_number_of_those_that_are_not_smaller(p: list[float]) -> None:
    ordered = sorted(p)
    by_place = [min(1, value * (len(p) - place)) for place, value in enumerate(ordered)]
    expected = dict(zip(ordered, np.maximum.accumulate(by_place), strict=True))
    assert holm(p)[0] == pytest.approx([expected[value] for value in p])


@given(PS, st.floats(1, 100))
def test_the_interval_at_the_level_decides_as_the_adjusted_p_does(p, degrees: float) -> None:
    adjusted, levels = holm(p)
    for own, corrected, level in zip(p, adjusted, levels, strict=True):
        # Rounded numbers decide either way.
        if abs(own - level) < 1e-9 or own > 0.999:
            continue
        error = 1 / float(stats.t.isf(own / 2, degrees))
        interval = Estimate(1.0, error**2, 0.0, degrees, 2).interval(level)
        assert (own < level) == (corrected <= 0.05) == (not interval.contains(0))


def test_levels_grow_to_that_of_the_first_test_that_is_not_significant() -> None:
    adjusted, levels = holm([0.03, 0.001, 0.9])
    assert adjusted == pytest.approx([0.06, 0.003, 0.9])
    assert levels == pytest.approx([0.05 / 2, 0.05 / 3, 0.05 / 2])
    assert holm([]) == ([], [])


def test_some_of_eight_true_hypotheses_is_rejected_in_at_most_5_percent() -> None:
    rng = np.random.default_rng(0)
    found = [min(holm(list(rng.random(8)))[0]) <= 0.05 for _ in range(4000)]
    assert np.mean(found) == pytest.approx(1 - (1 - 0.05 / 8) ** 8, abs=0.01)
