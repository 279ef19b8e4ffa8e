"""What decides between two variants."""

import pytest

from rnnbench.report.contrasts import pair_answer
from tests.frozen import PARAMS


@pytest.mark.parametrize(
    ("measure", "different", "ends", "answer"),
    [
        ("accuracy", True, (0.05, 0.01, 0.09), "first"),
        ("accuracy", True, (-0.05, -0.09, -0.01), "second"),
        ("accuracy", False, (0.001, -0.019, 0.019), "equal"),
        ("accuracy", False, (0.001, -0.021, 0.019), "open"),
        ("loss", True, (2.0, 1.5, 3.0), "first"),
        ("loss", True, (0.5, 0.3, 0.7), "second"),
        ("loss", False, (1.0, 0.81, 1.24), "equal"),
        ("loss", False, (1.0, 0.79, 1.24), "open"),
    ],
)
def test_a_pair_is_answered_by_its_interval_and_the_margin(
    measure: str, different: bool, ends: tuple[float, ...], answer: str
) -> None:
    row = dict(zip(("effect", "low", "high"), ends, strict=True))
    row |= {"measure": measure, "different": different}
    assert pair_answer(row, PARAMS.comparison) == answer
