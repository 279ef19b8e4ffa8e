import numpy as np
import pytest

from rnnbench.report.statistics.variances import moderated


def test_it_gives_the_prior_that_the_variances_were_drawn_from() -> None:
    """Smyth (2004), section 3: s^2 is s0^2 F(d, d0); here d = 2, s0^2 = 0.5, d0 = 6."""
    rng = np.random.default_rng(0)
    own = np.append(0.5 * rng.f(2, 6, 20_000), 0.0)
    squeezed, total = moderated(own, np.append(np.full(20_000, 2.0), 0.0))
    assert (squeezed[-1], total[-1]) == (pytest.approx(0.5, rel=0.05), pytest.approx(6, rel=0.1))
    steady = own[:-1].argmin()
    assert total[steady] == total[-1] + 2
    expected = (total[-1] * squeezed[-1] + 2 * own[steady]) / total[steady]
    assert squeezed[steady] == pytest.approx(expected)


def test_no_row_has_more_degrees_than_all_together() -> None:
    own = np.array([0.9, 1.0, 1.1, 1.05])
    squeezed, total = moderated(own, np.full(4, 4.0))
    assert squeezed[0] == pytest.approx(squeezed[1], rel=0.05)
    assert (total == 16).all()


def test_a_steady_row_is_raised_and_an_unsteady_one_is_not_lowered() -> None:
    own = np.array([0.001, 1.0, 0.9, 200.0, 1.2])
    squeezed, total = moderated(own, np.full(5, 2.0))
    assert squeezed[0] > 10 * own[0]
    assert squeezed[3] == own[3]
    assert (np.argsort(squeezed) == np.argsort(own)).all()
    assert (total > 2).all()


def test_a_row_of_one_replicate_gets_what_is_usual_and_tells_nothing() -> None:
    own = np.array([1.0, 2.0, 9.0, 0.0])
    squeezed, total = moderated(own, np.array([2.0, 2.0, 2.0, 0.0]))
    assert 1 < squeezed[3] < 9
    assert total[3] > 0
    assert (squeezed[:3] == moderated(own[:3], np.full(3, 2.0))[0]).all()


@pytest.mark.parametrize("own", [[], [1.0], [1.0, 5.0], [0.0, 0.0, 0.0, 2.0]])
def test_too_few_rows_or_none_that_vary_stay_as_they_are(own: list[float]) -> None:
    variances, degrees = np.array(own), np.full(len(own), 2.0)
    squeezed, total = moderated(variances, degrees)
    assert (squeezed == variances).all()
    assert (total == degrees).all()
