import csv
import json
import math
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnbench import models
from rnnbench.core.errors import DataError, DivergedError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import FLAGS, Meta, Samples, read_further, read_prepared
from rnnbench.data.ragged import Ragged
from rnnbench.data.scoring import losses
from rnnbench.evaluation.outputs import read_replicates
from rnnbench.evaluation.stage import evaluate
from rnnbench.models.base import Epoch
from rnnbench.models.keras.model import Model as KerasModel
from rnnbench.models.numpy_rnn.model import Model as NumpyModel
from rnnbench.params import Params
from rnnbench.report.champions import champions
from rnnbench.report.stage import report
from rnnbench.tracking.project import name_in_mlflow
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings
from rnnbench.training.outputs import read_training_record
from rnnbench.training.replicate import Data, Progress
from rnnbench.training.stage import train
from tests.frozen import PARAMS

KERAS, NUMPY = "imdb_embedding_simple_rnn", "imdb_numpy_rnn"
# The epoch in which a replicate diverges, by seed.
DIVERGING = {43: 1, 45: 3}
ALL_DIVERGE = {"learning_rate": 1e39, "replicates": 3}


def plan(name: str, changes: dict, *others: str) -> Params:
    variants = {name: PARAMS.variant(name).model_copy(update=changes)}
    variants |= {other: PARAMS.variant(other) for other in others}
    return replace(PARAMS, variants=variants, questions=[], published={})


def compare(workspace: Workspace, params: Params) -> pd.DataFrame:
    for name in params.variants:
        evaluate(workspace, params, name)
    return report(workspace, params).set_index("variant")


def runs_of(workspace: Workspace, name: str, level: str) -> list:
    client = mlflow.MlflowClient(store_uri(workspace))
    number = client.get_experiment_by_name(name_in_mlflow(workspace, "imdb")).experiment_id
    found = client.search_runs([number], f"tags.variant = '{name}' and tags.level = '{level}'")
    return sorted(found, key=lambda run: run.data.tags.get("seed", ""))


@pytest.fixture(autouse=True)
def _local_store(monkeypatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def some_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the loss of the epochs of `DIVERGING` by NaN."""
    fit = KerasModel.fit

    def fit_until_nan(self, settings, seed, train, unseen, on_epoch, done=0) -> None:
        def with_nan(epoch: Epoch) -> None:
            diverged = DIVERGING.get(seed) == epoch.number
            on_epoch(replace(epoch, loss=math.nan) if diverged else epoch)

        fit(self, settings, seed, train, unseen, with_nan, done)

    monkeypatch.setattr(KerasModel, "fit", fit_until_nan)


@pytest.fixture
def unvalidated(results: Workspace) -> Workspace:
    """A workspace whose reviews have no validation part."""
    path = results.prepared("imdb_one_hot_100") / "splits.npy"
    splits = np.load(path)
    splits[splits == FLAGS["validation"]] = 0
    np.save(path, splits)
    return results


def best_epochs(workspace: Workspace, name: str) -> list[int]:
    """The epoch of each replicate with the best accuracy, or of equal ones the lowest loss."""
    history = pd.read_csv(workspace.history(name))
    order = ["val_accuracy", "val_loss", "epoch"]
    ranked = history.sort_values(order, ascending=[False, True, True])
    return ranked.groupby("replicate")["epoch"].first().tolist()


# The epoch that counts

# Settings whose best epoch is the last one in some replicates only.
EPOCHS = 5
UNSTEADY = {
    NUMPY: {"epochs": EPOCHS, "replicates": 6, "learning_rate": 0.1},
    KERAS: {"epochs": EPOCHS, "replicates": 3},
}


@pytest.mark.parametrize("name", [NUMPY, KERAS])
def test_the_best_epoch_on_the_validation_part_counts(results: Workspace, name: str) -> None:
    train(results, plan(name, UNSTEADY[name]), name, lambda _: None)
    record = read_training_record(results, name)
    assert record.splits == [replicate % 2 for replicate in range(len(record.seeds))]
    assert record.epochs == best_epochs(results, name)
    assert {epoch == EPOCHS for epoch in record.epochs} == {True, False}
    history = pd.read_csv(results.history(name)).set_index(["replicate", "epoch"])
    data = read_prepared(results.prepared(PARAMS.variant(name).dataset))
    family = models.model_class(PARAMS.variant(name).model)
    chosen, last = (
        np.load(results.predictions(name) / f"{kind}.npy") for kind in ("evaluation", "last_epoch")
    )
    further = np.load(results.predictions(name) / "rotten_tomatoes.npy")
    snippets = read_further(results.prepared(PARAMS.variant(name).dataset), "rotten_tomatoes")
    for replicate, (split, epoch) in enumerate(zip(record.splits, record.epochs, strict=True)):
        model = family.load(results.model(name, replicate, family.SUFFIX))
        # The saved model is that of the chosen epoch, and of this replicate's split.
        evaluation, validation = (data.part(split, part) for part in ("evaluation", "validation"))
        np.testing.assert_array_equal(model.predict(evaluation.x), chosen[replicate])
        np.testing.assert_array_equal(model.predict(snippets.x), further[replicate])
        hits = (model.predict(validation.x) > 0.5) == validation.y
        expected = history.loc[(replicate, epoch), "val_accuracy"]
        assert hits.mean() == pytest.approx(expected, abs=1e-6)
        assert np.array_equal(chosen[replicate], last[replicate]) == (epoch == EPOCHS)


def test_the_evaluation_part_is_predicted_after_the_training_only(
    results: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted: list[np.ndarray] = []
    predict = NumpyModel.predict

    def remember(self, x):
        predicted.append(x)
        return predict(self, x)

    monkeypatch.setattr(NumpyModel, "predict", remember)
    train(results, plan(NUMPY, {"epochs": 3, "replicates": 1}), NUMPY, lambda _: None)
    evaluation = read_prepared(results.prepared("imdb_one_hot_100")).part(0, "evaluation")
    seen = [np.array_equal(x, evaluation.x) for x in predicted]
    assert not any(seen[:3])
    assert any(seen[3:])


def test_without_a_validation_part_the_last_epoch_counts(unvalidated: Workspace) -> None:
    changes = {"epochs": EPOCHS, "replicates": 2, "learning_rate": 0.1}
    train(unvalidated, plan(NUMPY, changes), NUMPY, lambda _: None)
    assert read_training_record(unvalidated, NUMPY).epochs == [EPOCHS] * 2
    assert min(best_epochs(unvalidated, NUMPY)) < EPOCHS
    history = pd.read_csv(unvalidated.history(NUMPY)).set_index(["replicate", "epoch"])
    data = read_prepared(unvalidated.prepared("imdb_one_hot_100"))
    predictions = np.load(unvalidated.predictions(NUMPY) / "evaluation.npy")
    for replicate, prediction in enumerate(predictions):
        model = NumpyModel.load(unvalidated.model(NUMPY, replicate, ".npz"))
        evaluation = data.part(replicate, "evaluation")
        np.testing.assert_array_equal(model.predict(evaluation.x), prediction)
        hits = (prediction > 0.5) == evaluation.y
        expected = history.loc[(replicate, EPOCHS), "val_accuracy"]
        assert hits.mean() == pytest.approx(expected, abs=1e-6)
    assert not (unvalidated.predictions(NUMPY) / "last_epoch.npy").exists()


def test_the_record_has_the_training_scores_of_the_last_epoch(unvalidated: Workspace) -> None:
    """Without a validation part the saved model is that of the last epoch."""
    train(unvalidated, plan(NUMPY, {"epochs": 2, "replicates": 2}), NUMPY, lambda _: None)
    record = read_training_record(unvalidated, NUMPY)
    data = read_prepared(unvalidated.prepared("imdb_one_hot_100"))
    for replicate in range(2):
        model = NumpyModel.load(unvalidated.model(NUMPY, replicate, ".npz"))
        training = data.part(replicate, "train")
        prediction = model.predict(training.x)
        hits = (prediction > 0.5) == training.y
        assert record.training_accuracy[replicate] == pytest.approx(hits.mean(), abs=1e-6)
        loss = losses(data.meta, prediction, training.y).mean()
        assert record.training_loss[replicate] == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize(
    ("target", "predictions", "chosen"),
    [
        # Two, three and three of four are correct.
        ("binary", [[0.9, 0.9], [0.9, 0.4], [0.8, 0.1]], 3),
        # Equal in everything: the first.
        ("binary", [[0.9, 0.9], [0.9, 0.1], [0.9, 0.1]], 2),
        # More are within the tolerance in the first epoch, but the second has the smaller error.
        ("number", [[1.0, 0.9], [0.9, 0.1], [0.7, 0.3]], 2),
    ],
)
def test_accuracy_chooses_then_loss_and_loss_alone_for_numbers(
    target: str, predictions: list[list[float]], chosen: int
) -> None:
    meta = Meta(
        corpus="any",
        encoding="index",
        target=target,
        classes=("no", "yes") if target == "binary" else (),
        shape=(1,),
        vocabulary_size=2,
        tolerance=0.05,
    )
    samples = Samples(np.zeros((2, 1), int), np.array([1, 0]), np.arange(2, dtype=np.int32))
    data = Data(meta, samples, samples, samples, validated=True, further={})
    progress = Progress("any", data, lambda _: None)
    for number, prediction in enumerate(predictions, start=1):
        progress(Epoch(number, 1.0, 0.5, np.array(prediction, np.float32)))
    assert progress.chosen == chosen


# Replicates that diverge


@pytest.mark.usefixtures("some_diverge")
def test_some_replicates_diverge_and_the_others_finish(results: Workspace) -> None:
    params = plan(KERAS, {"epochs": 4, "replicates": 4})
    lines: list[str] = []
    train(results, params, KERAS, lines.append)
    record = read_training_record(results, KERAS)
    assert (record.role, record.architecture["cell"]) == ("recurrent network", "SimpleRNN")
    diverged, finished = {1: 1, 3: 3}, [0, 2]
    assert (record.diverged, record.finished) == (diverged, finished)
    for values in (record.epochs, record.training_loss, record.training_accuracy):
        assert [value is None for value in values] == [False, True, False, True]
    for replicate, epoch in diverged.items():
        line = f"replicate {replicate + 1}/4  diverged: the loss became nan in epoch {epoch}"
        assert any(line in text for text in lines)
    found = [r for r in range(4) if results.model(KERAS, r, ".keras").exists()]
    assert found == finished
    for kind in ("evaluation", "last_epoch", "rotten_tomatoes"):
        assert len(np.load(results.predictions(KERAS) / f"{kind}.npy")) == len(finished)
    history = pd.read_csv(results.history(KERAS)).groupby("replicate")["epoch"].max()
    assert history.to_dict() == {0: 4, 2: 4, 3: 2}
    scores = evaluate(results, params, KERAS)
    assert (scores.replicates, scores.diverged) == (2, 2)
    # Both are of the first split; those that diverged are of the second one.
    assert read_replicates(results, KERAS)["split"].tolist() == [0, 0]


@pytest.mark.usefixtures("some_diverge")
def test_diverged_replicates_are_compared_and_logged_as_such(results: Workspace) -> None:
    changes = {"epochs": 4, "replicates": 8}
    params = plan(KERAS, changes, "imdb_majority", "imdb_embedding_lstm")
    train(results, params, KERAS, lambda _: None)
    row = compare(results, params).loc[KERAS]
    assert (row["replicates"], row["diverged"]) == (6, 2)
    assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]

    assert log_trainings(results, params, [KERAS], pytest.fail)
    children = runs_of(results, KERAS, "replicate")
    statuses = ["FAILED" if r in (1, 3) else "FINISHED" for r in range(8)]
    assert [run.info.status for run in children] == statuses
    epochs = [run.data.tags.get("diverged.epoch") for run in children]
    assert epochs == [None, "1", None, "3", None, None, None, None]
    (parent,) = runs_of(results, KERAS, "variant")
    assert (parent.info.status, parent.data.metrics["diverged"]) == ("FINISHED", 2)


def test_a_variant_whose_replicates_all_diverge_has_no_scores(results: Workspace) -> None:
    params = plan(NUMPY, ALL_DIVERGE)
    train(results, params, NUMPY, lambda _: None)
    record = read_training_record(results, NUMPY)
    assert (record.diverged, record.finished) == (dict.fromkeys(range(3), 1), [])
    with results.history(NUMPY).open(newline="") as file:
        assert list(csv.DictReader(file)) == []
    scores = evaluate(results, params, NUMPY)
    assert (scores.accuracy, scores.replicates, scores.diverged) == (None, 0, 3)


def test_a_variant_whose_replicates_all_diverge_stays_in_the_comparison(
    results: Workspace,
) -> None:
    params = plan(NUMPY, ALL_DIVERGE, "imdb_majority", "imdb_embedding_lstm")
    train(results, params, NUMPY, lambda _: None)
    table = compare(results, params)
    assert table.index[-1] == NUMPY
    assert (table.loc[NUMPY, "replicates"], table.loc[NUMPY, "diverged"]) == (0, 3)
    assert table.loc[NUMPY, ["accuracy", "accuracy_low", "loss"]].isna().all()
    assert table.drop(index=NUMPY)["accuracy"].notna().all()
    written = pd.read_csv(results.metrics / "comparison.csv")
    pairs = pd.read_csv(results.metrics / "pairs.csv")
    assert NUMPY not in champions(written, pairs, params.comparison).values()

    for _ in range(2):
        assert log_trainings(results, params, [NUMPY], pytest.fail)
        (parent,) = runs_of(results, NUMPY, "variant")
        assert (parent.info.status, parent.data.tags["current"]) == ("FAILED", "true")
        assert {run.info.status for run in runs_of(results, NUMPY, "replicate")} == {"FAILED"}


def test_a_comparison_without_any_finished_replicate_is_refused(results: Workspace) -> None:
    params = plan(NUMPY, ALL_DIVERGE)
    train(results, params, NUMPY, lambda _: None)
    evaluate(results, params, NUMPY)
    with pytest.raises(DataError, match="all replicates of all variants have diverged"):
        report(results, params)


# Predictions that are no numbers

AVERAGE = [{"Embedding": {"output_dim": 4, "mask_zero": True}}, "GlobalAveragePooling1D"]
EMPTY = slice(0, None, 20)


@pytest.fixture
def with_empty_texts(results: Workspace) -> Workspace:
    """Every twentieth text, of all parts and of the further set, has no word of the vocabulary."""
    folder = results.prepared("imdb_subwords_8192")
    for prefix in ("", "rotten_tomatoes_"):
        values, offsets = (folder / f"{prefix}{name}.npy" for name in ("x", "offsets"))
        texts = np.split(np.load(values), np.load(offsets)[1:-1])
        texts[EMPTY] = [text[:0] for text in texts[EMPTY]]
        x = Ragged.of(texts, 1000)
        np.save(values, x.values)
        np.save(offsets, x.offsets)
    return results


def test_texts_without_words_do_not_end_a_training(with_empty_texts: Workspace) -> None:
    workspace, name = with_empty_texts, "imdb_subword_bidirectional_lstm"
    params = plan(name, {"layers": AVERAGE, "epochs": 2, "replicates": 2})
    train(workspace, params, name, lambda _: None)
    record = read_training_record(workspace, name)
    assert (record.finished, record.diverged) == ([0, 1], {})
    assert all(math.isfinite(loss) for loss in record.training_loss)
    history = pd.read_csv(workspace.history(name))
    assert np.isfinite(history["val_loss"]).all()
    stored = np.load(workspace.predictions(name) / "rotten_tomatoes.npy")
    assert np.isnan(stored[:, EMPTY]).all()
    assert np.count_nonzero(np.isnan(stored)) == 2 * 20
    lines: list[str] = []
    scores = evaluate(workspace, params, name, lines.append)
    assert (scores.replicates, scores.diverged, len(lines)) == (2, 0, 1)
    assert "40 of 800 predictions of rotten_tomatoes (samples 0, 20, 40" in lines[0]


def test_without_any_number_a_replicate_has_diverged() -> None:
    meta = Meta(
        corpus="any",
        encoding="index",
        target="binary",
        classes=("no", "yes"),
        shape=(1,),
        vocabulary_size=2,
    )
    samples = Samples(np.zeros((2, 1), int), np.array([1, 0]), np.arange(2, dtype=np.int32))
    data = Data(meta, samples, samples, samples, validated=True, further={})
    progress = Progress("any", data, lambda _: None)
    progress(Epoch(1, 1.0, 0.5, np.array([np.nan, 0.25], np.float32)))
    # The share of class 1 stands for the first prediction.
    expected = -(math.log(0.5) + math.log(0.75)) / 2
    assert progress.rows[-1]["val_loss"] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(DivergedError, match="became nan in epoch 2"):
        progress(Epoch(2, 1.0, 0.5, np.array([np.nan, np.inf], np.float32)))
    with pytest.raises(DivergedError, match="became inf in epoch 2"):
        progress(Epoch(2, math.inf, 0.5, np.array([0.5, 0.25], np.float32)))


def test_the_record_lies_next_to_the_predictions(results: Workspace) -> None:
    params = plan(NUMPY, {"epochs": 1, "replicates": 2})
    train(results, params, NUMPY, lambda _: None)
    record = json.loads((results.predictions(NUMPY) / "training.json").read_text())
    assert (record["variant"], record["role"]) == (NUMPY, "recurrent network")
    assert record["architecture"]["bidirectional"] is False
    assert (record["seeds"], record["splits"]) == ([42, 43], [0, 1])
    assert record["settings"]["epochs"] == 1
