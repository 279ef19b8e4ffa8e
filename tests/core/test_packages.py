from pathlib import Path

import pytest

from rnnbench.core.packages import package_files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "src" / "cells"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "b.py", "inner/a.py", "notes.txt"):
        (package / name).touch()
    return tmp_path


FILES = ("src/cells/__init__.py", "src/cells/b.py", "src/cells/inner/a.py")


@pytest.mark.parametrize(
    "layers",
    [
        ["cells:A"],
        [{"cells.inner.a:A": {"units": 8}}],
        [{"Bidirectional": {"layer": {"cells:A": {"units": 8}}}}],
    ],
)
def test_a_layer_of_a_package_of_the_project_depends_on_all_its_files(
    project: Path, layers: list
) -> None:
    assert package_files({"layers": layers}, project) == FILES


@pytest.mark.parametrize(
    "layers", [["LSTM"], ["cells.py:A"], ["numpy:A"], [{"Dense": {"name": "note: see cells:A"}}]]
)
def test_nothing_else_does(project: Path, layers: list) -> None:
    assert package_files({"layers": layers}, project) == ()
