"""Against a real sqlite store and real models."""

import shutil
import subprocess
import sys
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnbench import models
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_samples
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.tracking import sync as tracking
from rnnbench.tracking.store import store_uri
from tests.frozen import PARAMS

NAME = "imdb_embedding_lstm"
TEXT = "the film"


def runs_of(workspace: Workspace, level: str) -> list:
    client = mlflow.MlflowClient(store_uri(workspace))
    experiment = client.get_experiment_by_name("imdb")
    return client.search_runs([experiment.experiment_id], f"tags.level = '{level}'")


def test_a_training_becomes_a_parent_and_a_run_a_replicate(trained: Workspace) -> None:
    assert tracking.record(trained, PARAMS, NAME, pytest.fail)
    (parent,) = runs_of(trained, "variant")
    children = runs_of(trained, "replicate")
    assert parent.info.run_name == NAME
    assert {c.data.tags["mlflow.parentRunId"] for c in children} == {parent.info.run_id}
    for key in ("tags", "params"):
        assert {getattr(c.data, key)["seed"] for c in children} == {"42", "43", "44"}
    for run in (parent, *children):
        assert run.inputs.dataset_inputs[0].dataset.name == "imdb_index_1000"
        assert run.data.tags["mlflow.note.content"]
    assert {r.info.status for r in (parent, *children)} == {"FINISHED"}
    assert parent.data.tags["current"] == "true"
    assert (parent.data.params["cell"], parent.data.params["units"]) == ("LSTM", "8")
    assert parent.data.params["parameters"] == "33321"
    finals = sorted(c.data.metrics["evaluation_accuracy"] for c in children)
    assert finals == [0.52, 0.62, 0.72]
    assert parent.data.metrics["evaluation_accuracy"] == pytest.approx(0.62)


def test_confident_mistakes_of_texts_are_logged(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    (parent,) = runs_of(trained, "variant")
    client = mlflow.MlflowClient(store_uri(trained))
    path = client.download_artifacts(parent.info.run_id, "confident_misclassifications.csv")
    assert len(pd.read_csv(path)) == 10


def test_histories_are_logged_epoch_by_epoch(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    child = next(c for c in runs_of(trained, "replicate") if c.data.tags["seed"] == "43")
    history = client.get_metric_history(child.info.run_id, "val_accuracy")
    assert [(m.step, m.value) for m in history] == [(1, 0.61), (2, 0.62)]


def test_the_logged_model_answers_raw_text_as_the_pipeline_does(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    experiment = client.get_experiment_by_name("imdb").experiment_id
    logged = client.search_logged_models([experiment])
    assert len(logged) == 3
    assert {m.name for m in logged} == {NAME}
    seed = {c.info.run_id: int(c.data.tags["seed"]) for c in runs_of(trained, "replicate")}
    first = next(m for m in logged if seed[m.source_run_id] == 42)
    answer = mlflow.pyfunc.load_model(first.model_uri).predict([TEXT, "", "😀"])
    assert len(set(answer["probability"])) > 1
    assert list(answer.columns) == ["label", "probability"]

    encoder = read_encoder(trained.prepared("imdb_index_1000"))
    model = models.load("keras").model_class().load(trained.model(NAME, 0, ".keras"))
    assert answer["probability"].tolist() == pytest.approx(
        model.predict(encoder.encode([TEXT, "", "😀"])).tolist(), abs=1e-6
    )
    table = pd.DataFrame({"text": [TEXT]})
    assert mlflow.pyfunc.load_model(first.model_uri).predict(table).equals(answer[:1])
    requirements = mlflow.pyfunc.get_model_dependencies(first.model_uri)
    assert "tensorflow==" in open(requirements).read()  # noqa: SIM115, PTH123


@pytest.mark.parametrize("name", ["product_mean", "characters_majority"])
def test_a_logged_model_of_arrays_answers_arrays(results: Workspace, monkeypatch, name) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    settings = PARAMS.variant(name)
    folder = results.prepared(settings.dataset)
    samples = read_samples(folder, "evaluation")
    model = models.load("constant").model_class().build(settings, read_meta(folder), 1)
    model.fit(settings, 1, samples, samples.x, lambda _: None)
    for replicate in range(3):
        model.save(results.model(name, replicate, ".npz"))
    assert tracking.record(results, PARAMS, name, pytest.fail)
    client = mlflow.MlflowClient(store_uri(results))
    experiment = client.get_experiment_by_name(PARAMS.dataset(settings.dataset).corpus)
    logged = client.search_logged_models([experiment.experiment_id])[0]
    x = samples.x[:5].astype("float32" if samples.x.dtype.kind == "f" else "int64")
    served = mlflow.pyfunc.load_model(logged.model_uri)
    np.testing.assert_array_equal(served.predict(x), model.predict(samples.x[:5]))
    if read_meta(folder).encoding != "number":
        for outside in (99, -1):
            with pytest.raises(mlflow.MlflowException, match="ids must be from 0 to"):
                served.predict(np.full_like(x, outside))


def test_many_classes_are_answered_by_the_likeliest_and_its_probability(
    results: Workspace, monkeypatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    name = "reuters_majority"
    folder = results.prepared("reuters_numbers")
    samples, meta = read_samples(folder, "evaluation"), read_meta(folder)
    model = models.load("constant").model_class().build(PARAMS.variant(name), meta, 1)
    model.fit(PARAMS.variant(name), 1, samples, samples.x, lambda _: None)
    for replicate in range(3):
        model.save(results.model(name, replicate, ".npz"))
    assert tracking.record(results, PARAMS, name, pytest.fail)
    client = mlflow.MlflowClient(store_uri(results))
    experiment = client.get_experiment_by_name("reuters")
    logged = client.search_logged_models([experiment.experiment_id])[0]
    (row,) = mlflow.pyfunc.load_model(logged.model_uri).predict(["grain"]).to_dict("records")
    shares = np.bincount(samples.y) / len(samples)
    assert row["label"] == meta.classes[shares.argmax()]
    assert row["probability"] == pytest.approx(shares.max(), abs=1e-6)


def test_logging_twice_adds_nothing(trained: Workspace) -> None:
    for _ in range(2):
        tracking.record(trained, PARAMS, NAME, pytest.fail)
    assert len(runs_of(trained, "variant")) == 1
    assert len(runs_of(trained, "replicate")) == 3


def test_a_new_training_takes_the_current_mark_and_an_old_one_can_have_it_back(
    trained: Workspace,
) -> None:
    def current() -> list[float]:
        return [
            r.data.metrics["val_accuracy"]
            for r in runs_of(trained, "variant")
            if r.data.tags.get("current") == "true"
        ]

    history = trained.history(NAME)
    old = history.read_text()
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    history.write_text(old.replace("0.52", "0.82"))
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    assert current() == [pytest.approx(0.72)]
    history.write_text(old)
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    assert current() == [pytest.approx(0.62)]
    assert len(runs_of(trained, "variant")) == 2


def test_an_unreachable_server_costs_one_warning(trained: Workspace, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    warnings: list[str] = []
    assert not tracking.record(trained, PARAMS, NAME, warnings.append)
    assert len(warnings) == 1
    assert "rnnbench sync" in warnings[0]


def test_a_store_file_is_relative_to_the_project(trained: Workspace, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    monkeypatch.chdir(tmp_path)
    assert store_uri(trained) == f"sqlite:///{trained.root}/other.db"


def test_a_training_with_other_settings_is_not_logged(trained: Workspace) -> None:
    edited = PARAMS.variant(NAME).model_copy(update={"epochs": 99})
    params = replace(PARAMS, variants=PARAMS.variants | {NAME: edited})
    warnings: list[str] = []
    assert not tracking.record(trained, params, NAME, warnings.append)
    assert "run dvc repro" in warnings[0]


def test_removed_variants_lose_the_current_mark(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    left = {k: v for k, v in PARAMS.variants.items() if k != NAME}
    tracking.tidy(trained, replace(PARAMS, variants=left))
    assert tracking.current_experiments(trained, PARAMS) == {}


def test_runs_that_a_kill_left_open_are_ended(trained: Workspace) -> None:
    code = (
        "import os, pathlib\n"
        "from rnnbench.tracking import sync as tracking\n"
        "from rnnbench.params import load_params\n"
        "from rnnbench.tracking import runs\n"
        "from rnnbench.core.workspace import Workspace\n"
        "log = runs.log_model\n"
        "def until_the_third(run_id, workspace, params, name, replicate):\n"
        "    if replicate == 2: os._exit(9)\n"
        "    log(run_id, workspace, params, name, replicate)\n"
        "runs.log_model = until_the_third\n"
        f"tracking.record(Workspace(pathlib.Path({str(trained.root)!r})), load_params(), "
        f"{NAME!r}, print)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    client = mlflow.MlflowClient(store_uri(trained))
    number = client.get_experiment_by_name("imdb").experiment_id
    somebody = client.create_run(number).info.run_id
    tracking.tidy(trained, PARAMS)
    ended = runs_of(trained, "variant") + runs_of(trained, "replicate")
    assert {run.info.status for run in ended} == {"KILLED"}
    assert client.get_run(somebody).info.status == "RUNNING"
    assert tracking.record(trained, PARAMS, NAME, pytest.fail)
    marks = {run.info.status: run.data.tags.get("current") for run in runs_of(trained, "variant")}
    assert marks == {"KILLED": None, "FINISHED": "true"}


def test_a_lost_store_is_filled_again(trained: Workspace, tmp_path) -> None:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    copy = Workspace(shutil.copytree(trained.root, tmp_path / "copy"))
    (copy.root / "mlflow.db").unlink()
    assert tracking.record(copy, PARAMS, NAME, pytest.fail)
    assert (copy.root / "mlflow.db").exists()
    assert len(runs_of(copy, "replicate")) == 3


def test_an_experiment_of_somebody_else_is_left_alone(trained: Workspace) -> None:
    client = mlflow.MlflowClient(store_uri(trained))
    client.create_experiment("imdb")
    warnings: list[str] = []
    assert not tracking.record(trained, PARAMS, NAME, warnings.append)
    assert "somebody else" in warnings[0]


def test_a_deleted_experiment_is_brought_back(trained: Workspace) -> None:
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    client = mlflow.MlflowClient(store_uri(trained))
    client.delete_experiment(client.get_experiment_by_name("imdb").experiment_id)
    assert tracking.record(trained, PARAMS, NAME, pytest.fail)
    assert client.get_experiment_by_name("imdb").lifecycle_stage == "active"


def test_one_damaged_variant_does_not_keep_the_others_out(trained: Workspace) -> None:
    shutil.rmtree(trained.models("imdb_embedding_gru"))
    warnings: list[str] = []
    names = ["imdb_embedding_gru", NAME]
    assert tracking.record_all(trained, PARAMS, names, warnings.append) == [NAME]
    assert len(warnings) == 1
    assert "imdb_embedding_gru" in warnings[0]


def test_a_store_without_its_driver_costs_one_warning_and_no_password(
    trained: Workspace, monkeypatch
) -> None:
    uri = "mysql+pymysql_absent://user:secret@127.0.0.1/db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    warnings: list[str] = []
    assert not tracking.record(trained, PARAMS, NAME, warnings.append)
    assert len(warnings) == 1
    assert "secret" not in warnings[0]


def test_a_queued_experiment_logs_to_the_project_and_leaves_its_marks(
    trained: Workspace, tmp_path, monkeypatch
) -> None:
    """DVC runs it in a copy, with DVC_ROOT naming the project."""
    tracking.record(trained, PARAMS, NAME, pytest.fail)
    copy = Workspace(shutil.copytree(trained.root, tmp_path / "copy"))
    (copy.root / "mlflow.db").unlink()
    copy.history(NAME).write_text(copy.history(NAME).read_text().replace("0.52", "0.82"))
    monkeypatch.setenv("DVC_ROOT", str(trained.root))
    monkeypatch.setenv("DVC_EXP_NAME", "puffy-otter")
    tracking.record(copy, PARAMS, NAME, pytest.fail)
    assert not (copy.root / "mlflow.db").exists()
    tags = [run.data.tags for run in runs_of(trained, "variant")]
    assert {tag["current"]: tag.get("dvc.exp") for tag in tags} == {
        "true": None,
        "false": "puffy-otter",
    }


def test_a_training_cut_off_while_it_was_logged_is_logged_anew(
    trained: Workspace, monkeypatch
) -> None:
    """The store goes away in the middle, so that not even FAILED can be written."""

    def gone(*_: object, **__: object) -> None:
        raise ConnectionError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(mlflow.pyfunc, "log_model", gone)
        broken.setattr(mlflow.MlflowClient, "set_terminated", gone)
        warnings: list[str] = []
        assert not tracking.record(trained, PARAMS, NAME, warnings.append)
        assert "gone" in warnings[0]
    assert tracking.record(trained, PARAMS, NAME, pytest.fail)
    marks = [run.data.tags.get("current") for run in runs_of(trained, "variant")]
    assert sorted(marks, key=str) == [None, "true"]


def test_what_fails_half_way_is_marked_failed_and_logged_anew(trained: Workspace) -> None:
    lost = trained.model(NAME, 1, ".keras")
    shutil.move(lost, lost.with_name("away"))
    warnings: list[str] = []
    assert not tracking.record(trained, PARAMS, NAME, warnings.append)
    assert {r.info.status for r in runs_of(trained, "replicate")} == {"FAILED"}
    shutil.move(lost.with_name("away"), lost)
    assert tracking.record(trained, PARAMS, NAME, pytest.fail)
    (good,) = [r for r in runs_of(trained, "variant") if r.info.status == "FINISHED"]
    assert good.data.tags["current"] == "true"
