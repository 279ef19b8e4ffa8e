import numpy as np
import pandas as pd
import pytest

from rnnbench.report.statistics.components import standard_deviations

PARTS = ["sd", "sd_seed", "sd_split", "sd_sample"]


def replicates(rng, splits: int, seeds: int, seed=0.02, split=0.03, sample=0.01) -> pd.DataFrame:
    number = np.repeat(np.arange(splits), seeds)
    by_split = rng.normal(0, np.hypot(split, sample), splits)
    values = 0.8 + by_split[number] + rng.normal(0, seed, len(number))
    return pd.DataFrame({"split": number, "accuracy": values, "accuracy_sample_sd": sample})


def test_each_part_is_the_one_that_was_drawn() -> None:
    """400 variants of ten splits with three seeds each; variances are averaged."""
    rng = np.random.default_rng(0)
    found = pd.DataFrame(
        [standard_deviations(replicates(rng, 10, 3), "accuracy", True) for _ in range(400)]
    )
    variances = (found**2).mean()
    assert np.sqrt(variances[["sd_seed", "sd_split", "sd_sample"]]).tolist() == pytest.approx(
        [0.02, 0.03, 0.01], rel=0.05
    )
    total = np.sqrt(0.02**2 + (0.03**2 + 0.01**2) * 27 / 29)
    assert np.sqrt(variances["sd"]) == pytest.approx(total, rel=0.05)


def test_splits_may_have_different_numbers_of_seeds() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(400):
        table = replicates(rng, 30, 4, seed=0.06)
        kept = table.groupby("split").cumcount() < 1 + table["split"] % 4
        found.append(standard_deviations(table[kept], "accuracy", True))
    parts = np.sqrt((pd.DataFrame(found)[["sd_seed", "sd_split"]] ** 2).mean())
    assert parts.tolist() == pytest.approx([0.06, 0.03], rel=0.05)


def test_a_method_without_seed_has_all_but_the_sample_from_its_splits() -> None:
    rng = np.random.default_rng(2)
    found = [
        standard_deviations(replicates(rng, 10, 1, seed=0.0), "accuracy", False) for _ in range(400)
    ]
    assert np.sqrt(np.mean([f["sd_split"] ** 2 for f in found])) == pytest.approx(0.03, rel=0.05)
    assert {f["sd_seed"] for f in found} == {None}


def test_seeds_and_splits_that_change_together_are_not_separated() -> None:
    found = standard_deviations(replicates(np.random.default_rng(3), 10, 1), "accuracy", True)
    assert (found["sd_seed"], found["sd_split"]) == (None, None)
    assert found["sd"] > 0
    assert found["sd_sample"] == pytest.approx(0.01)


def test_seeds_on_one_split_have_no_split_to_compare() -> None:
    table = replicates(np.random.default_rng(4), 1, 5)
    found = standard_deviations(table, "accuracy", True)
    assert found["sd_seed"] == pytest.approx(found["sd"]) == pytest.approx(table["accuracy"].std())
    assert found["sd_split"] is None


@pytest.mark.parametrize(("splits", "seeds"), [(1, 1), (2, 1), (1, 2)])
def test_fewer_than_three_replicates_have_no_standard_deviation(splits: int, seeds: int) -> None:
    table = replicates(np.random.default_rng(5), splits, seeds)
    assert standard_deviations(table, "accuracy", True) == dict.fromkeys(PARTS)


def test_two_splits_have_no_standard_deviation_between_splits() -> None:
    found = standard_deviations(replicates(np.random.default_rng(6), 2, 3), "accuracy", True)
    assert found["sd_split"] is None
    assert found["sd_seed"] > 0


def test_a_variance_below_that_of_the_samples_leaves_none_for_the_splits() -> None:
    table = replicates(np.random.default_rng(7), 5, 1, seed=0.0, split=0.0)
    table["accuracy"] = 0.8
    assert standard_deviations(table, "accuracy", False)["sd_split"] == 0
