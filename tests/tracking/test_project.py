"""The names of a project's experiments and models, in real SQLite stores."""

from pathlib import Path

import mlflow
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.tracking.project import project_name
from rnnbench.tracking.registry import load_model, promote
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS
from tests.stores import new_project
from tests.tracking.champions import make_best

NAME = "imdb_majority"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("recurrent-networks_2.0", "recurrent-networks_2.0"),
        ("Übung", "Übung"),
        ('it\'s a: "project" (2)', "it-s-a-project-2"),
        ("..hidden", "hidden"),
    ],
)
def test_the_folder_names_the_project(tmp_path: Path, folder: str, name: str) -> None:
    assert project_name(Workspace(tmp_path / folder)) == name


def test_the_variable_names_the_project_instead(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RNNBENCH_PROJECT", "mine")
    assert project_name(Workspace(tmp_path / "folder")) == "mine"
    monkeypatch.setenv("RNNBENCH_PROJECT", "")
    assert project_name(Workspace(tmp_path / "folder")) == "folder"


def test_a_queued_experiment_has_the_name_of_its_project(tmp_path: Path) -> None:
    copy = tmp_path / "folder" / ".dvc" / "tmp" / "exps" / "tmp1234"
    assert project_name(Workspace(copy)) == "folder"


def test_a_project_inside_another_one_has_both_names(tmp_path: Path, monkeypatch) -> None:
    inner = Workspace(tmp_path / "folder" / "quick")
    inner.root.mkdir(parents=True)
    (tmp_path / "folder" / "params.yaml").touch()
    assert project_name(inner) == "folder-quick"
    monkeypatch.setenv("RNNBENCH_PROJECT", "mine")
    assert project_name(inner) == "mine-quick"


@pytest.mark.parametrize("name", ["a/b", "a:b", "it's", "a@b", "%", " ", "..", "x" * 101])
def test_a_name_that_is_not_valid_costs_one_warning_that_names_the_variable(
    project: Workspace, monkeypatch, name: str
) -> None:
    monkeypatch.setenv("RNNBENCH_PROJECT", name)
    warnings: list[str] = []
    assert log_trainings(project, PARAMS, [NAME, "imdb_numpy_rnn"], warnings.append) == []
    (warning,) = warnings
    assert f"RNNBENCH_PROJECT={name!r}" in warning
    with pytest.raises(DataError, match="RNNBENCH_PROJECT"):
        load_model(project, PARAMS, "imdb", NAME)


def test_a_folder_without_a_letter_is_named_with_the_variable_to_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"folder .*---.*set RNNBENCH_PROJECT"):
        project_name(Workspace(tmp_path / "---"))


def names(client: mlflow.MlflowClient) -> set[str]:
    found = [*client.search_experiments(), *client.search_registered_models()]
    return {each.name for each in found} - {"Default"}


def test_a_renamed_folder_keeps_its_runs_and_champion(project: Workspace, monkeypatch) -> None:
    make_best(project, NAME)
    assert promote(project, PARAMS, pytest.fail) == {"imdb": NAME}
    client = mlflow.MlflowClient(store_uri(project))
    assert names(client) == {"project-imdb"}
    experiment = client.get_experiment_by_name("project-imdb").experiment_id
    runs = {run.info.run_id for run in client.search_runs([experiment])}
    variant, model = load_model(project, PARAMS, "imdb", None)
    expected = model.predict(["the film"])

    renamed = Workspace(project.root.rename(project.root.with_name("a néw name")))
    client = mlflow.MlflowClient(store_uri(renamed))
    for name in ("a-néw-name-imdb", "mine-imdb"):
        found, model = load_model(renamed, PARAMS, "imdb", None)
        assert (found, model.predict(["the film"]).equals(expected)) == (variant, True)
        assert names(client) == {name}
        assert log_trainings(renamed, PARAMS, [NAME], pytest.fail) == [NAME]
        assert promote(renamed, PARAMS, pytest.fail) == {"imdb": NAME}
        assert client.get_experiment_by_name(name).experiment_id == experiment
        assert {run.info.run_id for run in client.search_runs([experiment])} == runs
        assert client.get_model_version_by_alias(name, "champion").version == 1
        monkeypatch.setenv("RNNBENCH_PROJECT", "mine")


def test_projects_in_one_database_file_rename_only_what_is_theirs(
    invented: Path, tmp_path: Path, monkeypatch
) -> None:
    outer = new_project(invented, tmp_path / "outer", [NAME])
    inner = new_project(invented, outer.root / "inner", [NAME])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri(outer))
    client = mlflow.MlflowClient(store_uri(outer))
    for project in (inner, outer, inner):
        assert log_trainings(project, PARAMS, [NAME], pytest.fail) == [NAME]
    assert names(client) == {"outer-imdb", "outer-inner-imdb"}
    for name in names(client):
        experiment = client.get_experiment_by_name(name).experiment_id
        assert len(client.search_runs([experiment], "tags.current = 'true'")) == 1


def test_an_experiment_that_has_the_new_name_already_is_left_unchanged(project: Workspace) -> None:
    client = mlflow.MlflowClient(store_uri(project))
    client.create_experiment("renamed-imdb")
    renamed = Workspace(project.root.rename(project.root.with_name("renamed")))
    warnings: list[str] = []
    assert log_trainings(renamed, PARAMS, [NAME], warnings.append) == []
    assert "'renamed-imdb' was not created by rnnbench" in warnings[0]


def test_an_experiment_that_its_user_renamed_keeps_that_name(project: Workspace) -> None:
    client = mlflow.MlflowClient(store_uri(project))
    experiment = client.get_experiment_by_name("project-imdb").experiment_id
    client.rename_experiment(experiment, "last year's")
    assert log_trainings(project, PARAMS, [NAME], pytest.fail) == [NAME]
    assert names(client) == {"last year's", "project-imdb"}
