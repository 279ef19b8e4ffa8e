"""Against a real SQLite store."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_targets
from rnnbench.evaluation.stage import evaluate
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings, reconcile
from tests.frozen import PARAMS
from tests.stores import copy_of, new_project

NAME = "imdb_numpy_rnn"


def client_of(workspace: Workspace) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(store_uri(workspace))


def runs_of(workspace: Workspace, level: str) -> list:
    client = client_of(workspace)
    experiment = client.get_experiment_by_name("project-imdb").experiment_id
    return client.search_runs([experiment], f"tags.level = '{level}' and tags.variant = '{NAME}'")


def current_accuracies(workspace: Workspace) -> list[float]:
    return [
        run.data.metrics["val_accuracy"]
        for run in runs_of(workspace, "variant")
        if run.data.tags.get("current") == "true"
    ]


def train_again(workspace: Workspace) -> None:
    """Change the files as another training would."""
    history = workspace.history(NAME)
    history.write_text(history.read_text().replace("0.51", "0.81"))


def test_a_training_becomes_a_run_with_a_nested_run_per_replicate(logged: Workspace) -> None:
    (parent,) = runs_of(logged, "variant")
    children = runs_of(logged, "replicate")
    assert parent.info.run_name == NAME
    assert {c.data.tags["mlflow.parentRunId"] for c in children} == {parent.info.run_id}
    for key in ("tags", "params"):
        assert {getattr(c.data, key)["seed"] for c in children} == {"42", "43", "44"}
    for run in (parent, *children):
        assert run.inputs.dataset_inputs[0].dataset.name == "imdb_one_hot_100"
        assert run.data.tags["mlflow.note.content"]
    assert {r.info.status for r in (parent, *children)} == {"FINISHED"}
    assert parent.data.tags["current"] == "true"
    assert (parent.data.params["cell"], parent.data.params["units"]) == ("SimpleRNN", "32")
    assert parent.data.params["parameters"] == "33321"
    notes = {c.data.tags["seed"]: c.data.tags["mlflow.note.content"] for c in children}
    assert notes["43"].endswith("seed 43, split 1.")


def test_the_scores_of_a_replicate_are_those_of_its_predictions(logged: Workspace) -> None:
    targets = read_targets(logged.prepared(PARAMS.variant(NAME).dataset))
    children = {int(c.data.tags["seed"]): c.data.metrics for c in runs_of(logged, "replicate")}
    for kind, file in (("eval", "evaluation"), ("last", "last_epoch")):
        predictions = np.load(logged.predictions(NAME) / f"{file}.npy").astype(float)
        # The third replicate trained on the first split again.
        for seed, prediction, split in zip((42, 43, 44), predictions, (0, 1, 0), strict=True):
            y = targets.y[targets.rows(split, "evaluation")]
            accuracy = ((prediction > 0.5) == y).mean()
            loss = -np.log(np.where(y, prediction, 1 - prediction)).mean()
            assert children[seed][f"{kind}_accuracy"] == pytest.approx(accuracy, rel=1e-3)
            if kind == "eval":
                assert children[seed]["eval_loss"] == pytest.approx(loss, rel=1e-3)
    assert children[43]["curve_accuracy"] == pytest.approx((0.61 + 0.62) / 2)


def test_the_scores_of_a_variant_are_those_of_its_evaluation(project: Workspace) -> None:
    (parent,) = runs_of(project, "variant")
    scores = evaluate(project, PARAMS, NAME)
    expected = {
        "eval_accuracy": scores.accuracy,
        "eval_loss": scores.loss,
        "last_accuracy": scores.last_accuracy,
        "curve_accuracy": scores.curve_accuracy,
    }
    found = {name: parent.data.metrics[name] for name in expected}
    assert found == pytest.approx(expected, rel=1e-3)


def test_of_a_replicate_that_diverged_the_epoch_is_logged_and_no_score(project: Workspace) -> None:
    record = json.loads(project.training_record(NAME).read_text())
    for key in ("epochs", "training_loss", "training_accuracy"):
        record[key][1] = None
    record["diverged"] = {"1": 2}
    project.training_record(NAME).write_text(json.dumps(record))
    for path in project.predictions(NAME).glob("*.npy"):
        np.save(path, np.load(path)[[0, 2]])
    history = project.history(NAME)
    rows = history.read_text().splitlines()
    history.write_text("\n".join(row for row in rows if not row.startswith("1,2,")))
    project.model(NAME, 1, ".npz").unlink()
    before = {run.info.run_id for run in runs_of(project, "replicate")}
    assert log_trainings(project, PARAMS, [NAME], pytest.fail) == [NAME]
    children = [run for run in runs_of(project, "replicate") if run.info.run_id not in before]
    finished = {run.data.tags["seed"]: run for run in children}
    diverged = finished.pop("43")
    assert (diverged.info.status, diverged.data.tags["diverged.epoch"]) == ("FAILED", "2")
    assert diverged.data.metrics.keys() >= {"val_accuracy", "seconds"}
    assert "eval_accuracy" not in diverged.data.metrics
    (parent,) = [r for r in runs_of(project, "variant") if r.data.tags["current"] == "true"]
    scores = [run.data.metrics["eval_accuracy"] for run in finished.values()]
    assert parent.data.metrics["eval_accuracy"] == pytest.approx(np.mean(scores), rel=1e-3)
    assert parent.data.metrics["diverged"] == 1


def test_the_history_is_logged_by_epoch(logged: Workspace) -> None:
    child = next(c for c in runs_of(logged, "replicate") if c.data.tags["seed"] == "43")
    history = client_of(logged).get_metric_history(child.info.run_id, "val_accuracy")
    assert [(m.step, m.value) for m in history] == [(1, 0.62), (2, 0.61)]


def test_confident_misclassifications_of_texts_are_logged(logged: Workspace) -> None:
    (parent,) = runs_of(logged, "variant")
    path = client_of(logged).download_artifacts(
        parent.info.run_id, "confident_misclassifications.csv"
    )
    assert len(pd.read_csv(path)) == 10


def test_logging_twice_adds_nothing(project: Workspace) -> None:
    assert log_trainings(project, PARAMS, [NAME], pytest.fail) == [NAME]
    assert len(runs_of(project, "variant")) == 1
    assert len(runs_of(project, "replicate")) == 3


def test_the_current_run_is_the_one_of_the_files(project: Workspace) -> None:
    before = project.history(NAME).read_text()
    train_again(project)
    log_trainings(project, PARAMS, [NAME], pytest.fail)
    assert current_accuracies(project) == [pytest.approx(0.71)]
    project.history(NAME).write_text(before)
    log_trainings(project, PARAMS, [NAME], pytest.fail)
    assert current_accuracies(project) == [pytest.approx(0.61)]
    assert len(runs_of(project, "variant")) == 2


def test_a_queued_experiment_logs_to_the_project_and_leaves_its_tags(
    project: Workspace, tmp_path: Path, monkeypatch
) -> None:
    """DVC runs it in a copy below the project."""
    queued = copy_of(project, tmp_path / "queued")
    (queued.root / "mlflow.db").unlink()
    train_again(queued)
    folder = project.root / ".dvc" / "tmp" / "exps"
    folder.mkdir(parents=True)
    queued = Workspace(queued.root.rename(folder / "tmp1234"))
    # As left behind by another project that started this process.
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "puffy-otter")
    log_trainings(queued, PARAMS, [NAME], pytest.fail)
    assert not (queued.root / "mlflow.db").exists()
    tags = [run.data.tags for run in runs_of(project, "variant")]
    assert {tag["current"]: tag.get("dvc.exp") for tag in tags} == {
        "true": None,
        "false": "puffy-otter",
    }


def test_a_variant_that_cannot_be_logged_costs_one_warning_and_no_other_variant(
    project: Workspace,
) -> None:
    shutil.rmtree(project.predictions("imdb_majority"))
    edited = PARAMS.variant("imdb_embedding_gru").model_copy(update={"epochs": 99})
    params = replace(PARAMS, variants=PARAMS.variants | {"imdb_embedding_gru": edited})
    warnings: list[str] = []
    names = ["imdb_majority", "imdb_embedding_gru", NAME]
    assert log_trainings(project, params, names, warnings.append) == [NAME]
    assert [warning.split()[0] for warning in warnings] == names[:2]
    assert all("run dvc repro" in warning for warning in warnings)


def test_removed_variants_are_no_longer_current(project: Workspace) -> None:
    variants = {k: v for k, v in PARAMS.variants.items() if k != NAME}
    reconcile(project, replace(PARAMS, variants=variants))
    assert current_accuracies(project) == []


def test_an_experiment_that_rnnbench_did_not_create_is_not_used(
    invented: Path, tmp_path: Path
) -> None:
    project = new_project(invented, tmp_path / "project", [NAME])
    client_of(project).create_experiment("project-imdb")
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    assert "not created by rnnbench" in warnings[0]
    assert runs_of(project, "variant") == []


def test_a_deleted_experiment_is_restored(project: Workspace) -> None:
    client = client_of(project)
    client.delete_experiment(client.get_experiment_by_name("project-imdb").experiment_id)
    assert log_trainings(project, PARAMS, [NAME], pytest.fail)
    assert client.get_experiment_by_name("project-imdb").lifecycle_stage == "active"


def test_a_training_whose_logging_was_killed_is_logged_again(
    project: Workspace, monkeypatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("unreachable")

    train_again(project)
    with monkeypatch.context() as broken:
        broken.setattr(mlflow.pyfunc, "log_model", unreachable)
        # As after a kill, not even FAILED can be written.
        broken.setattr(mlflow.MlflowClient, "set_terminated", unreachable)
        warnings: list[str] = []
        assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
        assert "unreachable" in warnings[0]
    client = client_of(project)
    foreign = client.create_run(
        client.get_experiment_by_name("project-imdb").experiment_id
    ).info.run_id
    assert current_accuracies(project) == [pytest.approx(0.61)]
    assert log_trainings(project, PARAMS, [NAME], pytest.fail)
    statuses = sorted(run.info.status for run in runs_of(project, "variant"))
    assert statuses == ["FINISHED", "FINISHED", "KILLED"]
    assert client.get_run(foreign).info.status == "RUNNING"
    assert current_accuracies(project) == [pytest.approx(0.71)]


def test_a_training_that_fails_to_be_logged_is_marked_and_logged_again(project: Workspace) -> None:
    train_again(project)
    model = project.model(NAME, 1, ".npz")
    content = model.read_bytes()
    model.unlink()
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    assert "replicate_1" in warnings[0]
    statuses = sorted(run.info.status for run in runs_of(project, "variant"))
    assert statuses == ["FAILED", "FINISHED"]
    model.write_bytes(content)
    assert log_trainings(project, PARAMS, [NAME], pytest.fail)
    assert current_accuracies(project) == [pytest.approx(0.71)]
