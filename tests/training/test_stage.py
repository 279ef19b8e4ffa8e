import csv
import json
import math
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.stage import evaluate
from rnnbench.models.base import Epoch
from rnnbench.models.keras.model import Model as KerasModel
from rnnbench.params import Params
from rnnbench.report.stage import report
from rnnbench.tracking.registry import champions
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings
from rnnbench.training.outputs import read_training_record
from rnnbench.training.stage import train
from tests.frozen import PARAMS

KERAS, NUMPY = "imdb_embedding_simple_rnn", "imdb_numpy_rnn"
# The epoch in which a replicate diverges, by seed.
DIVERGING = {43: 1, 45: 3}
ALL_DIVERGE = {"learning_rate": 1e39, "replicates": 3}


def plan(name: str, changes: dict, *others: str) -> Params:
    variants = {name: PARAMS.variant(name).model_copy(update=changes)}
    variants |= {other: PARAMS.variant(other) for other in others}
    return Params(PARAMS.run, PARAMS.corpora, PARAMS.datasets, variants, PARAMS.comparison, {})


def compare(workspace: Workspace, params: Params) -> pd.DataFrame:
    for name in params.variants:
        evaluate(workspace, params, name)
    return report(workspace, params).set_index("variant")


def runs_of(workspace: Workspace, name: str, level: str) -> list:
    client = mlflow.MlflowClient(store_uri(workspace))
    number = client.get_experiment_by_name("imdb").experiment_id
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


@pytest.mark.usefixtures("some_diverge")
def test_some_replicates_diverge_and_the_others_finish(results: Workspace) -> None:
    changes = {"epochs": 4, "replicates": 4}
    params = plan(KERAS, changes, "imdb_majority", "imdb_embedding_lstm")
    lines: list[str] = []
    train(results, params, KERAS, lines.append)
    record = read_training_record(results, KERAS)
    assert (record.role, record.architecture["cell"]) == ("recurrent network", "SimpleRNN")
    diverged, finished = {1: 1, 3: 3}, [0, 2]
    assert record.diverged == diverged
    for replicate, epoch in diverged.items():
        line = f"replicate {replicate + 1}/4  diverged: the loss became nan in epoch {epoch}"
        assert any(line in text for text in lines)
    found = [r for r in range(4) if results.model(KERAS, r, ".keras").exists()]
    assert found == finished
    predictions = np.load(results.predictions(KERAS) / "evaluation.npy")
    assert len(predictions) == len(finished)
    history = pd.read_csv(results.history(KERAS)).groupby("replicate")["epoch"].max()
    assert history.to_dict() == {0: 4, 2: 4, 3: 2}

    row = compare(results, params).loc[KERAS]
    assert (row["replicates"], row["diverged"]) == (len(finished), len(diverged))
    assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]

    assert log_trainings(results, params, [KERAS], pytest.fail)
    children = runs_of(results, KERAS, "replicate")
    statuses = ["FAILED" if r in diverged else "FINISHED" for r in range(4)]
    assert [run.info.status for run in children] == statuses
    epochs = {r: run.data.tags.get("diverged.epoch") for r, run in enumerate(children)}
    assert epochs == {0: None, 1: "1", 2: None, 3: "3"}
    (parent,) = runs_of(results, KERAS, "variant")
    assert (parent.info.status, parent.data.metrics["diverged"]) == ("FINISHED", len(diverged))
    accuracy = np.mean([children[r].data.metrics["evaluation_accuracy"] for r in finished])
    assert parent.data.metrics["evaluation_accuracy"] == pytest.approx(accuracy)


def test_a_variant_whose_replicates_all_diverge_stays_in_the_comparison(
    results: Workspace,
) -> None:
    params = plan(NUMPY, ALL_DIVERGE, "imdb_majority", "imdb_embedding_lstm")
    train(results, params, NUMPY, lambda _: None)
    assert read_training_record(results, NUMPY).diverged == dict.fromkeys(range(3), 1)
    with results.history(NUMPY).open(newline="") as file:
        assert list(csv.DictReader(file)) == []

    table = compare(results, params)
    assert table.index[-1] == NUMPY
    assert (table.loc[NUMPY, "replicates"], table.loc[NUMPY, "diverged"]) == (0, 3)
    assert table.loc[NUMPY, ["accuracy", "accuracy_low", "loss"]].isna().all()
    assert table.drop(index=NUMPY)["accuracy"].notna().all()
    written = pd.read_csv(results.metrics / "comparison.csv")
    assert NUMPY not in champions(written, pd.read_csv(results.metrics / "pairs.csv")).values()

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


def test_the_record_lies_next_to_the_predictions(results: Workspace) -> None:
    params = plan(NUMPY, {"epochs": 1, "replicates": 2})
    train(results, params, NUMPY, lambda _: None)
    record = json.loads((results.predictions(NUMPY) / "training.json").read_text())
    assert (record["variant"], record["role"]) == (NUMPY, "recurrent network")
    assert record["architecture"]["bidirectional"] is False
    assert record["seeds"] == [42, 43]
    assert record["settings"]["epochs"] == 1
