"""`rnnbench check`: its exit status, its stamp, and what it reports about dvc.lock."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from rnnbench.cli.main import main
from rnnbench.core import versions
from tests.frozen import PARAMS_FILE

# Without a variant of Keras, which need not be imported then.
PLAN = """
run: {seed: 1, splits: 2, replicates: 2}
corpora: {product: {steps: 3, tolerance: 0.1}}
datasets: {d: {corpus: product, split: new, train: 4, evaluation: 4}}
variants: {mean: {model: constant, dataset: d}, other: {model: constant, dataset: d}}
comparison: {margin: 0.02, loss_margin: 0.25}
questions: [{question: "Is it better?", variants: [other, mean]}]
published: {}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stamp(project: Path) -> str:
    done = CliRunner().invoke(main, ["check", "--stamp", "data/checked"])
    assert (done.exit_code, "params.yaml is valid: " in done.stdout) == (0, True)
    return (project / "data" / "checked").read_text()


def test_the_stamp_changes_with_library_versions_only(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stamp(project)
    assert f"tensorflow {version('tensorflow')}\n" in first
    (project / "params.yaml").write_text(PLAN)
    assert stamp(project) == first
    upgraded = {"scipy": "99.1"}
    monkeypatch.setattr(versions, "version", lambda name: upgraded.get(name) or version(name))
    assert stamp(project) == first.replace(f"scipy {version('scipy')}\n", "scipy 99.1\n") != first


def test_an_error_leaves_no_stamp(project: Path) -> None:
    file = project / "params.yaml"
    file.write_text(file.read_text().replace("LSTM:\n        units", "LSTM:\n        unit"))
    done = CliRunner().invoke(main, ["check", "--stamp", "data/checked"])
    assert done.exit_code == 2
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert "imdb_embedding_lstm.layers[1].LSTM.unit: LSTM has no argument 'unit'" in done.stderr
    assert [path.name for path in project.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize(
    ("valid", "invalid", "error"),
    [
        (
            "[other, mean]",
            "[othe, mean]",
            "questions[0].variants: no variant 'othe' in variants; allowed: mean, other; "
            "did you mean 'other'?",
        ),
        (
            "[other, mean]",
            "[mean, mean]",
            "questions[0]: mean cannot be compared with itself",
        ),
        (
            '[{question: "Is it better?", variants: [other, mean]}]',
            "{}",
            "questions: got {}, expected a list of questions",
        ),
        (
            "loss_margin: 0.25",
            "loss_margin: 0",
            "comparison.loss_margin: got 0; should be greater than 0",
        ),
        (", loss_margin: 0.25", "", "comparison.loss_margin: is missing"),
    ],
)
def test_an_error_in_what_is_asked_is_reported_with_its_key(
    project: Path, valid: str, invalid: str, error: str
) -> None:
    (project / "params.yaml").write_text(PLAN.replace(valid, invalid))
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 2
    assert done.stderr == f"error: {project / 'params.yaml'}: {error}\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "dvc.lock is truncated"),
        ("schema: '2.0'\nstages:\n  tr", "dvc.lock is truncated"),
        ("\0", "dvc.lock is truncated"),
        ("schema: '2.0'\n<<<<<<< HEAD\n", "dvc.lock has merge conflict markers, line 2"),
    ],
    ids=["empty", "cut", "nul", "conflict"],
)
def test_a_damaged_lock_file_is_reported(project: Path, content: str, problem: str) -> None:
    (project / "params.yaml").write_text(PLAN)
    (project / "dvc.lock").write_text(content)
    done = CliRunner().invoke(main, ["check"])
    assert (done.exit_code, problem in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("edits", "reported"),
    [
        ({"other": "better"}, True),
        ({}, False),
        ({"other": "better", "dataset: d}}": "dataset: d, replicates: 3}}"}, False),
        ({"other": "better", "seed: 1": "seed: 2"}, False),
    ],
    ids=["renamed", "same", "edited too", "other run"],
)
def test_a_renamed_variant_is_reported(
    project: Path, edits: dict[str, str], reported: bool
) -> None:
    plan, text = yaml.safe_load(PLAN), PLAN
    stages = {
        f"train@{name}": {"params": {"params.yaml": {"run": plan["run"], f"variants.{name}": v}}}
        for name, v in plan["variants"].items()
    }
    (project / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    for old, new in edits.items():
        text = text.replace(old, new)
    (project / "params.yaml").write_text(text)
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 0
    assert ("better has the settings of other, which is trained" in done.stderr) == reported


@pytest.mark.parametrize("below", ["", "data"])
def test_the_source_of_reviews_is_found_from_any_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    (project / below).mkdir(exist_ok=True)
    monkeypatch.chdir(project / below)
    monkeypatch.setenv("HOME", str(project))
    corpora, settings = "corpora: {product: {steps: 3, tolerance: 0.1}", "imdb: {source: %s}"
    for source, folder in (("reviews", "reviews"), ("~/mine", "mine"), ("./a b/../c", "c")):
        plan = PLAN.replace(corpora, f"{corpora}, {settings % source}")
        (project / "params.yaml").write_text(plan)
        done = CliRunner().invoke(main, ["check"])
        assert done.exit_code == 2
        assert f"corpora.imdb.source: got {source!r}, expected " in done.stderr
        assert f"{project / folder}' has no folder train" in done.stderr.replace("a b/../", "")
        (project / "a b").mkdir(exist_ok=True)
        (project / folder / "train").mkdir(parents=True)
        assert CliRunner().invoke(main, ["check"]).exit_code == 0
        # Other commands do not need it: its reviews may have been read long ago.
        shutil.rmtree(project / folder)
        done = CliRunner().invoke(main, ["train", "nothing"])
        assert "no variant 'nothing'" in done.stderr


def test_the_environment_is_compared_with_the_lock(project: Path) -> None:
    (project / "params.yaml").write_text(PLAN)
    (project / "requirements.txt").write_text("scipy==0.1 \\\n    --hash=sha256:0\n")
    done = CliRunner().invoke(main, ["check", "--environment"])
    assert done.exit_code == 1
    assert f"tensorflow {version('tensorflow')}" in done.stdout
    assert "XLA_FLAGS=" in done.stdout
    found = version("scipy")
    assert f"- scipy is {found}, and requirements.txt pins 0.1" in done.stdout.splitlines()
