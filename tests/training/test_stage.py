import csv

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.stage import evaluate
from rnnbench.params import Params
from rnnbench.report.stage import report
from rnnbench.tracking import sync as tracking
from rnnbench.tracking.registry import champions
from rnnbench.tracking.store import store_uri
from rnnbench.training.outputs import read_training_record
from rnnbench.training.stage import train
from tests.frozen import PARAMS

NAME = "imdb_embedding_simple_rnn"
# Without a bound on its states, whether such a network explodes depends on its first weights.
EXPLOSIVE = [{"Embedding": {"output_dim": 4}}, {"SimpleRNN": {"units": 6, "activation": "relu"}}]


def with_rate(rate: float) -> Params:
    """The shipped plan, in which one variant may diverge."""
    changes = {
        "layers": EXPLOSIVE,
        "optimizer": {"SGD": {"learning_rate": rate}},
        "epochs": 6,
        "replicates": 5,
    }
    variant = PARAMS.variant(NAME).model_copy(update=changes)
    variants = PARAMS.variants | {NAME: variant}
    return Params(PARAMS.run, PARAMS.corpora, PARAMS.datasets, variants, {})


def compare(workspace: Workspace, params: Params) -> pd.DataFrame:
    for name in params.variants:
        evaluate(workspace, params, name)
    return report(workspace, params).set_index("variant")


def runs_of(workspace: Workspace, level: str) -> list:
    client = mlflow.MlflowClient(store_uri(workspace))
    number = client.get_experiment_by_name("imdb").experiment_id
    found = client.search_runs([number], f"tags.variant = '{NAME}' and tags.level = '{level}'")
    return sorted(found, key=lambda run: run.data.tags.get("seed", ""))


@pytest.fixture(autouse=True)
def _own_store(monkeypatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(variable, raising=False)


def test_some_replicates_diverge_and_the_others_go_on(results: Workspace) -> None:
    params = with_rate(3.0)
    said: list[str] = []
    train(results, params, NAME, said.append)
    lost = read_training_record(results, NAME).diverged
    kept = [r for r in range(5) if r not in lost]
    assert lost
    assert kept
    for replicate, epoch in lost.items():
        line = f"replicate {replicate + 1}/5  has diverged: the loss became nan in epoch {epoch}"
        assert any(line in text for text in said)
    assert [results.model(NAME, r, ".keras").exists() for r in range(5)] == [
        r in kept for r in range(5)
    ]
    predictions = np.load(results.predictions(NAME) / "evaluation.npy")
    assert len(predictions) == len(kept)
    history = pd.read_csv(results.history(NAME)).groupby("replicate")["epoch"].max()
    assert history.to_dict() == dict.fromkeys(kept, 6) | {
        r: e - 1 for r, e in lost.items() if e > 1
    }

    row = compare(results, params).loc[NAME]
    assert (row["replicates"], row["diverged"]) == (len(kept), len(lost))
    assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
    curves = pd.read_csv(results.metrics / "learning_curves.csv").set_index("variant")
    assert curves.loc[NAME, "epoch"].max() == 6
    text = (results.metrics / "comparison.md").read_text()
    assert f"{len(kept)}, {len(lost)} diverged" in text

    assert tracking.record(results, params, NAME, pytest.fail)
    children = runs_of(results, "replicate")
    statuses = ["FAILED" if r in lost else "FINISHED" for r in range(5)]
    assert [run.info.status for run in children] == statuses
    told = {r: int(run.data.tags["diverged.epoch"]) for r, run in enumerate(children) if r in lost}
    assert told == lost
    (parent,) = runs_of(results, "variant")
    assert (parent.info.status, parent.data.metrics["diverged"]) == ("FINISHED", len(lost))
    accuracy = np.mean([children[r].data.metrics["evaluation_accuracy"] for r in kept])
    assert parent.data.metrics["evaluation_accuracy"] == pytest.approx(accuracy)


def test_a_variant_that_diverges_altogether_keeps_its_row(results: Workspace) -> None:
    params = with_rate(1e30)
    train(results, params, NAME, lambda _: None)
    assert read_training_record(results, NAME).diverged == dict.fromkeys(range(5), 1)
    with results.history(NAME).open(newline="") as file:
        assert list(csv.DictReader(file)) == []

    table = compare(results, params)
    reviews = table[table["corpus"] == "imdb"]
    assert reviews.index[-1] == NAME
    assert (reviews.loc[NAME, "replicates"], reviews.loc[NAME, "diverged"]) == (0, 5)
    assert reviews.loc[NAME, ["accuracy", "accuracy_low", "loss"]].isna().all()
    assert table.drop(index=NAME)["accuracy"].notna().all()
    assert "0, 5 diverged" in (results.metrics / "comparison.md").read_text()
    written = pd.read_csv(results.metrics / "comparison.csv")
    assert NAME not in champions(written, pd.read_csv(results.metrics / "pairs.csv")).values()

    for _ in range(2):
        assert tracking.record(results, params, NAME, pytest.fail)
        (parent,) = runs_of(results, "variant")
        assert (parent.info.status, parent.data.tags["current"]) == ("FAILED", "true")
        assert {run.info.status for run in runs_of(results, "replicate")} == {"FAILED"}


def test_a_comparison_of_nothing_is_refused(results: Workspace) -> None:
    params = with_rate(1e30)
    train(results, params, NAME, lambda _: None)
    stage_lock = Params(
        PARAMS.run, PARAMS.corpora, PARAMS.datasets, {NAME: params.variant(NAME)}, {}
    )
    evaluate(results, stage_lock, NAME)
    with pytest.raises(DataError, match="all replicates of all variants have diverged"):
        report(results, stage_lock)
