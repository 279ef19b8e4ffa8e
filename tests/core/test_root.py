from pathlib import Path

import pytest

from rnnbench.core.root import find_root, original_root


def test_the_root_is_the_nearest_folder_with_parameters(tmp_path: Path) -> None:
    below = tmp_path / "data" / "raw"
    below.mkdir(parents=True)
    assert find_root(below) is None
    (tmp_path / "params.yaml").touch()
    assert find_root(below) == find_root(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("project/.dvc/tmp/exps/standalone/tmpabc", "project"),
        ("project/.dvc/tmp/exps/a/.dvc/tmp/exps/b", "project/.dvc/tmp/exps/a"),
        ("project/.dvc/tmp", "project/.dvc/tmp"),
        ("project", "project"),
    ],
)
def test_the_copy_of_an_experiment_belongs_to_its_project(
    tmp_path: Path, copy: str, original: str
) -> None:
    assert original_root(tmp_path / copy) == (tmp_path / original).resolve()
