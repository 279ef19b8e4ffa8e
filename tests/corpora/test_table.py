"""Texts of the user: what is read, what is left out, and which errors are reported."""

import csv
import io
import random
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import table
from rnnbench.corpora.base import TextCorpus

ROWS = [("환불이 늦어요", "refund"), ("great phone, thanks", "praise"), ('the "new" one', "refund")]


def write_csv(path: Path, rows: Iterable[Iterable[object]], encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def labelled(rows: Iterable[Iterable[object]]) -> list[Iterable[object]]:
    return [["text", "label"], *rows]


def fetch_and_read(path: Path, directory: Path, **settings: object) -> TextCorpus:
    if path.is_file():
        settings = {"text": "text", "label": "label", **settings}
    directory.mkdir(exist_ok=True)
    table.fetch(table.Settings(path=str(path), **settings), directory)
    return table.read(directory)


def pairs(corpus: TextCorpus) -> list[tuple[str, object]]:
    labels = corpus.documents.labels.tolist()
    names = [corpus.classes[label] for label in labels] if corpus.classes else labels
    return list(zip([text.decode() for text in corpus.documents.texts], names, strict=True))


def errors_of(path: Path, directory: Path, **settings: object) -> str:
    with pytest.raises(DataError) as error:
        fetch_and_read(path, directory, **settings)
    return str(error.value)


# Support tickets as people export them


TOPICS = ("billing", "delivery", "login", "quality", "refund")


def tickets() -> list[tuple[str, str]]:
    rng = random.Random(0)
    words = (
        "환불",
        "배송이",
        "늦어요",
        "로그인",
        "the app",
        "crashed,",
        "again\nand again",
        "요금",
    )
    return [(" ".join(rng.choices(words, k=8)), rng.choice(TOPICS)) for _ in range(2_000)]


def test_tickets_with_a_stray_quote_can_be_read_once_it_is_repaired(
    tmp_path: Path, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tickets()
    rows[15] = "", rows[15][1]
    good = io.StringIO(newline="")
    csv.writer(good).writerows(labelled(rows[:1_000]))
    line = good.getvalue().count("\n") + 1
    stray = '"내 주문" 이 없어요,login\r\n'
    rest = io.StringIO(newline="")
    csv.writer(rest).writerows(rows[1_000:])
    path = tmp_path / "tickets.csv"
    path.write_bytes((good.getvalue() + stray + rest.getvalue()).encode())
    message = errors_of(path, tmp_path / "failed")
    assert message.startswith(f"{path}, line {line}: a stray quote in the row that starts here")
    assert 'write each quote in them twice ("")' in message

    repaired = '"""내 주문"" 이 없어요",login\r\n'
    path.write_bytes((good.getvalue() + repaired + rest.getvalue()).encode())
    corpus = fetch_and_read(path, raw)
    expected = [*rows[:15], *rows[16:1_000], ('"내 주문" 이 없어요', "login"), *rows[1_000:]]
    assert pairs(corpus) == expected
    assert corpus.classes == TOPICS
    assert (corpus.target, corpus.encoding, corpus.keras_order) == ("classes", "utf-8", False)
    empty = good.getvalue()[: good.getvalue().index("\r\n,")].count("\n") + 2
    left_out = f"tickets.csv: left out 1 row without a text (line {empty})\n"
    assert capsys.readouterr().out == left_out


def test_rows_without_a_label_are_left_out_and_the_first_are_named(
    tmp_path: Path, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([*ROWS, *[("text", " ")] * 7, ("\t ", "praise")]))
    assert pairs(fetch_and_read(path, raw)) == ROWS
    lines = "line 5, line 6, line 7, line 8, line 9, ..."
    assert capsys.readouterr().out.splitlines() == [
        f"a.csv: left out 7 rows without a label ({lines})",
        "a.csv: left out 1 row without a text (line 12)",
    ]


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
_cells = _texts.filter(lambda text: not text.isspace())
_rows = st.lists(st.tuples(_cells, _cells), min_size=2)


@given(_rows.filter(lambda rows: len({label.strip() for _, label in rows}) > 1))
def test_all_that_csv_writes_is_read_but_for_blanks_around_labels(
    rows: list[tuple[str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_csv(Path(folder) / "a.csv", labelled(rows))
        expected = [(text, label.strip()) for text, label in rows]
        assert pairs(fetch_and_read(path, Path(folder) / "raw")) == expected


def test_values_that_look_like_something_else_stay_texts(tmp_path: Path, raw: Path) -> None:
    rows = [("007", "NA"), ("null", "1e3"), ("NaN", "NA")]
    assert pairs(fetch_and_read(write_csv(tmp_path / "a.csv", labelled(rows)), raw)) == rows


def test_a_long_text_is_read(tmp_path: Path, raw: Path) -> None:
    rows = [("가" * 500_000, "a"), ("short", "b")]
    assert pairs(fetch_and_read(write_csv(tmp_path / "a.csv", labelled(rows)), raw)) == rows


def test_values_of_json_become_texts(tmp_path: Path, raw: Path) -> None:
    path = tmp_path / "a.jsonl"
    labels = ("1", "1.0", "true", '"1"', "null", "NaN")
    path.write_text("".join(f'{{"text": "a", "label": {label}}}\n' for label in labels))
    found = fetch_and_read(path, raw)
    assert [label for _, label in pairs(found)] == ["1", "1.0", "true", "1"]
    assert found.classes == ("1", "1.0", "true")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('{"text": 5, "label": "a"}', "line 2, column 'text': got 5, expected a text"),
        ('{"text": "a", "label": [1]}', "line 2, column 'label': got [1], expected a text or"),
        (
            r'{"text": "\udcff", "label": "a"}',
            "line 2, column 'text': got '\\udcff', expected a text",
        ),
        (r'{"text": "a", "label": "\ud800"}', "line 2, column 'label': got '\\ud800', expected"),
        ('{"text": "a", "label": "a", "who": {}}', "line 2, column 'who': got {}, expected a text"),
    ],
)
def test_values_of_json_that_cannot_be_used_are_reported(
    tmp_path: Path, raw: Path, row: str, problem: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label": "b", "who": "c"}\n' + row)
    assert errors_of(path, raw, group="who").startswith(f"{path}, {problem}")


# Labels


@pytest.mark.parametrize(
    ("labels", "classes", "target"),
    [
        ("10 9 -1 9", ("-1", "9", "10"), "classes"),
        ("10 9 x", ("10", "9", "x"), "classes"),
        ("true false", ("false", "true"), "binary"),
    ],
)
def test_classes_are_sorted_by_number_if_all_are_integers(
    tmp_path: Path, raw: Path, labels: str, classes: tuple[str, ...], target: str
) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([("text", label) for label in labels.split()]))
    corpus = fetch_and_read(path, raw)
    assert (corpus.classes, corpus.target) == (classes, target)


def test_blanks_around_labels_and_groups_do_not_matter(tmp_path: Path, raw: Path) -> None:
    rows = [("text", "label", "who"), (" a ", " pos", "i"), ("b", "pos\t", "i "), ("c", "neg", " ")]
    path = write_csv(tmp_path / "a.csv", rows)
    other = write_csv(tmp_path / "b.csv", labelled([("d", "neg ")]))
    corpus = fetch_and_read(path, raw, group="who", out_of_domain={"web": str(other)})
    assert pairs(corpus) == [(" a ", "pos"), ("b", "pos"), ("c", "neg")]
    assert corpus.groups is not None
    assert corpus.groups.tolist() == [0, 0, 1]
    assert corpus.further["web"].labels.tolist() == [0]


def test_numbers_are_targets_with_a_tolerance(tmp_path: Path, raw: Path) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([("a", "1"), ("b", " -2.5e-1"), ("c", "")]))
    corpus = fetch_and_read(path, raw, target="number", tolerance=0.5)
    assert corpus.documents.labels.dtype == np.float32
    assert corpus.documents.labels.tolist() == [1, -0.25]
    assert (corpus.classes, corpus.target, corpus.tolerance) == ((), "number", 0.5)


@pytest.mark.parametrize("label", ["nan", "inf", "1e39", "3,5", "1_0", "five"])
def test_a_label_that_is_no_finite_number_is_reported(
    tmp_path: Path, raw: Path, label: str
) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([("a", "1"), ("b", label)]))
    message = errors_of(path, raw, target="number", tolerance=0.5)
    assert message == (
        f"{path}, line 3, column 'label': got {label!r}, expected a finite number such as 0.5"
    )


def test_too_many_classes_are_rather_numbers(tmp_path: Path, raw: Path) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([("text", i / 10) for i in range(1_001)]))
    assert "line 1002, column 'label': more than 1000 classes" in errors_of(path, raw)
    assert "target: number" in errors_of(path, raw)
    rows = labelled([("text", i / 10) for i in range(1_000)])
    assert len(fetch_and_read(write_csv(path, rows), raw).classes) == 1_000


def test_one_class_is_too_few(tmp_path: Path, raw: Path) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([("a", "x"), ("b", "x")]))
    assert errors_of(path, raw).endswith("all labels are 'x'; expected two classes or more")


# Groups and parts


def test_groups_are_numbered_as_they_occur_and_empty_ones_are_separate(
    tmp_path: Path, raw: Path
) -> None:
    authors = ["b", "a", "b", "", "a", ""]
    rows = [("text", "xy"[i % 2], author) for i, author in enumerate(authors)]
    rows = [("text", "label", "author"), *rows]
    corpus = fetch_and_read(write_csv(tmp_path / "a.csv", rows), raw, group="author")
    assert corpus.groups is not None
    assert corpus.groups.dtype == np.int64
    assert corpus.groups.tolist() == [0, 1, 0, 2, 1, 3]
    assert corpus.given is None


def test_a_split_column_gives_the_parts(tmp_path: Path, raw: Path) -> None:
    parts = ["train", "Training", "valid", "DEV", "validation", "test", "eval", "evaluation ", ""]
    rows = [("text", "xy"[i % 2], part) for i, part in enumerate(parts)]
    path = write_csv(tmp_path / "a.csv", [("text", "label", "part"), *rows])
    corpus = fetch_and_read(path, raw, split="part")
    assert corpus.given is not None
    assert corpus.given.tolist() == [1, 1, 2, 2, 2, 4, 4, 4, 0]
    assert corpus.groups is None
    write_csv(path, [("text", "label", "part"), *rows, ("text", "x", "tset")])
    message = errors_of(path, raw, split="part")
    assert "line 11, column 'part': got 'tset': unknown part" in message
    assert "did you mean 'test'?" in message


def test_the_columns_determine_the_possible_splits() -> None:
    def splits(**settings: str) -> tuple[str, ...]:
        return table.Settings(path="a.csv", text="t", label="l", **settings).splits

    assert splits() == ("random", "last")
    assert splits(group="g") == ("by_group", "random", "last")
    assert splits(split="s") == ("given", "random", "last")
    assert splits(group="g", split="s") == ("given", "by_group", "random", "last")


# Further evaluation sets


def test_texts_of_another_domain_have_the_classes_of_the_main_file(
    tmp_path: Path, raw: Path
) -> None:
    path = write_csv(tmp_path / "a.csv", labelled(ROWS))
    other = write_csv(tmp_path / "b.csv", [("label", "text"), ("refund", "돈")])
    corpus = fetch_and_read(path, raw, out_of_domain={"web": str(other)})
    assert list(corpus.further) == ["web"]
    assert corpus.further["web"].texts == ["돈".encode()]
    assert corpus.further["web"].labels.tolist() == [1]
    write_csv(other, [("label", "text"), ("refunds", "돈")])
    message = errors_of(path, raw, out_of_domain={"web": str(other)})
    assert message == (
        f"{other}, line 2, column 'label': got 'refunds': unknown class; "
        "allowed: praise, refund; did you mean 'refund'?"
    )


def test_texts_of_another_domain_need_neither_groups_nor_parts(tmp_path: Path, raw: Path) -> None:
    rows = [("text", "label", "who", "part"), ("a", "x", "i", "train"), ("b", "y", "j", "test")]
    path = write_csv(tmp_path / "a.csv", rows)
    other = write_csv(tmp_path / "b.csv", labelled([("c", "y")]))
    corpus = fetch_and_read(path, raw, group="who", split="part", out_of_domain={"web": str(other)})
    assert corpus.further["web"].labels.tolist() == [1]


def test_numbers_of_another_domain_are_read_too(tmp_path: Path, raw: Path) -> None:
    path = write_csv(tmp_path / "a.csv", labelled([("a", "1"), ("b", "2")]))
    other = write_csv(tmp_path / "b.csv", labelled([("c", "7")]))
    settings = {"target": "number", "tolerance": 1.0, "out_of_domain": {"web": str(other)}}
    assert fetch_and_read(path, raw, **settings).further["web"].labels.tolist() == [7]


# Folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"pos/2.txt": "good", "pos/10.txt": "좋아요\r\n", "neg/1.txt": "bad"}.items():
        path = tmp_path / "reviews" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (tmp_path / "reviews" / "pos" / ".DS_Store").write_bytes(b"\xff")
    (tmp_path / "reviews" / ".git").mkdir()
    (tmp_path / "reviews" / "README.md").write_text("about the reviews")
    return tmp_path / "reviews"


def test_folders_are_classes(folder: Path, raw: Path) -> None:
    corpus = fetch_and_read(folder, raw)
    assert pairs(corpus) == [("bad", "neg"), ("좋아요\r\n", "pos"), ("good", "pos")]
    assert corpus.given is None
    assert table.Settings(path=str(folder)).splits == ("random",)


def test_folders_named_like_parts_contain_the_classes(folder: Path, raw: Path) -> None:
    root = folder.parent / "parts"
    folder.rename(folder.parent / "moved")
    root.mkdir()
    (folder.parent / "moved").rename(root / "Train")
    write_csv(root / "test" / "neg" / "1.txt", [["awful"]])
    corpus = fetch_and_read(root, raw)
    assert pairs(corpus)[-1] == ("awful\r\n", "neg")
    assert corpus.given is not None
    assert corpus.given.tolist() == [1, 1, 1, 4]
    assert table.Settings(path=str(root)).splits == ("given", "random")


def test_a_folder_and_a_file_can_be_combined(folder: Path, tmp_path: Path, raw: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("text", "label"), ("fine", "pos")])
    columns = {"text": "text", "label": "label"}
    corpus = fetch_and_read(folder, raw, **columns, out_of_domain={"web": str(path)})
    assert corpus.further["web"].labels.tolist() == [1]
    write_csv(path, [("text", "label"), ("fine", "pos"), ("bad", "neg")])
    corpus = fetch_and_read(path, raw, out_of_domain={"local": str(folder)})
    assert corpus.further["local"].labels.tolist() == [0, 1, 1]


def test_the_error_names_the_file_in_a_folder(folder: Path, raw: Path) -> None:
    (folder / "pos" / "3.txt").write_bytes("좋아요".encode("cp949"))
    (folder / "neg" / "more").mkdir()
    lines = errors_of(folder, raw).splitlines()
    assert lines[0].startswith(f"{folder}, neg/more: not a file")
    assert lines[1].startswith(f"{folder}, pos/3.txt: not utf-8; set the encoding")
    assert "encoding: cp949" in lines[1]


def test_an_empty_folder_and_a_missing_one_are_reported(tmp_path: Path, raw: Path) -> None:
    assert "not a readable folder" in errors_of(tmp_path / "none", raw)
    (tmp_path / "empty").mkdir()
    assert "no folders of text files; expected one per class" in errors_of(tmp_path / "empty", raw)


# Settings


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"path": "a.csv", "text": "t"}, "label is missing"),
        ({"path": "a.csv.gz", "label": "t"}, "text is missing"),
        ({"path": "a.csv", "text": "t", "label": "t"}, "two columns"),
        ({"path": "folder", "text": "t"}, "text applies to files"),
        ({"path": "a.csv.xz", "text": "t"}, "no such file: .csv.* compressed"),
        ({"path": "folder", "group": "g"}, "group and split apply to files"),
        ({"path": "folder", "split": "g"}, "group and split apply to files"),
        ({"path": "folder", "delimiter": ";"}, "CSV files only"),
        ({"path": "a.jsonl", "text": "t", "label": "l", "delimiter": ";"}, "CSV files only"),
        ({"path": "folder", "delimiter": ";;"}, "should match pattern"),
        ({"path": "folder", "target": "number"}, "target: number, which needs one"),
        ({"path": "folder", "tolerance": 1.0}, "target: number, which needs one"),
        ({"path": "folder", "encoding": "cp9490"}, "expected an encoding of Python"),
        ({"path": "folder", "encoding": "base64"}, "expected an encoding of Python"),
        ({"path": "folder", "out_of_domain": {"A-b": "c"}}, "should match pattern"),
        ({"path": "~nobody-of-this-name/a"}, "nobody-of-this-name"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        table.Settings(**settings)


def test_paths_are_relative_to_the_project(tmp_path: Path) -> None:
    settings = {"path": "a.csv", "text": "t", "label": "l", "out_of_domain": {"b": "../b.csv"}}
    context = {"project": tmp_path / "copy", "root": tmp_path / "root"}
    inputs = table.Settings.model_validate(settings, context=context).inputs
    assert set(inputs) == {tmp_path / "copy" / "a.csv", tmp_path / "copy" / "../b.csv"}
    del context["project"]
    inputs = table.Settings.model_validate(settings, context=context).inputs
    assert tmp_path / "root" / "a.csv" in inputs


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"path": "b.csv"}, "b.csv: no such file"),
        ({"path": "b", "text": None, "label": None}, "neither a folder nor a file"),
        ({"text": "Text"}, "no column 'Text'; allowed: text, label; did you mean 'text'"),
        ({"label": "mood"}, "no column 'mood'; allowed: text, label"),
        ({"out_of_domain": {"c": "c.csv"}}, "no column 'text'.*; set delimiter: ';'"),
    ],
)
def test_check_finds_files_and_columns_that_do_not_exist(
    tmp_path: Path, changed: dict[str, object], problem: str
) -> None:
    write_csv(tmp_path / "a.csv", labelled(ROWS))
    (tmp_path / "c.csv").write_text("text;label\na;refund\n")
    context = {"project": tmp_path, "ask_libraries": True}
    settings = {"path": "a.csv", "text": "text", "label": "label"}
    table.Settings.model_validate(settings, context=context)
    with pytest.raises(ValidationError, match=problem):
        table.Settings.model_validate(settings | changed, context=context)
    # Commands that do not read the file work without it.
    table.Settings.model_validate(settings | changed, context=context | {"ask_libraries": False})


# What is written


def test_the_same_bytes_are_written_wherever_the_file_is(tmp_path: Path) -> None:
    written = []
    for name in ("first", "second"):
        path = write_csv(tmp_path / name / "a.csv", [("text", "label"), *ROWS])
        fetch_and_read(
            path, tmp_path / f"raw_{name}", group="label", out_of_domain={"b": str(path)}
        )
        folder = tmp_path / f"raw_{name}"
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert sorted(written[0]) == ["corpus.json", "documents.jsonl", "further_b.jsonl", "groups.npy"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("corpus.json", b"{}"),
        ("documents.jsonl", b'{"text": "a", "label": "refund"}\n'),
        ("documents.jsonl", b'{"text": "a", "label": "unknown"}\n' * 3),
        ("groups.npy", b"\x93NUMPY"),
        ("further_b.jsonl", b""),
    ],
)
def test_the_error_names_the_damaged_file(
    tmp_path: Path, raw: Path, name: str, content: bytes
) -> None:
    path = write_csv(tmp_path / "a.csv", labelled(ROWS))
    fetch_and_read(path, raw, group="label", out_of_domain={"b": str(path)})
    (raw / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*dvc repro"):
        table.read(raw)


def test_groups_of_another_number_are_damaged(tmp_path: Path, raw: Path) -> None:
    fetch_and_read(write_csv(tmp_path / "a.csv", labelled(ROWS)), raw, group="label")
    np.save(raw / "groups.npy", np.zeros(2, np.int64))
    with pytest.raises(DataError, match=r"groups\.npy: damaged, expected 3"):
        table.read(raw)
