"""What people delete and damage in a store is logged again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.tracking.registry import load_model, promote
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings, reconcile
from tests.frozen import PARAMS
from tests.stores import new_project
from tests.tracking.champions import make_best

NAME = "imdb_numpy_rnn"


@pytest.fixture
def project(invented: Path, tmp_path: Path) -> Workspace:
    workspace = new_project(invented, tmp_path / "project", [NAME])
    assert log_trainings(workspace, PARAMS, [NAME], pytest.fail) == [NAME]
    make_best(workspace, NAME)
    assert promote(workspace, PARAMS, pytest.fail) == {"imdb": NAME}
    return workspace


def champion(client: mlflow.MlflowClient) -> mlflow.entities.Run:
    return client.get_run(client.get_model_version_by_alias("project-imdb", "champion").run_id)


def all_artifacts(project: Workspace, _client: mlflow.MlflowClient) -> None:
    shutil.rmtree(project.root / "mlartifacts")


def the_model_file(project: Workspace, _client: mlflow.MlflowClient) -> None:
    for path in (project.root / "mlartifacts").rglob("replicate_0.npz"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")


def the_description_of_a_model(project: Workspace, _client: mlflow.MlflowClient) -> None:
    next((project.root / "mlartifacts").rglob("MLmodel")).unlink()


def what_a_model_is(project: Workspace, _client: mlflow.MlflowClient) -> None:
    for path in (project.root / "mlartifacts").rglob("MLmodel"):
        path.write_text("")


def the_code_of_a_model(project: Workspace, _client: mlflow.MlflowClient) -> None:
    for path in (project.root / "mlartifacts").rglob("pyfunc.py"):
        path.write_text("x = (")


def the_variant_of_the_version(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_model_version_tag("project-imdb", "1", "variant")


def a_seed(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_tag(champion(client).info.run_id, "seed")


def the_variant_of_the_current_run(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_tag(champion(client).data.tags["mlflow.parentRunId"], "variant")


def nothing_but_adds_a_run(_project: Workspace, client: mlflow.MlflowClient) -> None:
    parent = {"mlflow.parentRunId": champion(client).data.tags["mlflow.parentRunId"]}
    client.create_run(champion(client).info.experiment_id, tags=parent)


def the_history(project: Workspace, _client: mlflow.MlflowClient) -> None:
    for path in (project.root / "mlartifacts").rglob(f"{NAME}.csv"):
        path.unlink()


def the_champions_run(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_run(champion(client).info.run_id)


def its_parent(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_run(champion(client).data.tags["mlflow.parentRunId"])


def a_logged_model(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_logged_model(champion(client).outputs.model_outputs[0].model_id)


def the_registered_model(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_registered_model("project-imdb")


def the_experiment(_project: Workspace, client: mlflow.MlflowClient) -> None:
    client.delete_experiment(client.get_experiment_by_name("project-imdb").experiment_id)


@pytest.mark.parametrize(
    "remove",
    [
        *(all_artifacts, the_model_file, the_description_of_a_model, the_history),
        *(the_champions_run, its_parent, a_logged_model, the_registered_model, the_experiment),
        *(what_a_model_is, the_code_of_a_model, the_variant_of_the_version, a_seed),
        *(the_variant_of_the_current_run, nothing_but_adds_a_run),
    ],
)
def test_what_is_missing_is_logged_again(
    project: Workspace, remove: Callable[[Workspace, mlflow.MlflowClient], None]
) -> None:
    expected = load_model(project, PARAMS, "imdb", None)[1].predict(["the film"])
    client = mlflow.MlflowClient(store_uri(project))
    remove(project, client)
    reconcile(project, PARAMS)
    assert log_trainings(project, PARAMS, [NAME], pytest.fail) == [NAME]
    assert promote(project, PARAMS, pytest.fail) == {"imdb": NAME}
    for variant in (None, NAME):
        found = load_model(project, PARAMS, "imdb", variant)[1].predict(["the film"])
        assert found.equals(expected)
    experiment = client.get_experiment_by_name("project-imdb").experiment_id
    (current,) = client.search_runs([experiment], "tags.current = 'true'")
    assert {file.path for file in client.list_artifacts(current.info.run_id)} >= {f"{NAME}.csv"}
    before = len(client.search_runs([experiment]))
    assert log_trainings(project, PARAMS, [NAME], pytest.fail) == [NAME]
    assert len(client.search_runs([experiment])) == before


def test_what_cannot_be_logged_again_is_named_with_what_to_do(project: Workspace) -> None:
    shutil.rmtree(project.root / "mlartifacts")
    shutil.rmtree(project.models(NAME))
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, [NAME], warnings.append) == []
    (warning,) = warnings
    assert warning.startswith(f"{NAME} is not in MLflow")
    assert "run dvc repro" in warning
