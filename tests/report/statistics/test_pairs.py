import numpy as np
import pandas as pd
import pytest

from rnnbench.report.statistics.intervals import Interval, PairedScores
from rnnbench.report.statistics.pairs import compare


def correct(rng, share: float, replicates: int = 3, samples: int = 800) -> np.ndarray:
    return (rng.random((replicates, samples)) < share).astype(float)


def compared(tables: dict[str, np.ndarray]) -> pd.DataFrame:
    return compare(list(tables), PairedScores(list(tables.values()), [True] * len(tables)))


def test_a_large_difference_is_significant_and_none_is_not() -> None:
    rng = np.random.default_rng(0)
    tables = {"good": correct(rng, 0.9), "fair": correct(rng, 0.7), "same": correct(rng, 0.7)}
    pairs = compared(tables).set_index(["first", "second"])
    assert pairs["different"].to_dict() == {
        ("good", "fair"): True,
        ("good", "same"): True,
        ("fair", "same"): False,
    }
    assert (pairs["low"] <= pairs["difference"]).all()
    assert (pairs["difference"] <= pairs["high"]).all()


def test_p_is_corrected_by_holms_method() -> None:
    """Holm (1979): the smallest of m times m, the next times m - 1, and never decreasing."""

    class Scores:
        def difference(self, first: int, second: int) -> tuple[Interval, float]:
            p = {(0, 1): 0.02, (0, 2): 0.01, (1, 2): 0.04}
            return Interval(0.1, 0.0, 0.2), p[first, second]

    pairs = compare(["a", "b", "c"], Scores())
    assert list(pairs["p_holm"]) == pytest.approx([0.04, 0.03, 0.04])
    assert list(pairs["different"]) == [True, True, True]


def test_the_same_samples_make_a_small_difference_significant() -> None:
    """Both misclassify the hard samples; their separate intervals overlap widely."""
    rng = np.random.default_rng(1)
    easy = rng.random(800) < 0.7
    first = np.tile(easy, (5, 1)).astype(float)
    second = first.copy()
    second[:, np.flatnonzero(easy)[:16]] = 0
    separate = [PairedScores([table], [True]).interval(0) for table in (first, second)]
    assert separate[1].high > separate[0].low
    (row,) = compared({"first": first, "second": second}).to_dict("records")
    assert row["different"]
    assert row["difference"] == pytest.approx(0.02)


def test_one_variant_has_no_pair() -> None:
    assert len(compared({"only": np.ones((2, 5))})) == 0
