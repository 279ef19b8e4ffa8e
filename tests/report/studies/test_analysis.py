"""Studies with a known truth: what is chosen, and every figure by hand."""

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED
from rnnbench.report.statistics.estimates import Estimate
from rnnbench.report.statistics.shares import share_interval
from rnnbench.report.studies.analysis import REACHED
from tests.report.helpers import SETTINGS
from tests.report.studies.invented import EVALUATION, TRAIN, analyse

NOISE = np.random.default_rng(5).normal(0, 0.02, (9, 12))
RATES = [0.001, 0.01, 0.1]
OVERLAP = EVALUATION / TRAIN


def noisy(mean: float, row: int, replicate: int) -> float:
    return round(mean + NOISE[row, replicate], 6)


def interval(values: np.ndarray, overlap: float, alpha: float = 0.05) -> list[float]:
    """Mean and interval of Nadeau and Bengio."""
    count = len(values)
    error = np.sqrt((1 / count + overlap) * values.var(ddof=1))
    half = stats.t.ppf(1 - alpha / 2, count - 1) * error
    return [values.mean(), values.mean() - half, values.mean() + half]


def share(mean: float, error: float, degrees: int) -> list[float]:
    """Mean and interval of an accuracy, which does not leave the shares."""
    found = share_interval(mean, EVALUATION, Estimate(mean, error**2, 0, degrees, degrees + 1))
    return [mean, found.low, found.high]


def p_of(gaps: np.ndarray, overlap: float) -> float:
    count = len(gaps)
    t = gaps.mean() / np.sqrt((1 / count + overlap) * gaps.var(ddof=1))
    return float(2 * stats.t.sf(abs(t), count - 1))


# What is chosen

DISAGREE = {
    # Rate -> accuracy on the validation and on the evaluation part.
    "A": {0.001: (0.9, 0.6), 0.01: (0.8, 0.99), 0.1: (0.7, 0.5)},
    "B": {0.001: (0.6, 0.95), 0.01: (0.7, 0.7), 0.1: (0.8, 0.65)},
}
AXES = {"cell": ["A", "B"], "learning_rate": RATES}


@pytest.mark.parametrize("numbers", [False, True])
def test_the_setting_is_chosen_on_the_validation_part_alone(tmp_path: Path, numbers: bool) -> None:
    def of(part: int) -> Any:
        def score(levels: dict[str, Any], replicate: int) -> float:
            value = DISAGREE[levels["cell"]][levels["learning_rate"]][part]
            return (1 - value if numbers else value) + 0.001 * replicate

        return score

    found = analyse(tmp_path, AXES, of(1), val=of(0), numbers=numbers).best
    assert found["learning_rate"].tolist() == [0.001, 0.1]
    expected = [0.4, 0.35] if numbers else [0.6, 0.65]
    assert found["score"].tolist() == pytest.approx([e + 0.0015 for e in expected], abs=1e-4)


def test_of_equal_accuracies_the_lower_loss_is_chosen(tmp_path: Path) -> None:
    found = analyse(tmp_path, AXES, lambda _, r: 0.8 + r / 100)
    losses = found.trainings["learning_rate"].map({0.001: 0.5, 0.01: 0.2, 0.1: 0.9})
    found.trainings["val_loss"] = losses
    assert found.best["learning_rate"].tolist() == [0.01, 0.01]


def test_a_setting_that_sometimes_diverges_is_chosen_only_if_all_do(tmp_path: Path) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float | None:
        if levels["learning_rate"] == 0.1 and replicate == 0:
            return None
        if levels["cell"] == "B" and replicate <= (levels["learning_rate"] == 0.01):
            return None
        return levels["learning_rate"] + replicate / 1000

    found = analyse(tmp_path, AXES, score).best
    assert found["learning_rate"].tolist() == [0.01, 0.1]
    assert found["diverged"].tolist() == [0, 1]


def test_every_split_counts_the_same_however_many_seeds_it_has(tmp_path: Path) -> None:
    # Of three replicates on two splits, the first split has two.
    good = {"learning_rate": [0.1, 0.2], "cell": ["A"]}

    def score(levels: dict[str, Any], replicate: int) -> float:
        return [0.5, 0.9, 0.7][replicate] if levels["learning_rate"] == 0.1 else 0.7

    found = analyse(tmp_path, good, score, of={"compare": "cell"}, replicates=3, splits=2)
    assert found.best["learning_rate"].tolist() == [0.1]
    assert found.best["score"].tolist() == pytest.approx([0.75])
    row = found.best.iloc[0]
    error = np.sqrt((1 / 2 + OVERLAP) * np.var([0.6, 0.9], ddof=1))
    expected = share(0.75, error, 1)
    assert 0 < expected[1] < 0.75 < expected[2] < 1
    assert [row["score"], row["low"], row["high"]] == pytest.approx(expected)


def test_an_accuracy_of_1_can_be_lower_and_more_epochs_do_not_help(tmp_path: Path) -> None:
    cells = {"cell": ["A", "B"]}
    analysis = analyse(tmp_path, cells, lambda v, _: 1.0 if v["cell"] == "A" else 0.8)
    in_last_epochs = analysis.trainings.assign(epoch=analysis.trainings["last_epoch"])
    best = replace(analysis, trainings=in_last_epochs).best
    assert best["score"].tolist() == [1, 0.8]
    assert best["high"][0] == 1
    assert 0.9 < best["low"][0] < 1
    assert best["short"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("rate", "edge"), [(0.001, True), (0.01, False), (0.1, True), ("schedule", False)]
)
def test_an_edge_is_the_smallest_or_the_largest_number_that_was_tried(
    tmp_path: Path, rate: Any, edge: bool
) -> None:
    axes = {"cell": ["A"], "learning_rate": [0.01, "schedule", 0.1, 0.001]}

    def score(levels: dict[str, Any], replicate: int) -> float:
        return (0.9 if levels["learning_rate"] == rate else 0.5) + replicate / 100

    found = analyse(tmp_path, axes, score).best
    assert found["learning_rate"].tolist() == [rate]
    assert found["edge"].tolist() == [edge]


def test_two_values_and_choices_without_an_order_have_no_edge(tmp_path: Path) -> None:
    axes = {"cell": ["A"], "learning_rate": [0.1, 0.2], "bidirectional": [True, False]}
    tune = ["learning_rate", "bidirectional"]
    found = analyse(tmp_path, axes, lambda _, r: 0.5 + r / 100, of={"tune": tune})
    assert found.best["edge"].tolist() == [False]


# Intervals and tests

MEANS = {"A": 0.9, "B": 0.85, "C": 0.84}
CELLS = {"cell": list(MEANS)}


@pytest.mark.parametrize(("protocol", "overlap"), [("by_film", OVERLAP), ("new", 0)])
def test_intervals_are_those_of_nadeau_and_bengio(
    tmp_path: Path, protocol: str, overlap: float
) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float:
        return noisy(MEANS[levels["cell"]], "ABC".index(levels["cell"]), replicate)

    found = analyse(tmp_path, CELLS, score, protocol=protocol).best
    for number, row in found.iterrows():
        values = np.array([score(row.rename({"level": "cell"}), r) for r in range(4)])
        error = np.sqrt((1 / 4 + overlap) * values.var(ddof=1))
        expected = share(values.mean(), error, 3)
        assert [row["score"], row["low"], row["high"]] == pytest.approx(expected), number


FACETS = {"cell": ["A", "B"], "depth": [1, 2, 3]}
GAPS = {1: 0.05, 2: 0.2, 3: 0.0}


def of_facets(levels: dict[str, Any], replicate: int) -> float:
    row = 3 * (levels["cell"] == "B") + levels["depth"]
    return noisy(0.7 + GAPS[levels["depth"]] * (levels["cell"] == "A"), row, replicate)


def test_pairs_are_compared_split_by_split_and_all_facets_are_one_family(tmp_path: Path) -> None:
    found = analyse(tmp_path, FACETS, of_facets).contrasts
    assert found["depth"].tolist() == [1, 2, 3]
    gaps = {
        depth: np.array(
            [
                of_facets({"cell": "A", "depth": depth}, r)
                - of_facets({"cell": "B", "depth": depth}, r)
                for r in range(4)
            ]
        )
        for depth in FACETS["depth"]
    }
    p = [p_of(values, OVERLAP) for values in gaps.values()]
    assert found["p"].tolist() == pytest.approx(p)
    adjusted = multipletests(p, method="holm")[1]
    assert found["p_adjusted"].tolist() == pytest.approx(adjusted.tolist())
    assert not np.allclose(adjusted, p)
    for row, values in zip(found.to_dict("records"), gaps.values(), strict=True):
        expected = interval(values, OVERLAP, 1 - row["level"])
        assert [row["effect"], row["low"], row["high"]] == pytest.approx(expected)
        assert (row["low"] > 0 or row["high"] < 0) == (row["p_adjusted"] < 0.05)
        assert row["used"] == 4
    assert found["answer"].tolist()[1:] == [FIRST, OPEN]


def test_errors_of_numbers_are_compared_by_their_ratio(tmp_path: Path) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float:
        row = "AB".index(levels["cell"])
        return float(10 ** (-2 - row + 20 * NOISE[row, replicate]))

    analysis = analyse(tmp_path, {"cell": ["A", "B"]}, score, numbers=True, protocol="new")
    logs = {c: np.log([score({"cell": c}, r) for r in range(4)]) for c in "AB"}
    for row in analysis.best.to_dict("records"):
        expected = np.exp(interval(logs[row["level"]], 0))
        assert [row["score"], row["low"], row["high"]] == pytest.approx(expected.tolist())
    row = analysis.contrasts.iloc[0]
    expected = np.exp(interval(logs["B"] - logs["A"], 0))
    assert [row["effect"], row["low"], row["high"]] == pytest.approx(expected.tolist())
    assert row["effect"] < 1
    assert row["measure"] == "loss"


@pytest.mark.parametrize(
    ("gap", "noise", "answer"),
    [(0.2, 1, FIRST), (-0.2, 1, SECOND), (0.0, 0.05, EQUAL), (0.02, 3, OPEN), (0.1, 0, UNTESTED)],
)
def test_an_answer_is_what_the_interval_decides(
    tmp_path: Path, gap: float, noise: float, answer: str
) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float:
        row = "AB".index(levels["cell"])
        return 0.6 + gap * (row == 0) + noise * NOISE[row, replicate]

    found = analyse(tmp_path, {"cell": ["A", "B"]}, score).contrasts
    assert found["answer"].tolist() == [answer]


def test_a_single_split_has_the_errors_of_trainings_and_of_samples(tmp_path: Path) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float:
        return noisy(MEANS[levels["cell"]], "ABC".index(levels["cell"]), replicate)

    analysis = analyse(tmp_path, {"cell": ["A", "B"]}, score, splits=1, protocol="last")
    values = {c: np.array([score({"cell": c}, r) for r in range(4)]) for c in "AB"}
    variances = {c: v.var(ddof=1) / 4 + 0.02**2 for c, v in values.items()}
    for row in analysis.best.to_dict("records"):
        error = math.sqrt(variances[row["level"]])
        expected = share(values[row["level"]].mean(), error, 3)
        assert [row["score"], row["low"], row["high"]] == pytest.approx(expected)
    row = analysis.contrasts.iloc[0]
    total = sum(variances.values())
    degrees = total**2 / sum(v**2 / 3 for v in variances.values())
    t = (values["A"].mean() - values["B"].mean()) / math.sqrt(total)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(t), degrees))
    assert row["splits"] == 1


def test_of_two_sizes_of_the_training_part_the_smaller_one_counts(tmp_path: Path) -> None:
    axes = {"dataset.train": [TRAIN, TRAIN // 4]}

    def score(levels: dict[str, Any], replicate: int) -> float:
        return noisy(0.8, int(levels["dataset.train"] == TRAIN), replicate)

    for place, order in enumerate((1, -1)):
        turned = {"dataset.train": axes["dataset.train"][::order]}
        found = analyse(
            tmp_path / str(place), turned, score, train=lambda levels: levels["dataset.train"]
        )
        gaps = NOISE[0, :4].round(6) - NOISE[1, :4].round(6)
        assert found.contrasts["p"].iloc[0] == pytest.approx(p_of(gaps, 4 * OVERLAP), rel=1e-4)


def test_a_score_is_better_than_the_baseline_if_its_test_says_so(tmp_path: Path) -> None:
    means = {"A": 0.9, "B": 0.53, "C": 0.3}

    def score(levels: dict[str, Any], replicate: int) -> float:
        return noisy(means[levels["cell"]], "ABC".index(levels["cell"]), replicate)

    found = analyse(tmp_path, CELLS, score).best
    assert found["baseline"].tolist() == [0.5] * 3
    p = [p_of(np.array([score({"cell": c}, r) for r in range(4)]) - 0.5, OVERLAP) for c in means]
    significant = multipletests(p, method="holm")[1] < 0.05
    # Significantly worse is not better.
    assert significant.tolist() == [True, False, True]
    assert found["better_than_baseline"].tolist() == [True, False, False]


# Tuning


def best_by_enumeration(values: list[float], order: list[float], k: int) -> float:
    """The mean over all subsets of k of the value whose order is highest."""
    subsets = itertools.combinations(range(len(values)), k)
    return float(np.mean([values[max(s, key=lambda n: order[n])] for s in subsets]))


@pytest.mark.parametrize("numbers", [False, True])
def test_the_expected_best_of_k_is_that_of_all_subsets(tmp_path: Path, numbers: bool) -> None:
    axes = {"cell": ["A"], "learning_rate": [1, 2, 3], "epochs": [1, 2]}
    rng = np.random.default_rng(0)
    scores, vals = rng.uniform(0.2, 0.9, (2, 3, 2))

    def of(values: np.ndarray) -> Any:
        return lambda levels, _: values[levels["learning_rate"] - 1, levels["epochs"] - 1]

    found = analyse(
        tmp_path,
        axes,
        of(scores),
        val=of(vals),
        numbers=numbers,
        of={"tune": ["learning_rate", "epochs"]},
    ).tuning
    values = (np.log(scores) if numbers else scores).ravel().tolist()
    order = (-vals if numbers else vals).ravel().tolist()
    expected = [best_by_enumeration(values, order, k) for k in range(1, 7)]
    shown = np.exp(expected).tolist() if numbers else expected
    assert found["k"].tolist() == list(range(1, 7))
    assert found["expected"].tolist() == pytest.approx(shown)


def test_scores_within_the_margin_of_the_best_are_counted(tmp_path: Path) -> None:
    values = {1: 0.82, 2: 0.8, 3: 0.799, 4: 0.5}
    axes = {"cell": ["A"], "learning_rate": list(values)}
    found = analyse(tmp_path, axes, lambda levels, _: values[levels["learning_rate"]]).tuning
    assert SETTINGS.margin == 0.02
    assert set(found["near"]) == {2}
    assert set(found["settings"]) == {4}


def test_tuning_leaves_out_a_level_of_which_a_setting_always_diverges(tmp_path: Path) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float | None:
        return None if levels == {"cell": "A", "learning_rate": 0.1} else 0.5 + replicate / 100

    found = analyse(tmp_path, AXES, score)
    assert set(found.tuning["level"]) == {"B"}
    assert found.best["level"].tolist() == ["A", "B"]


# Compute


def test_the_compute_to_the_goal_is_that_of_the_first_epoch_that_reaches_it(
    tmp_path: Path,
) -> None:
    axes = {"cell": ["A", "B", "C"], "learning_rate": [1, 2]}
    curves = {
        ("A", 1): [0.6, 0.7, 0.96],
        ("A", 2): [0.6, 0.95, 0.94],
        ("B", 1): [0.5, 0.6, 1.0],
        ("B", 2): [0.5, 0.5, 0.5],
        ("C", 1): [0.7, 0.8, 0.94],
        ("C", 2): [0.7, 0.8, 0.9],
    }
    units = {"A": 100, "B": 10, "C": 1}
    found = analyse(
        tmp_path,
        axes,
        lambda *_: 0.8,
        curve=lambda levels, _: curves[levels["cell"], levels["learning_rate"]],
        size=lambda levels: units[levels["cell"]],
    ).compute
    goal = 0.5 + REACHED * (1.0 - 0.5)
    assert found["goal"].tolist() == pytest.approx([goal] * 3)
    assert found["epoch"].tolist()[:2] == [2, 3]
    assert found["learning_rate"].tolist()[:2] == [2, 1]
    # Forward, and about twice that backward.
    expected = [100 * TRAIN * 3 * 2, 10 * TRAIN * 3 * 3]
    assert found["reached"].tolist()[:2] == expected
    assert pd.isna(found["reached"].iloc[2])


def test_each_dataset_has_a_goal_of_its_own_and_numbers_a_logarithmic_one(tmp_path: Path) -> None:
    axes = {"cell": ["A", "B"], "dataset.length": [10, 20]}
    lowest = {10: 1e-4, 20: 1e-1}
    found = analyse(
        tmp_path,
        axes,
        lambda levels, _: lowest[levels["dataset.length"]],
        numbers=True,
        curve=lambda levels, _: [0.9, lowest[levels["dataset.length"]]],
    )
    goals = [lowest[length] ** REACHED for length in (10, 10, 20, 20)]
    assert found.compute["goal"].tolist() == pytest.approx(goals)
    assert found.compute["dataset.length"].tolist() == [10, 10, 20, 20]
    spent, scores = found.envelope("A", {"dataset.length": 20})
    assert spent == [100 * TRAIN * 3, 100 * TRAIN * 3 * 2]
    assert scores == pytest.approx([0.9, 0.1])


def test_an_epoch_that_not_every_training_has_reached_does_not_count(tmp_path: Path) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float | None:
        return None if levels["cell"] == "A" and replicate == 0 else 0.8

    curves = {"A": [0.6, 1.0], "B": [0.6, 0.8]}
    found = analyse(
        tmp_path, {"cell": ["A", "B"]}, score, curve=lambda levels, _: curves[levels["cell"]]
    ).compute
    assert found["goal"].tolist() == pytest.approx([0.5 + REACHED * 0.3] * 2)
    assert found["reached"].isna().tolist() == [True, False]


def test_a_budget_of_compute_is_an_axis_like_the_others(tmp_path: Path) -> None:
    axes = {"cell": ["A", "B"], "compute": [100, 200]}
    found = analyse(
        tmp_path, axes, lambda _, r: 0.8 + r / 100, size=lambda levels: levels["compute"]
    ).compute
    assert found["compute"].tolist() == [100, 100]
    assert found["reached"].tolist() == [100 * TRAIN * 3] * 2


@pytest.mark.parametrize("without", ["multiply_adds", "val_loss"])
def test_there_is_no_compute_without_equal_lengths_or_a_validation_part(
    tmp_path: Path, without: str
) -> None:
    found = analyse(tmp_path, CELLS, lambda _, r: 0.5 + r / 100)
    assert len(found.compute) == 3
    other = analyse(tmp_path / "other", CELLS, lambda _, r: 0.5 + r / 100)
    other.trainings[without] = np.nan
    assert other.compute.empty
