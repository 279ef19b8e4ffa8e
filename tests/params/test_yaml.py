"""rnnbench and DVC both read params.yaml: for both, it must mean the same."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import EncodingError, ParseError, dump_yaml, load_yaml, parse_yaml
from hypothesis import strategies as st

from rnnbench.core.errors import ParamsError
from rnnbench.params import load_params
from rnnbench.params.yaml import MAX_BYTES, read_yaml
from tests.frozen import PARAMS_FILE
from tests.params.properties import check

SCALARS = (
    st.text("0123456789+-._eEobxXaAfFnNuUlLtTrRsSiI~:,<=", max_size=7)
    | st.floats().map(repr)
    | st.integers().map(str)
    | st.sampled_from(["no", "Off", "on", "y", "017", "1:30", "1_000", "1e1", "-.INF", "=", "<<"])
)
TOKENS = [
    *("\n", "\n  ", "\r\n", " ", ",", ": ", ":", "- ", "? ", "[", "]", "{", "}", "'", '"', "|\n"),
    *("&a ", "*a", "<<: ", "!!str ", "!!int ", "#", "---\n", "a: ", "b: ", "\n  a: 1", "\n- "),
    *("1", "1.5", "no", "~", "true", "1e-05", "é", "=", "2001-01-01", "\t", "> "),
]
DOCUMENTS = st.lists(st.sampled_from(TOKENS), max_size=14).map("".join)
# PyYAML treats these three as line breaks, which YAML 1.2 no longer does.
TEXTS = st.text(st.characters(exclude_characters="\x85\u2028\u2029", codec="utf-8"), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=5,
)
examples = pytest.mark.parametrize("examples", [150, pytest.param(3000, marks=pytest.mark.full)])


def read(file: Path, text: str) -> Any:
    file.write_text(text, encoding="utf-8", newline="")
    try:
        return read_yaml(file)
    except ParamsError as error:
        return error


def read_by_dvc(text: str) -> Any:
    try:
        return parse_yaml(text, "params.yaml")
    except Exception as error:  # ruamel.yaml raises whatever int() raises
        return error


@examples
def test_a_scalar_means_the_same_to_dvc(tmp_path: Path, examples: int) -> None:
    def holds(scalar: str) -> None:
        text = f"k: {scalar}\n"
        ours, theirs = read(tmp_path / "p.yaml", text), read_by_dvc(text)
        if isinstance(theirs, Exception):
            assert isinstance(ours, ParamsError)
        else:
            assert repr(ours) == repr(theirs)

    check(examples, holds, SCALARS)


@examples
def test_a_document_means_the_same_to_dvc_or_is_refused(tmp_path: Path, examples: int) -> None:
    def holds(text: str) -> None:
        ours, theirs = read(tmp_path / "p.yaml", text), read_by_dvc(text)
        if not isinstance(ours, ParamsError):
            assert repr(ours or {}) == repr(theirs)

    check(examples, holds, DOCUMENTS)


@examples
def test_what_dvc_writes_is_read_back(tmp_path: Path, examples: int) -> None:
    def holds(value: Any) -> None:
        dump_yaml(tmp_path / "p.yaml", {"k": value})
        assert repr(read_yaml(tmp_path / "p.yaml")) == repr({"k": value})

    check(examples, holds, VALUES)


def test_dvc_changes_one_line_of_a_file_in_its_layout(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    shutil.copy(PARAMS_FILE, file)
    apply_overrides(file, ["variants.imdb_embedding_lstm.optimizer.Adam.learning_rate=0.00001"])
    before, after = PARAMS_FILE.read_text().splitlines(), file.read_text().splitlines()
    edited = [new for old, new in zip(before, after, strict=True) if new != old]
    assert edited == ["    optimizer: {Adam: {learning_rate: 1e-05}}"]
    optimizer = load_params(file).variant("imdb_embedding_lstm").optimizer
    assert optimizer == {"Adam": {"learning_rate": 1e-5}}


def test_scalars_follow_yaml_1_2(tmp_path: Path) -> None:
    scalars = ["no", "on", "y", "1e-05", "7e-4", "1e1", ".5", "-.inf", "0o17", "017", "0x1F"]
    scalars += ["1:30", "2001-01-01", "~", "'1'", "1."]
    text = "".join(f"- {scalar}\n" for scalar in scalars)
    expected = ["no", "on", "y", 1e-5, 7e-4, 10.0, 0.5, -float("inf"), 15, 17, 31]
    expected += ["1:30", date(2001, 1, 1), None, "1", 1.0]
    assert repr(read(tmp_path / "p.yaml", text)) == repr(expected)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfk: 1\r\nl:\r\n",
        b"k: &x {a: 1, b: 2}\nl:\n  b: 3\n  <<: *x\n",
        b"k: &x {a: 1}\nl: &y {a: 2, b: 3}\nm: {<<: [*x, *y]}\n",
        b"7: a\n2.5: b\ntrue: c\n~: d\n2001-01-01: e\n",
        b"k: [1_000, 010, 0o17, +1, .5, 1., 1e400, n, TRUE, tRUE]\nl: 1:30\nm: 2001-1-1 1:00:00\n",
        b"k:\t1\nl: {a: , b}\nm: [x: 1, 'y':2]\n",
        b"%YAML 1.2\n---\nk: no\n",
        "k: 'a\u2028b'\nl: \ufeffc\nm: >-\n  x\n  y\n".encode(),
    ],
    ids=range(8),
)
def test_a_file_means_the_same_to_dvc(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    assert repr(read_yaml(file)) == repr(load_yaml(str(file)))


@pytest.mark.parametrize(
    "content",
    [
        b"k: &x {a: 1}\nl:\n  <<: *x\n  <<: *x\n",
        b'k: "\\ud83d"\n',
        "k: é".encode("utf-16"),
        b"k:\n\tl: 1",
        b"k: {source: http://x}\n",
        b"k: {question: Is it?, variants: []}\n",
        b"k: [a:]\n",
    ],
    ids=range(7),
)
def test_a_file_that_dvc_refuses_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    with pytest.raises((ParseError, EncodingError)):
        load_yaml(str(file))
    with pytest.raises(ParamsError):
        read_yaml(file)


def test_merge_keys_can_be_overridden(tmp_path: Path) -> None:
    text = "v: &v {epochs: 1, units: 2}\nw: {<<: *v, epochs: 3}\n"
    assert read(tmp_path / "p.yaml", text)["w"] == {"epochs": 3, "units": 2}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"run: [", "is not valid YAML: line 2, column 1: while parsing a flow node"),
        (b"a: 1\n---\nb: 2", "is not valid YAML: line 2, column 1: expected a single document"),
        ("a: é".encode("utf-16"), "is not valid UTF-8"),
        (b"a: \xe9", "is not valid UTF-8"),
        (b"a: \0", "is not valid YAML: unacceptable character #x0000"),
        (b"a: 1\nb: {c: 1,\n  c: 2}", "is not valid YAML: line 3, column 3: 'c' is given twice"),
        (b"a: 1\nb: 2\na: 3", "'a' is given twice, first in line 1"),
        (b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", "merge conflict markers, line 2"),
        (b"a: &a [*a]", "is not valid YAML: line 1, column 4: found unconstructable recursive"),
        (b"a: *b", "is not valid YAML: line 1, column 4: found undefined alias 'b'"),
        (b"a: !!python/object:os.system {}", "could not determine a constructor for the tag"),
        (b"a: !!int x", "is not valid YAML: invalid literal for int()"),
        (b"a: " + b"1" * 5000, "is not valid YAML: Exceeds the limit"),
        (b"a: 0x" + b"f" * 5000, "is not valid YAML: Exceeds the limit"),
        (b"- " * 100_000, "is not valid YAML: maximum recursion depth exceeded"),
        (b"#" * (MAX_BYTES + 1), "is longer than 256 KiB"),
    ],
    ids=range(16),
)
def test_invalid_files_are_refused_with_the_place(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    with pytest.raises(ParamsError) as caught:
        read_yaml(file)
    assert str(caught.value).startswith(f"{file}: file: ")
    assert problem in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ParamsError, match="file: cannot be read: "):
        read_yaml(tmp_path if kind == "directory" else tmp_path / "missing")
