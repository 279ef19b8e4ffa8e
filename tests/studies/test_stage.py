"""A study that is really run, by training processes, in a project of its own."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from rnnbench import corpora
from rnnbench.core.errors import DataError, ParamsError, TrainingError
from rnnbench.core.workspace import Workspace
from rnnbench.engine.tasks import Outcome, Task
from rnnbench.evaluation.outputs import read_replicates
from rnnbench.evaluation.stage import evaluate
from rnnbench.params import load_params
from rnnbench.preprocessing.stage import preprocess
from rnnbench.report.studies.page import write_page
from rnnbench.studies import stage
from rnnbench.studies.outputs import COLUMNS, CURVE_COLUMNS, read_study
from rnnbench.studies.stage import run_study
from rnnbench.training.outputs import read_training_record
from rnnbench.training.stage import train
from tests.frozen import PARAMS_FILE

PLAN = """
run: {seed: 7, replicates: 3, splits: 2}
corpora: {product: {steps: 6, tolerance: 0.04}}
datasets:
  tiny: {corpus: product, split: new, train: 64, validation: 32, evaluation: 64}
variants:
  lstm:
    model: keras
    dataset: tiny
    layers: [LSTM: {units: 3}]
    optimizer: {Adam: {learning_rate: 0.01}}
    epochs: 3
    batch_size: 16
  # What the study trains, as a variant of its own: 4 units have 36 - 8 parameters.
  ordinary: {base: lstm, layers: [SimpleRNN: {units: 4}], optimizer.Adam.learning_rate: 0.1}
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published: {}
studies:
  cells:
    question: Which cell is best?
    variant: lstm
    axes:
      cell: [SimpleRNN, 'mine.py:MinGRU']
      parameters: [28]
      learning_rate: [0.01, 0.1]
"""
TABLES = ("trainings.csv", "curves.csv", "seconds.csv")


@dataclass(frozen=True)
class Project:
    """A project with one study; `lines` are what the last run has reported."""

    workspace: Workspace
    lines: list[str]

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        plan = yaml.safe_load(self.workspace.params.read_text())
        change(plan)
        self.workspace.params.write_text(yaml.safe_dump(plan, sort_keys=False))

    def set_axis(self, axis: str, values: list[Any]) -> None:
        self.edit(lambda plan: plan["studies"]["cells"]["axes"].update({axis: values}))

    def run(self, name: str = "cells") -> pd.DataFrame:
        self.lines.clear()
        params = load_params(self.workspace.params)
        run_study(self.workspace, params, name, 1, None, self.lines.append)
        return read_study(self.workspace, name)["trainings"]

    @property
    def trained(self) -> int:
        """How many trainings the last run has made."""
        last = self.lines[-1].split()
        return 0 if last[1] == "all" else int(last[1])

    def would_train(self, patch: pytest.MonkeyPatch, scores: dict[str, Any]) -> list[Task]:
        """Run the study with an engine that trains nothing; the tasks that it gets.

        scores: what the engine answers, by the key of a task; others fail.
        """
        asked: list[Task] = []

        def run_all(_engine, tasks, _label, _kept, keep, _report) -> None:
            asked.extend(tasks)
            for task in tasks:
                if task.key not in scores:
                    raise TrainingError("not trained")
                keep(task, Outcome(scores=scores[task.key]))

        with patch.context() as patched:
            patched.setattr(stage, "run_all", run_all)
            try:
                self.run()
            except TrainingError:
                assert scores == {}
        return asked

    def files(self) -> dict[str, bytes]:
        folder = self.workspace.study("cells")
        return {name: (folder / name).read_bytes() for name in TABLES}

    def page(self, name: str = "cells") -> str:
        write_page(self.workspace, load_params(self.workspace.params), name)
        return (self.workspace.study(name) / "README.md").read_text()


def prepare(workspace: Workspace) -> None:
    params = load_params(workspace.params)
    raw = workspace.raw("product")
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    corpora.load("product").fetch(params.corpora["product"], raw)
    for name, dataset in params.datasets.items():
        folder = workspace.prepared(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        preprocess(dataset, "product", raw, folder, params.run.seed, params.run.split_count)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose study has run; not to be written to."""
    root = tmp_path_factory.mktemp("study")
    (root / "params.yaml").write_text(PLAN)
    shutil.copy("docs/examples/min_gru.py", root / "mine.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare(Workspace(root))
        Project(Workspace(root), []).run()
    return root


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = Path(shutil.copytree(trained, tmp_path / "project"))
    monkeypatch.chdir(root)
    return Project(Workspace(root), [])


def test_given_parts_without_validation_cannot_choose_a_rate(project: Project) -> None:
    summary = project.workspace.prepared("tiny") / "summary.json"
    text = summary.read_text()
    summary.write_text(text.replace('"validation_samples": 32', '"validation_samples": 0'))
    with pytest.raises(ParamsError, match="tiny has no validation part, on which learning_rate"):
        project.run()
    project.edit(lambda plan: plan["studies"]["cells"].update(tune=[]))
    project.run()


def test_there_is_a_row_for_each_training(project: Project) -> None:
    tables = read_study(project.workspace, "cells")
    table = tables["trainings"]
    assert list(table) == ["training", "cell", "parameters", "learning_rate", *COLUMNS[1:]]
    assert table["training"].tolist() == list(range(12))
    assert table["cell"].tolist() == ["SimpleRNN"] * 6 + ["mine.py:MinGRU"] * 6
    assert table["learning_rate"].tolist() == ["0.01"] * 3 + ["0.1"] * 3 + [
        *["0.01"] * 3,
        *["0.1"] * 3,
    ]
    assert table["replicate"].tolist() == [0, 1, 2] * 4
    assert table["seed"].tolist() == [7, 8, 9] * 4
    assert table["split"].tolist() == [0, 1, 0] * 4
    assert table["key"].nunique() == 12
    # 4 units of a simple network with two inputs; of the other cell, 2 x 2 x 5 + 2 x 5.
    sizes = table.groupby("cell", sort=False)[["units", "recurrent_parameters", "multiply_adds"]]
    assert sizes.first().to_numpy().tolist() == [[4, 28, 6 * 24], [5, 30, 6 * 20]]
    assert table["diverged"].isna().all()
    assert set(table["target"]) == {"number"}
    assert set(table["protocol"]) == {"new"}
    curves = tables["curves"]
    assert list(curves) == list(CURVE_COLUMNS)
    assert curves[["training", "epoch"]].to_numpy().tolist() == [
        [number, epoch] for number in range(12) for epoch in (1, 2, 3)
    ]
    assert tables["seconds"]["training"].tolist() == list(range(12))


def test_scores_are_those_of_an_ordinary_variant_with_the_same_settings(project: Project) -> None:
    workspace, params = project.workspace, load_params(project.workspace.params)
    train(workspace, params, "ordinary", lambda _: None)
    evaluate(workspace, params, "ordinary", lambda _: None)
    expected = read_replicates(workspace, "ordinary")
    table = read_study(workspace, "cells")["trainings"]
    found = table[(table["cell"] == "SimpleRNN") & (table["learning_rate"] == "0.1")]
    same = ["replicate", "seed", "split", "epoch", "accuracy", "loss", "last_accuracy", "last_loss"]
    same += ["accuracy_sample_sd", "loss_sample_sd", "training_accuracy", "training_loss"]
    left, right = (rows[same].astype(float).reset_index(drop=True) for rows in (found, expected))
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    record = read_training_record(workspace, "ordinary")
    assert set(found["network_parameters"]) == {record.parameters}
    history = pd.read_csv(workspace.history("ordinary"))
    curves = read_study(workspace, "cells")["curves"]
    own = curves[curves["training"].isin(found["training"])].drop(columns="training")
    shown = history[list(own)].reset_index(drop=True)
    pd.testing.assert_frame_equal(own.reset_index(drop=True), shown, check_exact=True)
    chosen = history.loc[history.groupby("replicate")["val_loss"].idxmin()]
    assert found["val_loss"].tolist() == chosen["val_loss"].tolist()


def test_a_second_run_trains_nothing_and_changes_no_byte(project: Project) -> None:
    before = project.files()
    project.run()
    assert project.lines == ["cells  all 12 trainings are kept"]
    assert project.files() == before


def test_the_tables_keep_the_trainings_of_a_new_clone(project: Project) -> None:
    before = project.files()
    shutil.rmtree(project.workspace.root / ".studies")
    project.run()
    assert project.trained == 0
    assert project.files() == before


def test_a_changed_study_trains_what_is_new(project: Project) -> None:
    before = project.run().set_index("key")["loss"]
    project.set_axis("cell", ["SimpleRNN"])
    project.set_axis("learning_rate", [0.1, 1e39])
    table = project.run()
    assert project.trained == 3
    assert len(table) == 6
    kept = table[table["learning_rate"] == "0.1"].set_index("key")["loss"]
    assert kept.to_dict().items() <= before.to_dict().items()
    # Each training with such a rate diverges, and has its row all the same.
    gone = table[table["learning_rate"] == "1e+39"]
    assert gone["diverged"].notna().all()
    assert gone["loss"].isna().all()
    assert gone["baseline_loss"].notna().all()
    page = project.page()
    assert "3 trainings diverged" in page
    assert "nan" not in page
    files = project.files()
    shutil.rmtree(project.workspace.root / ".studies")
    project.run()
    assert project.trained == 0
    assert project.files() == files
    # A study of which everything diverges has a page too.
    project.set_axis("learning_rate", [1e39])
    project.run()
    page = project.page()
    assert "very training diverged." in page
    assert "nan" not in page
    # What is no longer asked for is not forgotten.
    project.set_axis("learning_rate", [0.1, 1e39])
    project.run()
    assert project.trained == 0
    assert project.files() == files


def test_lines_that_a_kill_has_cut_off_are_trained_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.files()
    shutil.rmtree(project.workspace.study("cells"))
    path = project.workspace.study_results("cells")
    lines = path.read_text().splitlines()
    trainings = {entry["key"]: entry["scores"] for entry in map(json.loads, lines)}
    entry = json.loads(lines[1])
    hostile = ["", "7", "null", "[]", "{}", '{"key": "a"}', json.dumps(entry | {"scores": 5})]
    hostile.append(json.dumps(entry | {"scores": {}}))
    path.write_text("\n".join([lines[0], *hostile, *lines[2:-1], lines[-1][:50]]))
    asked = project.would_train(monkeypatch, trainings)
    assert {task.key for task in asked} == {entry["key"], json.loads(lines[-1])["key"]}
    assert project.files() == before
    assert project.would_train(monkeypatch, {}) == []


def test_another_layer_file_trains_its_cell_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.workspace.root / "mine.py"
    file.write_text(file.read_text().replace("ops.sigmoid(z)", "ops.sigmoid(z + 1)"))
    asked = project.would_train(monkeypatch, {})
    assert len(asked) == 6
    assert {task.code for task in asked} == {("mine.py",)}
    file.unlink()
    with pytest.raises((DataError, ParamsError), match=r"mine\.py"):
        project.run()


def test_another_dataset_trains_everything_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project.would_train(monkeypatch, {}) == []
    project.edit(lambda plan: plan["corpora"]["product"].update(tolerance=0.5))
    prepare(project.workspace)
    assert len(project.would_train(monkeypatch, {})) == 12


def test_a_study_on_data_that_are_not_prepared_is_an_error(project: Project) -> None:
    shutil.rmtree(project.workspace.prepared("tiny"))
    with pytest.raises(DataError, match="tiny"):
        project.run()


def test_trainings_that_fail_leave_the_tables_as_they_were(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.files()
    project.set_axis("learning_rate", [0.01, 0.5])
    assert len(project.would_train(monkeypatch, {})) == 6
    assert project.files() == before


def test_compared_datasets_and_settings_without_a_recurrent_layer(project: Project) -> None:
    def change(plan: dict[str, Any]) -> None:
        plan["datasets"]["more"] = {"base": "tiny", "train": 96}
        plan["variants"]["dense"] = {"base": "lstm", "layers": ["Flatten", {"Dense": {"units": 2}}]}
        plan["studies"]["sizes"] = {
            "question": "Do more samples help?",
            "variant": "dense",
            "axes": {"dataset": ["tiny", "more"]},
            "replicates": 2,
        }

    project.edit(change)
    prepare(project.workspace)
    table = project.run("sizes")
    assert project.trained == 4
    assert table["training_samples"].tolist() == [64, 64, 96, 96]
    assert table[["units", "recurrent_parameters", "multiply_adds"]].isna().all(axis=None)
    assert "nan" not in project.page("sizes")


def test_a_variant_of_another_family_can_be_studied(
    results: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = yaml.safe_load(PARAMS_FILE.read_text())
    axes = {"window": [2, 3], "learning_rate": [0.1, 0.01], "epochs": [1]}
    study = {"question": "Which window?", "variant": "imdb_numpy_rnn", "axes": axes}
    plan["studies"] = {"s": study | {"replicates": 2}}
    (results.root / "params.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    monkeypatch.chdir(results.root)
    project = Project(results, [])
    table = project.run("s")
    assert project.trained == 8
    assert table["accuracy"].between(0, 1).all()
    page = project.page("s")
    assert "`window 2`" in page
    assert "nan" not in page
