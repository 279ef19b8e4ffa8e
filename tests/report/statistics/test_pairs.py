from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnbench.report.statistics.crossed import CrossedScores
from rnnbench.report.statistics.estimates import Estimate
from rnnbench.report.statistics.pairs import COLUMNS, Scores, compare, ranks
from rnnbench.report.statistics.splits import SplitScores

OVERLAP = 0.27


def drawn(rng, variants: int, splits: int, overlap: float) -> np.ndarray:
    """Scores around 0 as Nadeau and Bengio model them; the variance in a split is 1."""
    shared = np.sqrt(overlap) * rng.normal(size=(variants, 1))
    return shared + rng.normal(size=(variants, splits))


def tables(rng, shares: list[float], replicates: int = 3, samples: int = 200) -> list[np.ndarray]:
    hard = rng.uniform(-0.1, 0.1, samples)
    found = []
    for share in shares:
        probability = share + hard + rng.normal(0, 0.02, (replicates, 1))
        found.append((rng.random((replicates, samples)) < probability).astype(float))
    return found


def level(values: np.ndarray, overlap: float) -> float:
    """The level of one interval: the smallest one that `compare` calls significant at 0.05."""
    names = [str(number) for number in range(len(values))]
    found = compare(names, SplitScores(values, overlap)).iloc[0]
    estimate = SplitScores(values, overlap).difference(0, 1)
    half = found["high"] - found["effect"]
    return float(2 * stats.t.sf(half / estimate.error, estimate.degrees))


@pytest.mark.parametrize(
    ("variants", "splits", "overlap", "short"),
    [(6, 10, OVERLAP, 10), (6, 10, 0.0, 10), (6, 10, OVERLAP, 3), (6, 10, 0.0, 4), (6, 3, 0.0, 3)],
)
def test_all_intervals_of_a_table_hold_in_95_percent(variants, splits, overlap, short) -> None:
    """1,000 tables of variants with different means, of which the last has `short` splits.

    Means shift no p: as many tables have a significant pair if all means are equal.
    """
    rng = np.random.default_rng(0)
    means = np.linspace(0, 2, variants)
    pairs = list(combinations(range(variants), 2))
    alpha, missed = None, 0
    for _ in range(1000):
        values = drawn(rng, variants, splits, overlap)
        values[-1, short:] = np.nan
        # The level depends on which scores there are, not on their values.
        alpha = alpha or level(values, overlap)
        scores = SplitScores(values + means[:, None], overlap)
        holds = [
            scores.difference(i, j).interval(alpha).contains(means[i] - means[j]) for i, j in pairs
        ]
        missed += not all(holds)
    assert 0.935 <= 1 - missed / 1000 <= 0.97


def scored(seed: int, kind: str) -> Scores:
    rng = np.random.default_rng(seed)
    if kind == "crossed":
        return CrossedScores(tables(rng, [0.6, 0.65, 0.7, 0.65]), [True] * 4)
    overlap = OVERLAP if kind == "overlap" else 0.0
    values = drawn(rng, 4, 8, overlap) + rng.uniform(0, 4, (4, 1))
    if kind == "equal":
        values[1] = values[0]
        values[2] = values[0] + 1e-3 * values[2]
    elif kind == "short":
        values[2, 3:] = np.nan
        values[3, 1:] = np.nan
    return SplitScores(values, overlap)


@pytest.mark.parametrize("kind", ["overlap", "new", "equal", "short", "crossed"])
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_pair_differs_exactly_if_its_interval_excludes_0_and_its_p_is_at_most_5_percent(
    kind: str, seed: int
) -> None:
    found = compare(list("abcd"), scored(seed, kind))
    assert tuple(found) == COLUMNS
    assert len(found) == (3 if kind == "short" else 6)
    excluded = (found["low"] > 0) | (found["high"] < 0)
    assert (found["different"] == excluded).all()
    assert (found["different"] == (found["p_adjusted"] <= 0.05)).all()
    assert (found["p_adjusted"] >= found["p"]).all()
    assert (found["low"] <= found["effect"]).all()
    assert (found["effect"] <= found["high"]).all()
    assert found.sort_values("p")["p_adjusted"].is_monotonic_increasing


def test_one_pair_needs_no_correction() -> None:
    values = drawn(np.random.default_rng(1), 2, 10, 0.0)
    (row,) = compare(["a", "b"], SplitScores(values, 0.0)).to_dict("records")
    expected = stats.ttest_rel(values[0], values[1])
    assert (row["p"], row["p_adjusted"]) == pytest.approx([expected.pvalue] * 2)
    assert (row["low"], row["high"]) == pytest.approx(expected.confidence_interval())


def test_p_is_that_of_the_smallest_drawn_one() -> None:
    """Drawn uniformly, it changes no p; the data count as one more draw, so that none is 0."""

    class Given(SplitScores):
        def smallest_p(self, _pairs, draws, _rng):
            return (np.arange(draws) + 1) / draws

    values = drawn(np.random.default_rng(2), 3, 10, 0.0)
    found = compare(list("abc"), Given(values, 0.0))
    assert found["p_adjusted"].tolist() == pytest.approx(found["p"].tolist(), abs=1 / 2000)
    values[0] += 100
    assert compare(list("abc"), Given(values, 0.0))["p_adjusted"].min() == pytest.approx(1 / 10_001)


def test_differences_at_the_limit_are_decided_alike() -> None:
    """36 pairs with p of 0.0300 to 0.0335, in steps of 0.0001, and a level of 0.0318."""

    class Close:
        def difference(self, first: int, second: int) -> Estimate:
            p = 0.03 + 1e-4 * (list(combinations(range(9), 2)).index((first, second)) + 0.5)
            return Estimate(float(stats.norm.isf(p / 2)), 1.0, 0.0, np.inf, 2)

        def smallest_p(self, _pairs, draws, _rng):
            return 0.636 * (np.arange(draws) + 1) / draws

    found = compare([str(number) for number in range(9)], Close())
    assert found["different"].tolist() == (found["p"] < 0.0318).tolist()
    assert found["different"].tolist() == (found["low"] > 0).tolist()
    assert found["different"].tolist() == (found["p_adjusted"] <= 0.05).tolist()
    assert found["different"].sum() == 18


def test_the_level_of_many_equal_pairs_is_not_above_that_of_one() -> None:
    """Without the limit, accidents of the draws could make it 0.052."""

    class Lenient(SplitScores):
        def smallest_p(self, _pairs, draws, _rng):
            return np.ones(draws)

    values = np.zeros((3, 10))
    values[2] = np.arange(10)
    found = compare(list("abc"), Lenient(values, 0.0))
    expected = stats.ttest_1samp(values[2], 0.0).confidence_interval()
    assert (-found["high"].iloc[1], -found["low"].iloc[1]) == pytest.approx(expected)


def test_the_same_samples_make_a_small_difference_significant() -> None:
    """Both misclassify the hard samples; their separate intervals overlap widely."""
    easy = np.random.default_rng(3).random(800) < 0.7
    first = np.tile(easy, (5, 1)).astype(float)
    second = first.copy()
    second[:, np.flatnonzero(easy)[:16]] = 0
    scores = CrossedScores([first, second], [True, True])
    assert scores.mean(1).interval().high > scores.mean(0).interval().low
    (row,) = compare(["first", "second"], scores).to_dict("records")
    assert row["different"]
    assert row["effect"] == pytest.approx(0.02)


def test_a_deterministic_method_and_networks_are_compared() -> None:
    rng = np.random.default_rng(4)
    found = tables(rng, [0.9, 0.6, 0.6], samples=800)
    scores = CrossedScores([*found, *tables(rng, [0.5], 1, 800)], [True, True, True, False])
    pairs = compare(list("abcd"), scores).set_index(["first", "second"])
    assert pairs["different"][[("a", "b"), ("a", "c"), ("a", "d")]].all()
    assert not pairs["different"]["b", "c"]


@pytest.mark.parametrize("scores", [np.ones((1, 5)), np.ones((3, 1)), np.eye(3) + np.nan])
def test_no_pair_can_be_tested_of_one_variant_or_one_split(scores: np.ndarray) -> None:
    found = compare([str(number) for number in range(len(scores))], SplitScores(scores, 0.0))
    assert (tuple(found), len(found)) == (COLUMNS, 0)


@pytest.mark.parametrize("kind", ["overlap", "new", "equal", "crossed"])
def test_somebody_is_the_best(kind: str) -> None:
    found = ranks(scored(5, kind), True)
    assert found["p_best"].sum() == pytest.approx(1)
    assert (found["rank_low"] >= 1).all()
    assert (found["rank_low"] <= found["rank_high"]).all()
    assert (found["rank_high"] <= 4).all()


def test_a_variant_with_one_split_has_no_rank() -> None:
    found = ranks(scored(6, "short"), True)
    assert found.index[found["p_best"].isna()].tolist() == [3]
    assert found.loc[3].isna().all()
    assert found["p_best"].sum() == pytest.approx(1)
    assert found["rank_high"].max() <= 3


def test_a_clear_order_is_certain_and_turns_with_its_direction() -> None:
    values = drawn(np.random.default_rng(7), 3, 10, OVERLAP) + np.array([[0], [50], [100]])
    for higher, expected in ((True, [3, 2, 1]), (False, [1, 2, 3])):
        found = ranks(SplitScores(values, OVERLAP), higher)
        assert found["rank_low"].tolist() == expected
        assert found["rank_high"].tolist() == expected
        assert found["p_best"].tolist() == [float(rank == 1) for rank in expected]


def test_equal_scores_share_the_first_place() -> None:
    values = np.tile(drawn(np.random.default_rng(8), 1, 10, 0.0), (2, 1))
    assert ranks(SplitScores(values, 0.0), True)["p_best"].tolist() == pytest.approx(
        [0.5, 0.5], abs=0.03
    )
    tied = CrossedScores([np.array([[0.0, 1.0]])] * 2, [False, False])
    assert ranks(tied, True)["p_best"].tolist() == pytest.approx([0.5, 0.5], abs=0.03)


@pytest.mark.parametrize("overlap", [0.0, OVERLAP])
def test_the_probability_of_being_the_best_of_two_is_one_sided_p(overlap: float) -> None:
    """So it is uniform for equal variants, with a mean of 0.5."""
    rng = np.random.default_rng(9)
    best = []
    for _ in range(120):
        scores = SplitScores(drawn(rng, 2, 6, overlap), overlap)
        best.append(ranks(scores, True)["p_best"][0])
        estimate = scores.difference(0, 1)
        one_sided = stats.t.cdf(estimate.mean / estimate.error, estimate.degrees)
        assert best[-1] == pytest.approx(one_sided, abs=0.02)
    assert np.mean(best) == pytest.approx(0.5, abs=0.08)
