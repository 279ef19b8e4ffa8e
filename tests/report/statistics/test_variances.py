import numpy as np
import pytest

from rnnbench.report.statistics.variances import moderated


def test_the_prior_is_that_from_which_the_variances_were_drawn() -> None:
    """Smyth (2004), section 3: s^2 is s0^2 F(d, d0); here d = 2, s0^2 = 0.5, d0 = 6."""
    rng = np.random.default_rng(0)
    variances = np.append(0.5 * rng.f(2, 6, 20_000), 0.0)
    shrunk, total = moderated(variances, np.append(np.full(20_000, 2.0), 0.0))
    assert (shrunk[-1], total[-1]) == (pytest.approx(0.5, rel=0.05), pytest.approx(6, rel=0.1))
    smallest = variances[:-1].argmin()
    assert total[smallest] == total[-1] + 2
    expected = (total[-1] * shrunk[-1] + 2 * variances[smallest]) / total[smallest]
    assert shrunk[smallest] == pytest.approx(expected)


def test_no_variant_has_more_degrees_of_freedom_than_all_together() -> None:
    variances = np.array([0.9, 1.0, 1.1, 1.05])
    shrunk, total = moderated(variances, np.full(4, 4.0))
    assert shrunk[0] == pytest.approx(shrunk[1], rel=0.05)
    assert (total == 16).all()


def test_a_small_variance_is_raised_and_a_large_one_is_not_lowered() -> None:
    variances = np.array([0.001, 1.0, 0.9, 200.0, 1.2])
    shrunk, total = moderated(variances, np.full(5, 2.0))
    assert shrunk[0] > 10 * variances[0]
    assert shrunk[3] == variances[3]
    assert (np.argsort(shrunk) == np.argsort(variances)).all()
    assert (total > 2).all()


def test_a_single_replicate_gets_the_prior_and_does_not_change_it() -> None:
    variances = np.array([1.0, 2.0, 9.0, 0.0])
    shrunk, total = moderated(variances, np.array([2.0, 2.0, 2.0, 0.0]))
    assert 1 < shrunk[3] < 9
    assert total[3] > 0
    assert (shrunk[:3] == moderated(variances[:3], np.full(3, 2.0))[0]).all()


@pytest.mark.parametrize("variances", [[], [1.0], [1.0, 5.0], [0.0, 0.0, 0.0, 2.0]])
def test_too_few_variances_or_zeros_stay_as_they_are(variances: list[float]) -> None:
    variances, degrees = np.array(variances), np.full(len(variances), 2.0)
    shrunk, total = moderated(variances, degrees)
    assert (shrunk == variances).all()
    assert (total == degrees).all()
