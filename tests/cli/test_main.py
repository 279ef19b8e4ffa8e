import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnbench.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [None, *main.commands])
def test_every_command_has_help(name: str | None) -> None:
    done = CliRunner().invoke(main, [name, "--help"] if name else ["--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output


@pytest.mark.parametrize("command", [["check"], ["train", "imdb_embedding_lstm"], ["report"]])
def test_all_errors_are_reported_at_once_and_nothing_is_written(
    project: Path, command: list[str]
) -> None:
    params = project / "params.yaml"
    text = (
        params.read_text()
        .replace("LSTM: {units", "LSTM: 5, X: {units")
        .replace("epochs: 20", "epochs: x")
    )
    params.write_text(text)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert any("imdb_embedding_lstm.layers[1]: got {'LSTM': 5, " in x for x in lines)
    assert any("imdb_simple_rnn_one_hot.epochs" in x and "'x'" in x for x in lines)
    assert all(line.startswith("error: ") and "params.yaml: " in line for line in lines)
    assert [p.name for p in project.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize("command", ["download", "preprocess", "train", "evaluate"])
def test_an_unknown_name_is_told_with_what_is_allowed(project: Path, command: str) -> None:
    done = CliRunner().invoke(main, [command, "nothing"])
    assert done.exit_code == 2
    assert "no " in done.stderr
    assert re.search("allowed: .*imdb", done.stderr)


def test_a_stage_run_too_early_says_what_to_do(project: Path) -> None:
    done = CliRunner().invoke(main, ["train", "imdb_embedding_lstm"])
    assert done.exit_code == 1
    assert "run dvc repro" in done.stderr
    assert not (project / "models" / "imdb_embedding_lstm").exists()


def test_outside_of_a_project_the_error_says_so(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["check"])
    assert (done.exit_code, "inside the project" in done.stderr) == (1, True)
