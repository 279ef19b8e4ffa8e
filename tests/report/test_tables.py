import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score

from rnnbench.core.workspace import Workspace
from rnnbench.report import tables
from rnnbench.report.outputs import read_table
from rnnbench.report.results import Result


def of_variant(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["variant"] == name]


def test_curves_are_means_over_replicates_with_their_range(reported: Workspace) -> None:
    curves = read_table(reported, "learning_curves")
    lstm = of_variant(curves, "imdb_embedding_lstm").set_index("epoch")
    history = pd.read_csv(reported.history("imdb_embedding_lstm"))
    for epoch in (1, 2):
        expected = history.loc[history["epoch"] == epoch, "val_accuracy"]
        assert lstm.loc[epoch, "val_accuracy"] == pytest.approx(expected.mean(), abs=1e-6)
        assert lstm.loc[epoch, "val_accuracy_low"] == expected.min()
        assert lstm.loc[epoch, "val_accuracy_high"] == expected.max()


def test_a_scatter_holds_the_numbers_of_the_first_replicate(reported: Workspace) -> None:
    scatter = read_table(reported, "scatter")
    assert set(scatter["corpus"]) == {"product", "arithmetic"}
    gru = of_variant(scatter, "product_gru")
    y = np.load(reported.prepared("product") / "evaluation_y.npy")
    prediction = np.load(reported.predictions("product_gru") / "evaluation.npy")
    assert gru["target"].to_numpy() == pytest.approx(y, abs=1e-4)
    assert gru["prediction"].to_numpy() == pytest.approx(prediction[0], abs=1e-4)


def test_calibration_is_that_of_all_two_class_variants(reported: Workspace) -> None:
    found = read_table(reported, "calibration")
    assert set(found["corpus"]) == {"imdb"}
    # The invented predictions have probabilities of 0.9 and are correct in eight cases of ten.
    high = found[found["probability"] > 0.8]
    assert high["share"].mean() == pytest.approx(0.8, abs=0.05)


def test_classes_have_their_names_their_samples_and_mean_scores(
    reported: Workspace, invented_results: list[Result]
) -> None:
    lstm = of_variant(read_table(reported, "classes"), "reuters_lstm").set_index("class")
    assert sorted(lstm.index) == ["acq", "earn", "grain"]
    assert lstm["samples"].sum() == 400
    assert lstm["samples"].is_monotonic_decreasing
    chosen = next(r for r in invented_results if r.name == "reuters_lstm")
    earn = chosen.samples.y == chosen.meta.classes.index("earn")
    predicted = chosen.prediction.argmax(axis=-1)
    found = predicted[:, earn] == chosen.meta.classes.index("earn")
    assert lstm.loc["earn", "recall"] == pytest.approx(found.mean(), abs=1e-6)
    for column, score in (("precision", precision_score), ("f1", f1_score)):
        expected = np.mean([score(chosen.samples.y, p, average=None) for p in predicted], axis=0)
        assert lstm.loc[list(chosen.meta.classes), column].to_numpy() == pytest.approx(
            expected, abs=1e-6
        )


def test_confusions_count_every_sample(reported: Workspace, invented_results: list[Result]) -> None:
    lstm = of_variant(read_table(reported, "confusion"), "reuters_lstm")
    assert lstm["samples"].sum() == pytest.approx(400)
    correct = lstm[lstm["true"] == lstm["predicted"]]["samples"].sum()
    chosen = next(r for r in invented_results if r.name == "reuters_lstm")
    assert correct / 400 == pytest.approx(chosen.scores.accuracy, abs=1e-4)


def test_predictions_of_rare_classes_are_counted_together(
    invented_results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_FREQUENT", 2)
    chosen = next(r for r in invented_results if r.name == "reuters_lstm")
    y, predicted = chosen.samples.y, chosen.prediction.argmax(axis=-1)
    *frequent, rare = np.argsort(-np.bincount(y), kind="stable")
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
