import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.files import new_directory, new_file
from rnnbench.core.workspace import Workspace


def test_the_workspace_is_found_from_any_folder_below(tmp_path) -> None:
    (tmp_path / "params.yaml").touch()
    below = tmp_path / "data" / "raw"
    below.mkdir(parents=True)
    assert Workspace.find(below).root == tmp_path


def test_outside_a_project_the_error_explains_where_to_run(tmp_path) -> None:
    with pytest.raises(DataError, match="inside the project"):
        Workspace.find(tmp_path)


def test_a_failed_block_leaves_only_the_old_folder(tmp_path) -> None:
    with new_directory(tmp_path / "x") as partial:
        (partial / "old").touch()
    with pytest.raises(RuntimeError), new_directory(tmp_path / "x") as partial:
        (partial / "new").touch()
        raise RuntimeError
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == ["x", "x/old"]


def test_a_finished_block_replaces_the_old_folder(tmp_path) -> None:
    for name in ("old", "new"):
        with new_directory(tmp_path / "x") as partial:
            (partial / name).touch()
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["new"]


def test_leftovers_of_a_killed_process_do_not_get_into_the_next_folder(tmp_path) -> None:
    (tmp_path / ".partial-x").mkdir()
    (tmp_path / ".partial-x" / "half").touch()
    with new_directory(tmp_path / "x"):
        pass
    assert not list((tmp_path / "x").iterdir())


def test_a_failed_write_leaves_only_the_old_file(tmp_path) -> None:
    (tmp_path / "f").write_text("old")
    with pytest.raises(RuntimeError), new_file(tmp_path / "f") as partial:
        partial.write_text("new")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_text() == "old"


def test_a_link_to_a_folder_is_replaced_and_its_target_unchanged(tmp_path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").touch()
    (tmp_path / "x").symlink_to(tmp_path / "target")
    with new_directory(tmp_path / "x") as partial:
        (partial / "new").touch()
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["new"]
    assert [p.name for p in (tmp_path / "target").iterdir()] == ["file"]
