"""`rnnbench run`: its exit status, Ctrl-C, and a small project with some of its rows."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rnnbench.cli import run as module
from rnnbench.cli.run import expanded
from rnnbench.core.errors import UnknownNameError
from rnnbench.core.root import PLAN
from tests.frozen import PARAMS, PARAMS_FILE
from tests.pipeline.helpers import make_project, stages_run
from tests.pipeline.helpers import run as run_command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    return tmp_path


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a module `dvc` that counts its calls, and does what its file says."""
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / "dvc.py").write_text(
        "import os, pathlib, shutil, sys\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "with (folder / 'calls').open('a') as file:\n"
        "    file.write('.')\n"
        "exec((folder / 'act').read_text())\n"
    )
    (folder / "act").touch()
    monkeypatch.setitem(module.INHERITED, "PYTHONPATH", str(folder))
    monkeypatch.setitem(module.INHERITED, "PATH", "/nowhere")
    return folder


def calls(dvc: Path) -> int:
    return len((dvc / "calls").read_text())


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(module.run, arguments)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("sys.exit(7)", 7),
        ("import signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + signal.SIGKILL),
    ],
)
def test_the_status_is_that_of_dvc_and_no_table_is_made_of_half_a_run(
    dvc: Path, act: str, status: int
) -> None:
    (dvc / "act").write_text(act)
    assert invoke("product_gru").exit_code == status
    assert calls(dvc) == 1


def test_dvc_finds_a_new_row_and_the_command(project: Path, dvc: Path) -> None:
    (dvc / "act").write_text(
        f"assert 'baseline_of_today' in pathlib.Path({str(project / PLAN)!r}).read_text()\n"
        "assert shutil.which('rnnbench')\n"
    )
    params = project / "params.yaml"
    new = "variants:\n  baseline_of_today: {model: constant, dataset: imdb_one_hot_100}\n"
    params.write_text(params.read_text().replace("variants:\n", new, 1))
    assert invoke("baseline_of_today").exit_code == 0
    assert calls(dvc) == 2


def test_ctrl_c_waits_for_dvc(project: Path, dvc: Path) -> None:
    (dvc / "act").write_text(
        "import time\n"
        "try:\n"
        "    (folder / 'ready').touch()\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(1)\n"
        "    (folder / 'released').touch()\n"
        "    sys.exit(252)\n"
    )
    code = "from rnnbench.cli.run import run; run(['product_gru'])"
    path = os.pathsep.join([str(dvc), os.environ["PYTHONPATH"]])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=os.environ | {"PYTHONPATH": path},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (dvc / "ready").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 252
    assert (dvc / "released").exists()
    assert calls(dvc) == 1


def test_patterns_are_expanded_over_the_names_of_params_yaml() -> None:
    names = list(PARAMS.variants)
    product = [name for name in names if name.startswith("product_")]
    assert len(product) > 1
    assert expanded(["product_*"], names) == product
    assert expanded(["product_gru", "product_*"], names)[0] == "product_gru"
    assert sorted(expanded(["product_gru", "product_*"], names)) == sorted(product)
    assert expanded(["*"], names) == names
    assert expanded(["product_[gl]*"], names) == [n for n in product if n[8] in "gl"]
    with pytest.raises(UnknownNameError, match=r"'zzz_\*'"):
        expanded(["product_gru", "zzz_*"], names)


def test_rows_of_a_project_are_compared_without_the_others(tmp_path: Path) -> None:
    first, second = "characters_simple_rnn", "product_simple_rnn"
    project = make_project(tmp_path / "project", tmp_path, first, second)

    def table() -> list[str]:
        return sorted(pd.read_csv(project / "metrics" / "comparison.csv")["variant"])

    output = run_command(project, "rnnbench", "run", "char*")
    assert f"train@{first}" in stages_run(output)
    assert not any(second in stage for stage in stages_run(output))
    assert table() == [first]
    assert f"{second} is not in the table: not trained" in output
    page = project / "metrics" / "comparison.md"
    assert f"`rnnbench run {second}`" in page.read_text()
    output = run_command(project, "rnnbench", "run", second)
    assert f"train@{second}" in stages_run(output)
    assert not any(first in stage for stage in stages_run(output))
    assert table() == [first, second]
    assert "Not in these tables" not in page.read_text()
    assert f"| {second} " in (project / "metrics" / "cost.md").read_text()
