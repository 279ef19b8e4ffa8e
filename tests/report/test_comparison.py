from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnnbench.data.format import Samples
from rnnbench.report.comparison import compare_all
from rnnbench.report.results import Result
from tests.frozen import PARAMS


def one(results: list[Result], name: str) -> Result:
    return next(result for result in results if result.name == name)


def test_the_best_variant_of_a_corpus_comes_first(compared) -> None:
    table, _ = compared
    assert list(table["corpus"].unique()) == list(PARAMS.corpora)
    for _, rows in table.groupby("corpus"):
        by = "loss" if (rows["target"] == "number").all() else "accuracy"
        assert (
            rows[by].is_monotonic_increasing if by == "loss" else rows[by].is_monotonic_decreasing
        )


def test_each_score_lies_in_its_interval(compared) -> None:
    table, _ = compared
    for key in ("accuracy", "loss", "out_of_domain_accuracy"):
        rows = table[table[key].notna()]
        assert (rows[f"{key}_low"] <= rows[key]).all()
        assert (rows[key] <= rows[f"{key}_high"]).all()
        assert (rows[f"{key}_low"] >= 0).all()
    assert (table[["accuracy_high", "accuracy"]] <= 1).all(axis=None)
    assert table["out_of_domain_accuracy_low"].notna().sum() == 12


def test_every_pair_of_a_task_is_tested_once(compared) -> None:
    table, pairs = compared
    sizes = table.groupby("corpus").size()
    assert (pairs.groupby("corpus").size() == sizes * (sizes - 1) / 2).all()
    corpora = table.set_index("variant")["corpus"]
    assert (pairs["first"].map(corpora) == pairs["second"].map(corpora)).all()
    assert not pairs[["first", "second"]].duplicated().any()


def test_numbers_are_tested_by_their_squared_error(compared) -> None:
    _, pairs = compared
    by_measure = pairs.groupby("corpus")["measure"].unique().to_dict()
    assert {corpus: list(found) for corpus, found in by_measure.items()} == {
        "imdb": ["accuracy"],
        "reuters": ["accuracy"],
        "product": ["loss"],
        "arithmetic": ["loss"],
        "characters": ["accuracy"],
    }


def test_letters_follow_from_the_pairs(compared) -> None:
    table, pairs = compared
    group = table.set_index("variant")["group"]
    for pair in pairs.itertuples():
        shared = set(group[pair.first]) & set(group[pair.second])
        assert bool(shared) != pair.different


def test_roles_follow_from_the_family_and_its_layers(compared) -> None:
    table, _ = compared
    role = table.set_index("variant")["role"]
    assert role["imdb_majority"] == "baseline"
    assert role["imdb_ngrams_linear"] == "strong baseline"
    assert role["imdb_multi_hot_dense"] == "other network"
    assert role["imdb_numpy_rnn"] == role["product_gru"] == "recurrent network"


def test_a_figure_that_is_not_comparable_gets_no_verdict(invented_results: list[Result]) -> None:
    name = "product_gru"
    numbers = [result for result in invented_results if result.meta.corpus == "product"]
    table = compare_all(numbers, PARAMS.published, PARAMS.comparison)[0].set_index("variant")
    assert table.loc[name, "verdict"] == "different"
    changes = {"comparable": False, "note": "Other numbers."}
    figure = PARAMS.published[name].model_copy(update=changes)
    table = compare_all(numbers, PARAMS.published | {name: figure}, PARAMS.comparison)[0].set_index(
        "variant"
    )
    assert table.loc[name, "verdict"] == "not comparable"
    assert table.loc["product_mean", "verdict"] == ""


def test_the_published_number_of_samples_counts(invented_results: list[Result]) -> None:
    name = "product_gru"
    numbers = [result for result in invented_results if result.meta.corpus == "product"]
    few = PARAMS.published[name].model_copy(update={"samples": 5})
    table = compare_all(numbers, PARAMS.published | {name: few}, PARAMS.comparison)[0].set_index(
        "variant"
    )
    assert table.loc[name, "verdict"] == "inconclusive"


def test_best_epoch_and_overfitting_gap_are_means_of_replicates(
    invented_results: list[Result],
) -> None:
    chosen = one(invented_results, "reuters_lstm")
    history = pd.DataFrame(
        {
            "replicate": [0, 0, 0, 1, 1, 1],
            "epoch": [1, 2, 3, 1, 2, 3],
            "loss": 0.0,
            "val_loss": 0.0,
            "accuracy": [0.5, 0.7, 0.9, 0.5, 0.7, 1.0],
            "val_accuracy": [0.6, 0.8, 0.7, 0.5, 0.5, 0.6],
        }
    )
    table, pairs = compare_all(
        [replace(chosen, history=history)], PARAMS.published, PARAMS.comparison
    )
    row = table.iloc[0]
    assert row["best_epoch"] == pytest.approx(2.5)
    assert row["epochs"] == 3
    assert row["overfitting_gap"] == pytest.approx((0.2 + 0.4) / 2)
    assert len(pairs) == 0


def test_errors_overfit_when_the_training_error_is_lower(invented_results: list[Result]) -> None:
    chosen = one(invented_results, "product_gru")
    history = pd.DataFrame(
        {
            "replicate": [0, 0],
            "epoch": [1, 2],
            "loss": [0.4, 0.1],
            "val_loss": [0.2, 0.3],
            "accuracy": 0.0,
            "val_accuracy": 0.0,
        }
    )
    row = compare_all([replace(chosen, history=history)], PARAMS.published, PARAMS.comparison)[
        0
    ].iloc[0]
    assert row["best_epoch"] == 1
    assert row["overfitting_gap"] == pytest.approx(0.2)


def test_variants_with_other_samples_are_not_paired(invented_results: list[Result]) -> None:
    numbers = [result for result in invented_results if result.meta.corpus == "product"]
    first, second, third = numbers[:3]
    moved = replace(third.samples, id=third.samples.id + np.int32(1))
    _, pairs = compare_all(
        [first, second, replace(third, samples=moved)], PARAMS.published, PARAMS.comparison
    )
    assert list(zip(pairs["first"], pairs["second"], strict=True)) == [(first.name, second.name)]
    table, _ = compare_all([first, second, replace(third, samples=moved)], {}, PARAMS.comparison)
    assert list(table["evaluation_set"]) == [1, 1, 2]


def test_when_all_predictions_are_correct_the_interval_is_wilsons(
    invented_results: list[Result],
) -> None:
    chosen = one(invented_results, "product_gru")
    exact = np.tile(chosen.samples.y, (3, 1))
    scores = chosen.scores.model_copy(update={"accuracy": 1.0})
    row = compare_all([replace(chosen, prediction=exact, scores=scores)], {}, PARAMS.comparison)[
        0
    ].iloc[0]
    assert row["accuracy_high"] == 1
    assert 0.98 < row["accuracy_low"] < 1


def test_a_network_trained_once_is_never_significantly_different(
    invented_results: list[Result],
) -> None:
    names = ("imdb_embedding_gru", "imdb_embedding_lstm")
    first, second = (r for r in invented_results if r.name in names)
    worse = replace(first, prediction=1 - first.prediction[:1])
    _, pairs = compare_all(
        [replace(second, prediction=second.prediction[:1]), worse], {}, PARAMS.comparison
    )
    assert not pairs["different"].any()


def test_the_extremes_are_those_of_the_replicates(compared, invented_results) -> None:
    rows = compared[0].set_index("variant")
    for name in ("imdb_embedding_lstm", "product_gru"):
        by_replicate = one(invented_results, name).table("accuracy").mean(axis=1)
        assert rows.loc[name, "accuracy_min"] == pytest.approx(by_replicate.min(), abs=1e-6)
        assert rows.loc[name, "accuracy_max"] == pytest.approx(by_replicate.max(), abs=1e-6)


def test_the_architecture_is_that_of_the_training(compared) -> None:
    rows = compared[0].set_index("variant")
    columns = ["cell", "units", "recurrent_layers", "bidirectional"]
    found = rows.loc["imdb_embedding_bidirectional_lstm", columns].to_list()
    assert found == ["LSTM", 8, 1, True]
    assert rows.loc["imdb_majority", columns].to_list() == ["none", 0, 0, False]


def test_a_variant_whose_replicates_all_diverged_has_a_row_without_scores(
    invented_results: list[Result],
) -> None:
    first, second = (r for r in invented_results if r.meta.corpus == "characters")
    gone = first.scores.model_copy(update={"accuracy": None, "replicates": 0, "diverged": 3})
    lost = replace(first, prediction=first.prediction[:0], scores=gone)
    table, pairs = compare_all([second, lost], {}, PARAMS.comparison)
    assert list(table["variant"]) == [second.name, first.name]
    assert table["accuracy"].isna().to_list() == [False, True]
    assert table["group"].to_list() == ["", ""]
    assert len(pairs) == 0


def test_a_single_sample_has_no_interval_no_group_and_no_verdict(
    invented_results: list[Result],
) -> None:
    name = "imdb_embedding_lstm"
    results = []
    for result in (one(invented_results, n) for n in (name, "imdb_majority")):
        few = Samples(result.samples.x[:1], result.samples.y[:1], result.samples.id[:1])
        results.append(replace(result, samples=few, prediction=result.prediction[:, :1]))
    results = [replace(result, out_of_domain=None) for result in results]
    table, pairs = compare_all(results, PARAMS.published, PARAMS.comparison)
    assert table[["accuracy_low", "accuracy_high", "loss_low"]].isna().all(axis=None)
    assert table["verdict"].to_list() == ["not tested", ""]
    assert (table["group"] == "").all()
    assert len(pairs) == 0
