"""`rnnbench quick`, the installed command, with the numbers of its parameters reduced."""

import shutil
from importlib import resources
from pathlib import Path

import pytest
import yaml

from rnnbench.params import check_params
from tests.frozen import PARAMS_FILE
from tests.pipeline.helpers import run


@pytest.fixture
def project(tmp_path: Path, imdb_raw: Path) -> Path:
    """A project that has the reviews, and small settings for the first look."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(PARAMS_FILE, folder / "params.yaml")
    params = yaml.safe_load(resources.files("rnnbench.cli").joinpath("quick.yaml").read_text())
    params["run"]["replicates"] = 2
    params["datasets"]["quick_words"] |= {"train": 200, "validation": 50, "evaluation": 200}
    params["variants"]["quick_lstm"] |= {"epochs": 1}
    for name in ("quick_gru", "quick_simple_rnn"):
        del params["variants"][name]
    params["questions"] = [
        {"question": "Do n-grams beat an LSTM?", "variants": ["quick_ngrams", "quick_lstm"]}
    ]
    quick = folder / "quick"
    quick.mkdir()
    (quick / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(imdb_raw, quick / "data" / "raw" / "imdb")
    return folder


def test_the_shipped_settings_are_valid(tmp_path: Path) -> None:
    text = resources.files("rnnbench.cli").joinpath("quick.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text)
    assert check_params(tmp_path / "params.yaml").questions


def test_a_first_look_has_a_table_an_answer_and_mlflow_runs(project: Path) -> None:
    output = run(project, "rnnbench", "quick")
    for name in ("quick_lstm", "quick_majority", "quick_ngrams"):
        assert f"| {name} " in output
    assert "Do n-grams beat an LSTM? " in output
    note = "A first look, with few samples and trainings: no result of the comparison."
    assert note in output
    page = (project / "quick" / "metrics" / "comparison.md").read_text()
    assert page.startswith(f"*{note}")
    assert note in (project / "quick" / "metrics" / "report.html").read_text()
    assert "quick/metrics/report.html" in output
    text = run(project / "quick", "rnnbench", "predict", "--variant", "quick_lstm", "good")
    assert text.splitlines()[-1].endswith("  good")

    # Within its folder too, an edit trains what depends on it, and nothing else.
    params = project / "quick" / "params.yaml"
    params.write_text(params.read_text().replace("length: 80", "length: 40"))
    edited = run(project / "quick", "rnnbench", "quick")
    assert "quick_lstm  replicate 2/2  epoch 1" in edited
    assert "quick_ngrams  replicate" not in edited
    assert "| quick_ngrams " in edited
    # Paths and commands are those from here.
    assert "quick/metrics" not in edited
    assert "cd " not in edited
