"""The project of docs/extending.md: own texts, layer, model family, corpus, base and grid."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.helpers import ROOT, copy_project, run, stages_run

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after `rnnbench check` and `dvc repro`."""
    folder = copy_project(tmp_path_factory.mktemp("extending") / "project")
    for name in ("params.yaml", "tickets.csv", "min_gru.py"):
        shutil.copy(EXAMPLES / name, folder / name)
    package = folder / "src" / "rnnbench"
    shutil.copytree(EXAMPLES / "naive_bayes", package / "models" / "naive_bayes")
    shutil.copy(EXAMPLES / "parity.py", package / "corpora")
    for name, added in (("models", "naive_bayes"), ("corpora", "parity")):
        file = package / name / "__init__.py"
        file.write_text(file.read_text().replace("NAMES = (", f'NAMES = ("{added}", '))
    run(folder, "rnnbench", "check")
    run(folder, "dvc", "repro")
    return folder


def test_each_example_is_a_row(project: Path) -> None:
    with (project / "metrics" / "comparison.csv").open(encoding="utf-8") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    plan = json.loads((project / "plan.json").read_bytes())["plan"]
    assert set(rows) == set(plan["variants"])
    assert {name for name in rows if name.startswith("parity_gru-learning_rate-")}
    majority = float(rows["tickets_majority"]["accuracy_high"])
    for name in ("tickets_naive_bayes", "tickets_gru", "tickets_min_gru"):
        assert float(rows[name]["accuracy"]) > majority
    assert rows["tickets_min_gru"]["cell"] == "MinGRU"
    assert "Is a minimal GRU as good" in (project / "metrics" / "comparison.md").read_text()


def test_own_layers_and_texts_predict_and_explain(project: Path) -> None:
    arguments = ("--variant", "tickets_min_gru", "--json", "--explain", "비밀번호를 잊어버렸습니다")
    found = json.loads(run(project, "rnnbench", "predict", *arguments).splitlines()[-1])
    assert found["label"] == "account"
    assert len(found["words"]) == 2


def test_edits_rerun_what_depends_on_them(project: Path) -> None:
    layer = project / "min_gru.py"
    layer.write_text(layer.read_text() + "\n# edited\n")
    ran = stages_run(run(project, "dvc", "repro"))
    assert {name for name in ran if name.startswith("train")} == {"train@tickets_min_gru"}
    tickets = project / "tickets.csv"
    tickets.write_text(
        tickets.read_text(encoding="utf-8") + "999,new,the invoice is wrong,billing\n"
    )
    ran = stages_run(run(project, "dvc", "repro", "--dry"))
    assert {name for name in ran if name.startswith("download")} == {"download@tickets"}


def test_a_grid_grows_by_one_row_in_one_command(project: Path) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("[0.003, 0.03]", "[0.003, 0.03, 0.1]"))
    output = run(project, "rnnbench", "run", "parity_gru-*")
    assert {name for name in stages_run(output) if name.startswith("train")} == {
        "train@parity_gru-learning_rate-0_1"
    }
    assert "parity_gru-learning_rate-0_1 " in (project / "metrics" / "comparison.md").read_text()
