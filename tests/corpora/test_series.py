"""Sequences of numbers of the user, one per row or one step per row."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import series
from rnnbench.corpora.base import ArrayCorpus

WIDE = ["values,label", "1 2 3,up", "3 2.5 1,down", "0 1 2,up"]
LONG = ["id,time,x,y,label", "b,2,3,30,up", "a,1,1,10,down", "b,1,2,20,up", "a,2,0,0,down"]


def file(tmp_path: Path, lines: Sequence[str], name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def fetch_and_read(path: Path, directory: Path, **settings: object) -> ArrayCorpus:
    settings = {"values": "values", "label": "label", **settings}
    series.fetch(series.Settings(path=str(path), **settings), directory)
    return series.read(directory)


def error_of(path: Path, directory: Path, **settings: object) -> str:
    with pytest.raises(DataError) as error:
        fetch_and_read(path, directory, **settings)
    assert not list(directory.iterdir())
    return str(error.value).removeprefix(str(path))


# One sequence per row


def test_a_row_is_a_sequence(tmp_path: Path, raw: Path) -> None:
    corpus = fetch_and_read(file(tmp_path, WIDE), raw)
    assert corpus.x.dtype == np.float32
    assert corpus.x[:, :, 0].tolist() == [[1, 2, 3], [3, 2.5, 1], [0, 1, 2]]
    assert corpus.x.shape == (3, 3, 1)
    assert corpus.y.tolist() == [1, 0, 1]
    assert (corpus.classes, corpus.target, corpus.encoding) == (("down", "up"), "binary", "number")
    assert (corpus.groups, corpus.given) == (None, None)


@pytest.mark.parametrize("cell", ["1 2\t3", "1;2; 3", '"1,2 , 3"', '" 1\n2 3 "'])
def test_numbers_may_have_other_separators(tmp_path: Path, raw: Path, cell: str) -> None:
    corpus = fetch_and_read(file(tmp_path, [*WIDE, f"{cell},up"]), raw)
    assert corpus.x[3, :, 0].tolist() == [1, 2, 3]


def test_lists_of_json_are_sequences(tmp_path: Path, raw: Path) -> None:
    rows = [{"values": [1, 2.5], "label": 0}, {"values": [3, 4], "label": 1}]
    path = file(tmp_path, [json.dumps(row) for row in rows], "a.jsonl")
    assert fetch_and_read(path, raw).x[:, :, 0].tolist() == [[1, 2.5], [3, 4]]


def test_groups_parts_and_numbers_are_read(
    tmp_path: Path, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["values,label,who,part", "1,0.5,b,train", "2,,b,train", "3,-1,a,test"]
    settings = {"group": "who", "split": "part", "target": "number", "tolerance": 0.25}
    corpus = fetch_and_read(file(tmp_path, lines), raw, **settings)
    assert corpus.groups is not None
    assert corpus.given is not None
    assert (corpus.groups.tolist(), corpus.given.tolist()) == ([0, 1], [1, 4])
    assert corpus.y.dtype == np.float32
    assert corpus.y.tolist() == [0.5, -1]
    assert (corpus.target, corpus.tolerance, corpus.classes) == ("number", 0.25, ())
    assert capsys.readouterr().out == "a.csv: left out 1 row without a label (line 3)\n"


def test_sequences_of_different_lengths_need_a_number_of_steps(tmp_path: Path, raw: Path) -> None:
    path = file(tmp_path, [*WIDE, "1 2 3 4,up", "5,down"])
    message = error_of(path, raw)
    assert message == (
        ", line 5: 4 steps, but line 2 has 3; set steps to cut and pad all sequences to one length"
    )
    x = fetch_and_read(path, raw, steps=3).x[:, :, 0]
    assert x[3:].tolist() == [[2, 3, 4], [0, 0, 5]]


@pytest.mark.parametrize("cell", ["", "1 x 2", "1 nan 2", "1;;2", '"1,2,"', "1 1e39 2", "1 inf 2"])
def test_what_is_no_finite_number_is_reported(tmp_path: Path, raw: Path, cell: str) -> None:
    path = file(tmp_path, [*WIDE, f"{cell},up"])
    message = error_of(path, raw)
    assert message.startswith(", line 5, column 'values': got ")
    assert message.endswith(", expected finite numbers with blanks between them")


# One step per row


def test_rows_with_the_same_id_are_the_steps_of_a_sequence(tmp_path: Path, raw: Path) -> None:
    path = file(tmp_path, LONG)
    corpus = fetch_and_read(path, raw, id="id", values=["x", "y"])
    assert corpus.x.tolist() == [[[3, 30], [2, 20]], [[1, 10], [0, 0]]]
    assert corpus.y.tolist() == [1, 0]
    corpus = fetch_and_read(path, raw, id="id", step="time", values=["x", "y"])
    assert corpus.x.tolist() == [[[2, 20], [3, 30]], [[1, 10], [0, 0]]]


def test_steps_are_sorted_by_number_and_cut_or_padded_in_front(tmp_path: Path, raw: Path) -> None:
    lines = ["id,time,x,label", "a,10,3,1", "a,9,2,1", "a,-1,1,1", "b,1,7,0"]
    path = file(tmp_path, lines)
    corpus = fetch_and_read(path, raw, id="id", step="time", values="x", steps=2)
    assert corpus.x[:, :, 0].tolist() == [[2, 3], [0, 7]]


def test_blanks_around_ids_and_labels_do_not_matter(tmp_path: Path, raw: Path) -> None:
    lines = ["id,x,label,who", "a,1,up,p", " a,2,up , p", "b,3,down,q", "b ,4, down,q"]
    corpus = fetch_and_read(file(tmp_path, lines), raw, id="id", values="x", group="who")
    assert corpus.x[:, :, 0].tolist() == [[1, 2], [3, 4]]
    assert (corpus.classes, corpus.y.tolist()) == (("down", "up"), [1, 0])


def test_sequences_without_a_label_are_left_out(
    tmp_path: Path, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["id,x,label", "a,1,0", "c,5,", "b,2,1", "c,6,", "b,3,1", "a,4,0"]
    corpus = fetch_and_read(file(tmp_path, lines), raw, id="id", values="x")
    assert corpus.x[:, :, 0].tolist() == [[1, 4], [2, 3]]
    assert "left out 1 row without a label (line 3)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("a,3,1,1,up", "line 6, column 'label': got 'up', but 'down' in line 3 of the same"),
        ("a,3,1,,down", "line 6, column 'y': got '', expected a finite number"),
        ("a,3,inf,1,down", "line 6, column 'x': got 'inf', expected a finite number"),
        ("a,third,1,1,down", "line 6, column 'time': got 'third', expected a finite number"),
        (",3,1,1,down", "line 6, column 'id': no value"),
        ("a,2,1,1,down", "id 'a', column 'time': two rows with the number 2"),
        ("a,3,1,1,down", "id 'a': 3 steps, but id 'b' has 2; set steps"),
    ],
)
def test_steps_that_do_not_fit_are_reported(
    tmp_path: Path, raw: Path, line: str, error: str
) -> None:
    path = file(tmp_path, [*LONG, line])
    message = error_of(path, raw, id="id", step="time", values=["x", "y"])
    assert message.startswith(f", {error}")


def test_groups_and_parts_are_the_same_in_all_rows_of_a_sequence(tmp_path: Path, raw: Path) -> None:
    lines = ["id,x,label,who,part", "a,1,0,p,train", "b,1,1,q,test", "a,2,0,q,train"]
    path = file(tmp_path, [*lines, "b,2,1,q,train"])
    message = error_of(path, raw, id="id", values="x", group="who", split="part")
    first, second = message.splitlines()
    assert "line 4, column 'who': got 'q', but 'p' in line 2" in first
    assert "line 5, column 'part': got 'train', but 'test' in line 3" in second


# Settings, and files that were damaged afterwards


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"path": "folder"}, "no file of rows"),
        ({"values": ["x", "y"]}, "needs an id"),
        ({"values": ["x"]}, "needs an id"),
        ({"step": "time"}, "needs an id"),
        ({"id": "id", "values": []}, "different columns"),
        ({"id": "id", "values": ["x", "x"]}, "different columns"),
        ({"id": "label"}, "different columns"),
        ({"values": "label"}, "different columns"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"target": "number"}, "target: number, which needs one"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, object], problem: str
) -> None:
    valid = {"path": "a.csv", "values": "values", "label": "label"}
    series.Settings(**valid)
    with pytest.raises(ValidationError, match=problem):
        series.Settings(**(valid | settings))


def test_check_finds_columns_that_do_not_exist(tmp_path: Path) -> None:
    file(tmp_path, LONG)
    context = {"project": tmp_path, "ask_libraries": True}
    settings = {"path": "a.csv", "id": "id", "values": ["x", "y"], "label": "label"}
    valid = series.Settings.model_validate(settings, context=context)
    assert valid.inputs == (tmp_path / "a.csv",)
    for wrong in ({"values": ["x", "z"]}, {"step": "z"}, {"group": "z"}, {"id": "z"}):
        with pytest.raises(ValidationError, match="no column 'z'; allowed: id, time, x, y, label"):
            series.Settings.model_validate(settings | wrong, context=context)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("x", np.zeros((3, 3), np.float32)),
        ("x", np.zeros((3, 3, 1))),
        ("x", np.zeros((2, 3, 1), np.float32)),
        ("y", np.zeros(2, np.int64)),
        ("y", np.zeros(3, np.float32)),
        ("y", None),
    ],
)
def test_damaged_arrays_are_reported(
    tmp_path: Path, raw: Path, name: str, array: np.ndarray | None
) -> None:
    fetch_and_read(file(tmp_path, WIDE), raw)
    if array is None:
        (raw / f"{name}.npy").unlink()
    else:
        np.save(raw / f"{name}.npy", array)
    with pytest.raises(DataError, match="run dvc repro"):
        series.read(raw)
