import numpy as np
import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.report import tables
from rnnbench.report.results import Result


def test_curves_are_means_over_replicates_with_their_range(reported: Workspace) -> None:
    curves = pd.read_csv(reported.metrics / "learning_curves.csv")
    lstm = curves[curves["variant"] == "imdb_embedding_lstm"].set_index("epoch")
    history = pd.read_csv(reported.history("imdb_embedding_lstm"))
    for epoch in (1, 2):
        expected = history.loc[history["epoch"] == epoch, "val_accuracy"]
        assert lstm.loc[epoch, "val_accuracy"] == pytest.approx(expected.mean(), abs=1e-6)
        assert lstm.loc[epoch, "val_accuracy_low"] == expected.min()
        assert lstm.loc[epoch, "val_accuracy_high"] == expected.max()


def test_a_scatter_holds_the_first_replicates_numbers(reported: Workspace) -> None:
    scatter = pd.read_csv(reported.metrics / "scatter.csv")
    assert set(scatter["corpus"]) == {"product", "arithmetic"}
    gru = scatter[scatter["variant"] == "product_gru"]
    y = np.load(reported.prepared("product") / "evaluation_y.npy")
    prediction = np.load(reported.predictions("product_gru") / "evaluation.npy")
    assert gru["target"].to_numpy() == pytest.approx(y, abs=1e-4)
    assert gru["prediction"].to_numpy() == pytest.approx(prediction[0], abs=1e-4)


def test_calibration_is_that_of_all_two_class_variants(invented_results: list[Result]) -> None:
    found = tables.calibration_curves(invented_results)
    assert set(found["corpus"]) == {"imdb"}
    # The invented answers are right in eight cases of ten, and 90 % sure.
    sure = found[found["probability"] > 0.8]
    assert sure["share"].mean() == pytest.approx(0.8, abs=0.05)


def test_classes_have_their_names_and_their_samples(invented_results: list[Result]) -> None:
    found = tables.classes(invented_results)
    lstm = found[found["variant"] == "reuters_lstm"]
    assert sorted(lstm["class"]) == ["acq", "earn", "grain"]
    assert lstm["samples"].sum() == 400
    assert lstm["samples"].is_monotonic_decreasing
    assert ((lstm["f1"] > 0.7) & (lstm["f1"] < 0.9)).all()


def test_confusions_count_every_sample(invented_results: list[Result]) -> None:
    found = tables.confusions(invented_results)
    lstm = found[found["variant"] == "reuters_lstm"]
    assert lstm["samples"].sum() == pytest.approx(400)
    right = lstm[lstm["true"] == lstm["predicted"]]["samples"].sum()
    chosen = next(r for r in invented_results if r.name == "reuters_lstm")
    assert right / 400 == pytest.approx(chosen.scores.accuracy, abs=1e-4)


def test_only_the_most_frequent_classes_are_kept() -> None:
    y = np.repeat(np.arange(12), np.arange(12) + 1)
    assert list(tables.frequent(y)) == [11, 10, 9, 8, 7, 6, 5, 4]
