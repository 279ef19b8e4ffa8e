from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.data.roles import BASELINE, STRONG_BASELINE
from rnnbench.params import Published
from rnnbench.report.comparison import compare_all
from rnnbench.report.evaluation_sets import evaluation_sets
from rnnbench.report.results import Result
from tests.frozen import PARAMS
from tests.report.helpers import SETTINGS, N, invent


def compare(
    results: list[Result], published: dict[str, Published] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    table, pairs = compare_all(evaluation_sets(results), published or {}, SETTINGS)
    return table.set_index("variant"), pairs


def one(results: list[Result], name: str) -> Result:
    return next(result for result in results if result.name == name)


def test_corpora_keep_their_order_and_the_best_variant_of_a_set_comes_first(compared) -> None:
    table = compared[0]
    assert list(table["corpus"].unique()) == list(PARAMS.corpora)
    for _, rows in table.groupby(["corpus", "evaluation_set"]):
        losses = (rows["target"] == "number").all()
        scores = -rows["loss"] if losses else rows["accuracy"]
        assert scores.is_monotonic_decreasing


def test_each_score_lies_in_its_interval(compared) -> None:
    table = compared[0]
    for key in ("accuracy", "loss", "on_rotten_tomatoes"):
        rows = table[table[f"{key}_low"].notna()]
        assert len(rows) > 10
        assert (rows[f"{key}_low"] <= rows[key]).all()
        assert (rows[key] <= rows[f"{key}_high"]).all()
        assert (rows[f"{key}_low"] >= 0).all()
    assert not (table[["accuracy_high", "on_rotten_tomatoes_high"]] > 1).any(axis=None)


def test_every_pair_of_a_set_is_tested_once(compared) -> None:
    table, pairs, _ = compared
    place = ["corpus", "evaluation_set"]
    sizes = table[table["corpus"] != "characters"].groupby(place).size()
    expected = (sizes * (sizes - 1) / 2).loc[lambda count: count > 0].to_dict()
    assert pairs.groupby(place).size().to_dict() == expected
    sets = table.set_index("variant")[place].apply(tuple, axis=1)
    assert (pairs["first"].map(sets) == pairs["second"].map(sets)).all()
    assert not pairs[["first", "second"]].duplicated().any()


def test_numbers_are_tested_by_their_squared_error(compared) -> None:
    by_measure = compared[1].groupby("corpus")["measure"].unique().to_dict()
    assert {corpus: list(found) for corpus, found in by_measure.items()} == {
        "imdb": ["accuracy"],
        "reuters": ["accuracy"],
        "product": ["loss"],
        "arithmetic": ["loss"],
    }


def test_letters_and_intervals_follow_from_the_tests() -> None:
    rng = np.random.default_rng(0)
    means = (0.9, 0.88, 0.87, 0.85, 0.8)
    results = [invent(str(m), list(m + 0.015 * rng.standard_normal(10))) for m in means]
    table, pairs = compare(results)
    assert set(pairs["different"]) == {True, False}
    for pair in pairs.itertuples():
        shared = set(table.loc[pair.first, "group"]) & set(table.loc[pair.second, "group"])
        assert bool(shared) != pair.different
        assert pair.different == (pair.p_adjusted < 0.05)
        assert pair.different != (pair.low <= 0 <= pair.high)


def test_variants_that_cannot_be_tested_against_each_other_share_no_letter() -> None:
    scores = [0.8, 0.82, 0.81, 0.83]
    results = [
        # A single split.
        invent("once", [0.9]),
        invent("one", scores),
        invent("all", [x + 0.01 * (-1) ** n for n, x in enumerate([*scores, *scores])]),
        # It has no split in common with the first one.
        invent("other", scores, splits=[4, 5, 6, 7]),
        # The same difference in all splits.
        invent("shifted", [x - 0.01 for x in scores]),
    ]
    table, pairs = compare(results)
    tested = set(pairs[["first", "second"]].apply(frozenset, axis=1))
    assert frozenset(("one", "all")) in tested
    assert frozenset(("one", "other")) not in tested
    assert frozenset(("one", "shifted")) not in tested
    group = table["group"].map(set)
    assert group["one"] & group["all"]
    assert group["other"] & group["all"]
    assert not group["one"] & group["other"]
    assert not group["one"] & group["shifted"]
    assert table.loc["once", "group"] == ""
    # The first letter goes to the first variant that has one.
    assert "a" in group["one"]


def test_pairs_of_losses_are_ratios_above_1_where_the_first_is_better() -> None:
    better, worse = (
        invent(n, list(mean * np.array(factors)), target="number", protocol="new")
        for n, mean, factors in (
            ("better", 1e-4, [1, 1.1, 1.2, 1.3]),
            ("worse", 1e-3, [1, 1.2, 1.1, 1.3]),
        )
    )
    table, pairs = compare([better, worse])
    pair = pairs.iloc[0]
    assert pair["effect"] == pytest.approx(10)
    assert pair["low"] <= 10 <= pair["high"]
    assert pair["low"] > 1
    assert pair["detectable"] >= 1
    assert table.loc["better", ["p_best", "rank_low", "rank_high"]].to_list() == [1, 1, 1]
    mean = 1e-4 * np.prod([1, 1.1, 1.2, 1.3]) ** 0.25
    assert table.loc["better", "loss"] == pytest.approx(mean, rel=1e-5)
    low, high = table.loc["better", ["loss_low", "loss_high"]]
    assert low * high == pytest.approx(mean**2, rel=1e-5)


def test_variants_that_tie_share_the_ranks_and_the_probability_of_the_best() -> None:
    rng = np.random.default_rng(0)
    tied = [invent(n, list(0.8 + 0.02 * rng.standard_normal(10))) for n in ("one", "two")]
    table, _ = compare([*tied, invent("bad", list(0.5 + 0.02 * rng.standard_normal(10)))])
    assert table["p_best"].sum() == pytest.approx(1, abs=1e-3)
    assert table.loc["bad", "p_best"] == 0
    assert table.loc["one", ["rank_low", "rank_high"]].to_list() == [1, 2]
    assert table.loc["bad", ["rank_low", "rank_high"]].to_list() == [3, 3]


def test_roles_follow_from_the_family_and_its_layers(compared) -> None:
    role = compared[0].set_index("variant")["role"]
    assert role["imdb_majority"] == "baseline"
    assert role["imdb_ngrams_linear"] == "strong baseline"
    assert role["imdb_multi_hot_dense"] == "other network"
    assert role["imdb_numpy_rnn"] == role["product_gru"] == "recurrent network"


def published(**changes: object) -> Published:
    return Published(**{"accuracy": 0.8, "samples": 5000, "source": "Tutorial"} | changes)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (published(), "equivalent"),
        (published(accuracy=0.9), "different"),
        (published(samples=20), "inconclusive"),
        (published(accuracy=0.9, comparable=False, note="Other films."), "not comparable"),
    ],
)
def test_a_verdict_compares_the_last_epoch(figure: Published, expected: str) -> None:
    after = [0.79, 0.8, 0.8, 0.81, 0.8, 0.8]
    result = invent("rnn", [0.9, 0.9, 0.91, 0.9, 0.9, 0.9], last=after)
    row = compare([result, invent("other", [0.7, 0.7])], {"rnn": figure})[0].loc["rnn"]
    assert row["verdict"] == expected
    if figure.comparable:
        gap = row["published_difference"]
        assert gap == pytest.approx(figure.accuracy - 0.8)
        assert row["published_difference_low"] < gap < row["published_difference_high"]
    else:
        assert pd.isna(row["published_difference"])


def test_a_variant_without_a_published_figure_has_no_verdict() -> None:
    results = [invent("rnn", [0.8, 0.8]), invent("other", [0.7, 0.7])]
    assert compare(results, {"rnn": published()})[0].loc["other", "verdict"] == ""


def test_a_published_loss_is_compared_as_a_ratio_after_the_last_epoch() -> None:
    result = invent(
        "gru", [1e-5, 2e-5, 3e-5], last=[1e-4, 1e-3, 1e-2], target="number", protocol="new"
    )
    row = compare([result], {"gru": published(loss=5e-3)})[0].loc["gru"]
    assert row["published_loss_ratio"] == pytest.approx(5)
    assert row["published_loss_ratio_low"] < 5 < row["published_loss_ratio_high"]
    assert row["loss_verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (published(loss=1e-3), "equivalent"),
        # The ratio lies within the margin, its interval does not.
        (published(loss=1.24e-3), "different"),
        (published(loss=1.5e-3), "different"),
        (published(loss=0.5e-3), "different"),
        (published(loss=0.0), "not tested"),
        (published(loss=1e-3, comparable=False, note="Other data."), "not comparable"),
        (published(comparable=False, note="Other data."), ""),
        (published(), ""),
    ],
)
def test_a_published_loss_has_a_verdict_of_its_own(figure: Published, expected: str) -> None:
    after = [0.98e-3, 1e-3, 1.02e-3, 1e-3, 1e-3]
    result = invent("gru", [1e-5] * 5, last=after, target="number", protocol="new")
    row = compare([result], {"gru": figure})[0].loc["gru"]
    assert row["loss_verdict"] == expected
    if expected in ("equivalent", "inconclusive", "different"):
        low, high = row["published_loss_ratio_low"], row["published_loss_ratio_high"]
        assert (expected == "equivalent") == (low > 1 / 1.25 and high < 1.25)
        assert low < figure.loss / 1e-3 < high
    else:
        assert pd.isna(row["published_loss_ratio"])


def test_fewer_published_samples_widen_the_interval_of_the_loss_by_our_last_losses() -> None:
    runs = {"last": [1e-3, 1.1e-3, 0.9e-3], "target": "number", "protocol": "new"}
    result = invent("gru", [1e-5] * 3, **runs)
    # In the chosen epoch, the losses of all samples are equal.
    chosen = np.full_like(result.evaluated.prediction, 0.1)
    result = replace(result, evaluated=replace(result.evaluated, prediction=chosen))

    def width(samples: int) -> float:
        row = compare([result], {"gru": published(loss=1e-3, samples=samples)})[0].loc["gru"]
        return float(np.log(row["published_loss_ratio_high"] / row["published_loss_ratio_low"]))

    assert width(N) == pytest.approx(width(10 * N))
    assert width(1) > width(N)


def test_epochs_and_the_overfitting_gap_are_means_of_the_replicates() -> None:
    result = invent("rnn", [0.8, 0.9], last=[0.7, 0.8])
    changes = {"epoch": [2, 3], "epochs": 5, "training_accuracy": [0.9, 1.0]}
    result = replace(result, replicates=result.replicates.assign(**changes))
    row = compare([result])[0].loc["rnn"]
    assert (row["chosen_epoch"], row["epochs"]) == (2.5, 5)
    assert row["overfitting_gap"] == pytest.approx(0.2)


def test_errors_overfit_when_the_training_error_is_lower() -> None:
    result = invent("gru", [0.3, 0.3], last=[0.4, 0.4], target="number", protocol="new")
    row = compare([result])[0].loc["gru"]
    assert row["overfitting_gap"] == pytest.approx(0.4 - 0.1)


def test_when_all_predictions_are_correct_the_interval_is_wilsons() -> None:
    row = compare([invent("rnn", [1.0, 1.0, 1.0], protocol="last")])[0].loc["rnn"]
    assert row["accuracy_high"] == 1
    assert row["accuracy_low"] == pytest.approx(N / (N + 1.96**2), abs=2e-3)


@pytest.mark.parametrize("protocol", ["by_film", "last"])
def test_a_network_trained_once_has_a_score_and_nothing_else(protocol: str) -> None:
    several, baseline = (
        invent("several", [0.7, 0.72, 0.71], protocol=protocol),
        invent("mean", [0.5], protocol=protocol, role=BASELINE),
    )
    once = invent("once", [0.9], protocol=protocol)
    for result in (several, baseline, once):
        result.summary.further_samples["other"] = 200
        result.replicates["on_other"] = result.replicates["accuracy"]
    table, pairs = compare([once, several, baseline], {"once": published()})
    row = table.loc["once"]
    assert row["accuracy"] == 0.9
    unknown = [key for key in table if key.endswith(("_low", "_high")) or key == "p_best"]
    assert row[unknown].isna().all()
    assert row["group"] == ""
    assert row["verdict"] == "not tested"
    assert "once" not in {*pairs["first"], *pairs["second"]}
    # Its mean without an error does not decide the ranks of the others.
    if protocol == "last":
        assert table["p_best"].sum() == 1
    # Splits differ for a method without seeds too.
    known = ["several", "mean"] if protocol == "last" else ["several"]
    for key in ("accuracy_low", "on_other_low"):
        assert table.index[table[key].notna()].to_list() == known


def test_seeds_of_a_single_split_are_no_interval_over_splits() -> None:
    # The replicates on other splits diverged.
    row = compare([invent("rnn", [0.8, 0.82, 0.81], splits=[0, 0, 0])])[0].loc["rnn"]
    assert pd.isna(row["accuracy_low"])


def test_a_solver_that_ran_once_has_the_interval_of_its_samples() -> None:
    solver = invent("linear", [0.8], role=STRONG_BASELINE, protocol="last")
    row = compare([solver])[0].loc["linear"]
    half = 1.96 * np.sqrt(0.16 / N)
    assert row["accuracy_low"] == pytest.approx(0.8 - half, abs=5e-3)
    assert row["accuracy_high"] == pytest.approx(0.8 + half, abs=5e-3)


def test_a_solver_that_ran_once_on_drawn_splits_has_no_interval() -> None:
    row = compare([invent("linear", [0.8], role=STRONG_BASELINE)])[0].loc["linear"]
    assert row["accuracy"] == 0.8
    assert row[["accuracy_low", "accuracy_high"]].isna().all()


def test_splits_that_share_samples_widen_intervals_on_a_further_set() -> None:
    def width(train: int) -> float:
        result = invent("rnn", [0.78, 0.8, 0.82], train=train, protocol="random")
        result.summary.further_samples["other"] = 10**6
        result.replicates["on_other"] = result.replicates["accuracy"]
        row = compare([result])[0].loc["rnn"]
        return row["on_other_high"] - row["on_other_low"]

    # Wilson's formula bends the interval a little.
    ratio = np.sqrt((1 / 3 + N / 1000) / (1 / 3 + N / 2000))
    assert width(1000) / width(2000) == pytest.approx(ratio, rel=0.02)


@pytest.mark.parametrize("protocol", ["by_film", "last"])
def test_seeds_count_in_intervals_on_a_further_set(protocol: str) -> None:
    def width(scores: list[float]) -> float:
        result = invent("rnn", scores, protocol=protocol)
        result.summary.further_samples["other"] = 10**6
        result.replicates["on_other"] = scores
        row = compare([result])[0].loc["rnn"]
        return row["on_other_high"] - row["on_other_low"]

    assert width([0.78, 0.8, 0.82]) > 5 * width([0.799, 0.8, 0.801])


def test_predictions_of_training_samples_have_no_interval_no_group_and_no_pair(compared) -> None:
    table, pairs, _ = compared
    own = table[table["protocol"] == "same"]
    assert len(own) == 2
    assert own[["accuracy_low", "loss_low", "p_best"]].isna().all(axis=None)
    assert (own["group"] == "").all()
    assert not {*own["variant"]} & {*pairs["first"], *pairs["second"]}


def test_the_extremes_are_those_of_the_replicates() -> None:
    row = compare([invent("rnn", [0.8, 0.72, 0.9])])[0].loc["rnn"]
    assert (row["accuracy_min"], row["accuracy_max"]) == (0.72, 0.9)


def test_spreads_of_losses_are_relative() -> None:
    losses = [1e-4, 1.1e-4, 1.2e-4, 1.3e-4]
    small, large = (
        compare([invent("gru", [k * x for x in losses], target="number", protocol="new")])[0]
        for k in (1, 1000)
    )
    assert small.loc["gru", "sd"] == pytest.approx(np.log(losses).std(ddof=1), rel=1e-4)
    assert large.loc["gru", "sd"] == pytest.approx(small.loc["gru", "sd"], rel=1e-4)


def test_accuracy_without_duplicates_is_that_of_the_other_samples(
    invented_results: list[Result], compared
) -> None:
    table = compared[0].set_index("variant")
    result = one(invented_results, "reuters_lstm")
    expected = result.replicates["distinct_accuracy"].mean()
    assert table.loc[result.name, "distinct_accuracy"] == pytest.approx(expected, rel=1e-5)


def test_the_architecture_is_that_of_the_training(compared) -> None:
    rows = compared[0].set_index("variant")
    columns = ["cell", "units", "recurrent_layers", "bidirectional"]
    found = rows.loc["imdb_embedding_bidirectional_lstm", columns].to_list()
    assert found == ["LSTM", 8, 1, True]
    assert rows.loc["imdb_majority", columns].to_list() == ["none", 0, 0, False]


def test_a_variant_whose_replicates_all_diverged_has_a_row_without_scores() -> None:
    gone = invent("gone", [], diverged=3)
    table, pairs = compare([invent("fine", [0.8, 0.9]), gone], {"gone": published()})
    row = table.loc["gone"]
    assert (row["replicates"], row["diverged"]) == (0, 3)
    assert row[["accuracy", "loss", "accuracy_low", "chosen_epoch"]].isna().all()
    assert (row["group"], row["verdict"]) == ("", "")
    assert len(pairs) == 0


@pytest.mark.parametrize("protocol", ["by_film", "last"])
def test_a_set_in_which_everything_diverged_does_not_stop_the_others(protocol: str) -> None:
    gone = invent("gone", [], diverged=3, samples="other", protocol=protocol)
    table, _ = compare([invent("fine", [0.8, 0.9]), gone])
    assert table["replicates"].to_dict() == {"fine": 2, "gone": 0}


def test_nothing_can_be_compared_if_everything_diverged() -> None:
    with pytest.raises(DataError, match="diverged"):
        compare([invent("gone", [], diverged=3)])


def test_variants_are_compared_on_the_splits_on_which_neither_diverged() -> None:
    some = invent("some", [0.7, 0.72, 0.71], splits=[0, 1, 3], diverged=1)
    _, pairs = compare([invent("all", [0.8, 0.83, 0.2, 0.82]), some])
    assert pairs.iloc[0]["effect"] == pytest.approx(np.mean([0.1, 0.11, 0.11]))
