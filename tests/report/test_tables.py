from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score

from rnnbench.core.workspace import Workspace
from rnnbench.report import tables
from rnnbench.report.outputs import read_table
from rnnbench.report.results import Result
from tests.report.helpers import invent

# Its replicates are on several splits.
TOPICS = "reuters_embedding_lstm"


def of_variant(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["variant"] == name]


def one(results: list[Result], name: str) -> Result:
    return next(result for result in results if result.name == name)


def test_curves_are_means_over_replicates_with_their_range(reported: Workspace) -> None:
    curves = read_table(reported.metrics, "learning_curves")
    lstm = of_variant(curves, "imdb_embedding_lstm").set_index("epoch")
    history = pd.read_csv(reported.history("imdb_embedding_lstm"))
    for epoch in (1, 2):
        expected = history.loc[history["epoch"] == epoch, "val_accuracy"]
        assert lstm.loc[epoch, "val_accuracy"] == pytest.approx(expected.mean(), abs=1e-6)
        assert lstm.loc[epoch, "val_accuracy_low"] == expected.min()
        assert lstm.loc[epoch, "val_accuracy_high"] == expected.max()


def test_a_scatter_holds_numbers_of_the_first_replicate(
    reported: Workspace, invented_results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(read_table(reported.metrics, "scatter")["corpus"]) == {"product", "arithmetic"}
    monkeypatch.setattr(tables, "_POINTS", 50)
    gru = one(invented_results, "product_gru")
    scatter = tables.further_tables([gru])["scatter"]
    assert scatter["target"].to_numpy() == pytest.approx(gru.evaluated.y[0, :50], abs=1e-4)
    expected = gru.evaluated.prediction[0, :50]
    assert scatter["prediction"].to_numpy() == pytest.approx(expected, abs=1e-4)


def test_calibration_is_that_of_all_two_class_variants(reported: Workspace) -> None:
    found = read_table(reported.metrics, "calibration")
    assert set(found["corpus"]) == {"imdb"}
    # The invented predictions have probabilities of 0.9 and are correct in eight cases of ten.
    high = found[found["probability"] > 0.8]
    assert high["share"].mean() == pytest.approx(0.8, abs=0.05)


def test_each_replicate_is_held_against_its_own_samples() -> None:
    # Two replicates on other samples, with opposite labels, and both correct.
    result = invent("imdb_rnn", [1.0, 1.0])
    prediction, y = result.evaluated.prediction.copy(), result.evaluated.y.copy()
    prediction[1], y[1] = 0.1, 0
    evaluated = replace(result.evaluated, prediction=prediction, y=y)
    history = pd.DataFrame({"replicate": [0], "epoch": [1], "val_accuracy": [0.9]})
    found = tables.further_tables([replace(result, evaluated=evaluated, history=history)])
    assert found["calibration"]["share"].to_list() == [0, 1]


def test_classes_have_their_names_their_samples_and_mean_scores(
    reported: Workspace, invented_results: list[Result]
) -> None:
    found = of_variant(read_table(reported.metrics, "classes"), TOPICS).set_index("class")
    assert sorted(found.index) == ["acq", "earn", "grain"]
    assert found["samples"].sum() == pytest.approx(400)
    assert found["samples"].is_monotonic_decreasing
    chosen = one(invented_results, TOPICS)
    y, predicted = chosen.evaluated.y, chosen.evaluated.prediction.argmax(axis=-1)
    # The replicates have other samples.
    assert (y[0] != y[1]).any()
    earn = y == chosen.meta.classes.index("earn")
    assert found.loc["earn", "samples"] == pytest.approx(earn.sum() / len(y), abs=1e-6)
    recall = np.mean([(p == t)[e].mean() for p, t, e in zip(predicted, y, earn, strict=True)])
    assert found.loc["earn", "recall"] == pytest.approx(recall, abs=1e-6)
    for column, score in (("precision", precision_score), ("f1", f1_score)):
        by_replicate = [score(t, p, average=None) for t, p in zip(y, predicted, strict=True)]
        assert found.loc[list(chosen.meta.classes), column].to_numpy() == pytest.approx(
            np.mean(by_replicate, axis=0), abs=1e-6
        )


def test_confusions_count_every_sample(reported: Workspace, invented_results: list[Result]) -> None:
    found = of_variant(read_table(reported.metrics, "confusion"), TOPICS)
    assert found["samples"].sum() == pytest.approx(400, abs=1e-3)
    correct = found[found["true"] == found["predicted"]]["samples"].sum()
    expected = one(invented_results, TOPICS).replicates["accuracy"].mean()
    assert correct / 400 == pytest.approx(expected, abs=1e-4)


def test_predictions_of_rare_classes_are_counted_together(
    invented_results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_FREQUENT", 2)
    chosen = one(invented_results, TOPICS)
    y, predicted = chosen.evaluated.y, chosen.evaluated.prediction.argmax(axis=-1)
    *frequent, rare = np.argsort(-np.bincount(y.ravel()), kind="stable")
    found = tables.further_tables([chosen])["confusion"].set_index(["true", "predicted"])["samples"]
    expected = {}
    for true in frequent:
        name = chosen.meta.classes[true]
        for other in (*frequent, rare):
            column = "other" if other == rare else chosen.meta.classes[other]
            count = ((y == true) & (predicted == other)).sum(axis=1).mean()
            expected[name, column] = pytest.approx(count, abs=1e-4)
    assert found.to_dict() == expected


def test_only_the_most_frequent_classes_are_listed() -> None:
    y = np.repeat(np.arange(12), np.arange(12) + 1)
    assert list(tables.frequent(y)) == [11, 10, 9, 8, 7, 6, 5, 4]
