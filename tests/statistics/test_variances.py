import numpy as np
import pytest

from rnnbench.statistics.variances import moderated


def test_it_gives_the_prior_that_the_variances_were_drawn_from() -> None:
    """Smyth (2004), section 3: s^2 is s0^2 F(d, d0); here d = 2, s0^2 = 0.5, d0 = 6."""
    rng = np.random.default_rng(0)
    own = 0.5 * rng.f(2, 6, 20_000)
    squeezed, total = moderated(own, np.full(len(own), 2.0))
    weight = total[0] - 2
    assert weight == pytest.approx(6, rel=0.1)
    usual = (squeezed[0] * total[0] - 2 * own[0]) / weight
    assert usual == pytest.approx(0.5, rel=0.05)


def test_equal_variances_are_pooled_but_no_more_degrees_than_there_are() -> None:
    own = np.array([0.9, 1.0, 1.1, 1.05])
    squeezed, total = moderated(own, np.full(4, 4.0))
    assert np.ptp(squeezed) == 0
    assert (total == 16).all()


def test_each_variance_moves_towards_the_usual_one() -> None:
    own = np.array([0.001, 1.0, 0.9, 200.0, 1.2])
    squeezed, total = moderated(own, np.full(5, 2.0))
    assert squeezed[0] > own[0]
    assert squeezed[3] < own[3]
    assert (np.argsort(squeezed) == np.argsort(own)).all()
    assert (total > 2).all()


def test_rows_of_one_replicate_stay_and_tell_nothing() -> None:
    own = np.array([1.0, 2.0, 3.0, 0.0])
    squeezed, total = moderated(own, np.array([2.0, 2.0, 2.0, 0.0]))
    assert (squeezed[3], total[3]) == (0, 0)
    assert (squeezed[:3] == moderated(own[:3], np.full(3, 2.0))[0]).all()


@pytest.mark.parametrize("own", [[], [1.0], [1.0, 5.0], [0.0, 0.0, 0.0, 2.0]])
def test_too_few_rows_or_none_that_vary_stay_as_they_are(own: list[float]) -> None:
    variances, degrees = np.array(own), np.full(len(own), 2.0)
    squeezed, total = moderated(variances, degrees)
    assert (squeezed == variances).all()
    assert (total == degrees).all()
