"""`rnnbench show`: the trained model of a variant, or an untrained one."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnbench.cli.main import main
from rnnbench.core.workspace import Workspace
from tests.stores import new_project

NAMES = ("imdb_ngrams_linear", "imdb_numpy_rnn")


@pytest.fixture
def project(invented: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    workspace = new_project(invented, tmp_path / "project", NAMES)
    monkeypatch.chdir(workspace.root)
    return workspace


def show(name: str) -> str:
    done = CliRunner().invoke(main, ["show", name])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_trained_model_is_shown_where_there_is_one(project: Workspace) -> None:
    name = "imdb_ngrams_linear"
    found = show(name)
    assert found.startswith(f"models/{name}/replicate_2.npz\n")
    assert " 1 parameters" not in found
    for path in project.models(name).iterdir():
        path.unlink()
    untrained = show(name)
    assert untrained.startswith("no trained model has these settings\n")
    assert "as many as the training samples have" in untrained


def test_after_an_edit_the_new_network_is_shown(project: Workspace) -> None:
    name = "imdb_numpy_rnn"
    assert show(name).startswith("models/")
    text = project.params.read_text()
    assert "units: 32" in text
    project.params.write_text(text.replace("units: 32", "units: 5"))
    found = show(name)
    assert found.startswith("no trained model has these settings\n")
    assert "(5, 5)" in found
