import re
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from rnnbench.cli.common import command
from rnnbench.cli.main import main
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import FLAGS, read_targets
from tests.frozen import PARAMS_FILE


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_errors_of_params_yaml_are_reported_at_once_and_nothing_is_written(
    project: Path,
) -> None:
    params = project / "params.yaml"
    text = params.read_text().replace("LSTM:\n        units", "LSTM: 5\n      X:\n        units")
    params.write_text(text.replace("epochs: 20", "epochs: x"))
    done = CliRunner().invoke(main, ["train", "imdb_embedding_lstm"])
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert any("imdb_embedding_lstm.layers[1]: got {'LSTM': 5, " in x for x in lines)
    assert any("imdb_simple_rnn_one_hot.epochs" in x and "'x'" in x for x in lines)
    assert all(line.startswith("error: ") and "params.yaml: " in line for line in lines)
    assert [p.name for p in project.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize("stage", ["download", "preprocess", "train", "evaluate"])
def test_an_unknown_name_is_reported_with_what_is_allowed(project: Path, stage: str) -> None:
    done = CliRunner().invoke(main, [stage, "nothing"])
    assert done.exit_code == 2
    assert re.search("no .* 'nothing'; allowed: .*imdb", done.stderr)


def test_a_stage_whose_input_is_missing_names_the_command_to_run(project: Path) -> None:
    done = CliRunner().invoke(main, ["train", "imdb_embedding_lstm"])
    assert done.exit_code == 1
    assert "run dvc repro" in done.stderr
    assert not (project / "models" / "imdb_embedding_lstm").exists()


def test_outside_of_a_project_the_error_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["sync"])
    assert (done.exit_code, "inside the project" in done.stderr) == (1, True)


@pytest.mark.parametrize("debug", ["", "0", "false", "No", "OFF", "1", "yes"])
def test_a_bug_is_a_line_and_its_traceback_is_an_option(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys, debug: str
) -> None:
    monkeypatch.setenv("RNNBENCH_DEBUG", debug)

    @command
    def fail(*_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    with pytest.raises(SystemExit) as exit_info:
        fail()
    assert exit_info.value.code == 1
    stderr = capsys.readouterr().err
    assert "error: ZeroDivisionError: two lines\n" in stderr
    assert "--debug" in stderr
    assert ("Traceback" in stderr) == (debug in ("1", "yes"))


@pytest.mark.parametrize(
    "error", [click.UsageError("x"), click.Abort(), click.exceptions.Exit(3), BrokenPipeError()]
)
def test_exceptions_of_click_and_of_a_closed_pipe_are_left_to_click(
    project: Path, error: Exception
) -> None:
    @command
    def fail(*_: object) -> None:
        raise error

    with pytest.raises(type(error)):
        fail()


def test_decode_prints_the_parts_of_a_sample_in_the_first_split(
    results: Workspace, monkeypatch
) -> None:
    shutil.copy(PARAMS_FILE, results.params)
    monkeypatch.chdir(results.root)
    targets = read_targets(results.prepared("imdb_index_1000"))
    rows = {part: targets.rows(0, part)[0] for part in FLAGS}
    rows["none"] = np.flatnonzero(targets.splits[0] == 0)[0]
    for part, row in rows.items():
        label = ("negative", "positive")[targets.y[row]]
        done = CliRunner().invoke(main, ["decode", "imdb_index_1000", str(row)])
        assert done.stdout.startswith(f"sample {row}, {part}, {label}, ")
    done = CliRunner().invoke(main, ["decode", "characters", "0"])
    assert done.stdout.startswith("sample 0, train and evaluation, ")
