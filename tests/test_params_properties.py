"""Whatever params.yaml holds, it is a plan, or its mistakes are told: soon, briefly, by key."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail
from rnnbench.params import Params, load_params
from tests.frozen import PARAMS_FILE

SHIPPED = PARAMS_FILE.read_bytes()
TREE = yaml.safe_load(SHIPPED)
Place = tuple[Any, ...]

bounded = settings(
    deadline=timedelta(seconds=2),
    derandomize=True,
    max_examples=150,
    # To explain a failure, every line is traced, which takes longer than the deadline.
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("properties") / "params.yaml"


def outcome(file: Path, content: bytes) -> Params | list[ErrorDetail]:
    """The plan, or the mistakes as a user reads them."""
    file.write_bytes(content)
    return read(file)


def read(file: Path) -> Params | list[ErrorDetail]:
    try:
        return load_params(file)
    except ParamsError as error:
        told = error
    assert told.exit_status == 2
    lines = str(told).split("\n")
    assert 1 <= len(lines) == len(told.mistakes) <= 101
    for line, mistake in zip(lines, told.mistakes, strict=True):
        assert mistake.key
        assert line.startswith(f"{file}: {mistake.key}: ")
        assert line.isprintable()
        assert len(line) < len(str(file)) + 6000
    return list(told.mistakes)


TOKENS = [
    *"\n\t ,:?-[]{}#&*!|>'\"%@`~=<",
    *("\n  ", ": ", "- ", "? ", "---\n", "...\n", "<<: ", "&a ", "*a", "\ufeff", "\x85", "\u2028"),
    *("!!int ", "!!binary ", "!!set ", "!!omap ", "!!timestamp ", "!!python/object:os.system "),
    *("!!python/name:os.system ", "!x ", "!<%0a> ", "%YAML 1.2\n", "%TAG ! !\n"),
    *(
        "run",
        "variants",
        "layers",
        "LSTM",
        "model: keras",
        "null",
        "yes",
        "1:59:59",
        "0o7",
        "1e999",
    ),
    *(
        '"\\ud800"',
        '"\\e[31m"',
        '"\\n"',
        ".nan",
        "-.inf",
        "2001-12-14 21:59:43.10 -5",
        "1_0",
        "x" * 99,
    ),
]


@bounded
@given(text=st.text() | st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
def test_any_text(file: Path, text: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        assert outcome(file, text.encode(encoding, "surrogatepass"))


@bounded
@given(content=st.binary())
def test_any_bytes(file: Path, content: bytes) -> None:
    assert outcome(file, content)


@bounded
@given(
    start=st.integers(0, len(SHIPPED)),
    length=st.integers(0, 30),
    content=st.binary(max_size=4)
    | st.lists(st.sampled_from(TOKENS), max_size=3).map(lambda t: "".join(t).encode()),
)
def test_any_bytes_in_the_shipped_file(file: Path, start: int, length: int, content: bytes) -> None:
    assert outcome(file, SHIPPED[:start] + content + SHIPPED[start + length :])


# YAML that no dumped value is.
FRAGMENTS = [
    *(
        "0x" + "f" * 9000,
        "1" * 9000,
        "1" + ":59" * 9000,
        "9" * 400 + ".0",
        "1" + "_" * 200,
        "1e999",
    ),
    *("!!int x", "!!float x", "!!bool x", "!!timestamp x", "2001-99-99", "!!null x", "!!binary x"),
    *("!!python/object:os.system {}", "!!python/name:os.system", "!!python/tuple [1]", "!x y"),
    *("!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!str {=: a}", "!!int {=: a}", "=", "<<"),
    *("&a [*a]", "&a {b: *a}", "{<<: {a: 1}}", "{<<: [{a: 1}, {b: 2}]}", "{<<: 1}", "*nothing"),
    *("{a: 1, a: 2}", "{? [a] : 1}", "{? {a: 1} : 1}", "{2001-01-01: 1, 1.5: 2, null: 3, yes: 4}"),
    *('"\\ud800"', '"\\x1b[31m\\n"', '{"\\x1b[31m\\n": 1}', '{"\\udfff": 1}', '"\\u202e"'),
    *("'" + "x" * 99_999 + "'", "[" * 40 + "]" * 40, "[" * 99 + "]" * 99, "2001-12-14t21:59:43Z"),
    "[" + "&a x," + "*a," * 999 + "]",
    "[&a0 [x]" + "".join(f", &a{i + 1} [{f'*a{i},' * 9}]" for i in range(9)) + "]",
    "[&a0 {x: 1}" + "".join(f", &a{i + 1} {{<<: [{f'*a{i},' * 9}]}}" for i in range(9)) + "]",
    # Nothing is nested deeply but for the aliases.
    "[&a0 []" + "".join(f", &a{i + 1} {'[' * 35}*a{i}{']' * 35}" for i in range(20)) + "]",
    "[[[&a0 {x: 1}"
    + "".join(f", &a{i + 1} {{<<: *a{i}, k{i}: 1}}" for i in range(60))
    + "]], {<<: *a60}]",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["LSTM", "Adam", "imdb", "index", "d", 10**400, "Bidirectional", "layer"]),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
)
TREES = st.recursive(
    SCALARS | st.integers(0, len(FRAGMENTS) - 1).map(lambda n: f"FRAGMENT{n}."),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=8,
)


def places(tree: Any) -> Iterator[Place]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *rest) for rest in places(value))


def at(tree: Any, place: Place) -> Any:
    for part in place:
        tree = tree[part]
    return tree


PLACES = list(places(TREE))


def dumped(tree: Any) -> str:
    options = {"sort_keys": False, "default_flow_style": True, "width": 10**6}
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, **options)


def change(tree: Any, place: Place, action: str, key: Any, value: Any) -> None:
    try:
        parent = at(tree, place[:-1])
        if action == "delete":
            del parent[place[-1]]
        elif action == "insert" and isinstance(parent, dict):
            parent[key] = value
        elif action == "insert":
            parent.insert(place[-1], value)
        else:
            parent[place[-1]] = value
    except (LookupError, TypeError, AttributeError):
        pass  # an earlier change has taken the place away


CHANGES = st.tuples(
    st.sampled_from(PLACES), st.sampled_from(["replace", "delete", "insert"]), SCALARS, TREES
)


@settings(bounded, max_examples=150)
@given(changes=st.lists(CHANGES, min_size=1, max_size=3))
@example(changes=[(("variants",), "replace", None, {"v": {"layers": [{"LSTM": {1: 2}}]}})])
@example(changes=[(("run", "seed"), "replace", None, 7)])
def test_any_tree_anywhere(file: Path, changes: list[tuple[Place, str, Any, Any]]) -> None:
    tree = copy.deepcopy(TREE)
    for one in changes:
        change(tree, *one)
    text = dumped(tree)
    for number, fragment in enumerate(FRAGMENTS):
        text = text.replace(f"FRAGMENT{number}.", fragment)
    assert outcome(file, text.encode())


@settings(bounded, max_examples=len(FRAGMENTS) * 3)
@given(
    place=st.sampled_from([("run", "seed"), ("corpora", "imdb", "source"), ("run",)]),
    fragment=st.sampled_from(FRAGMENTS),
)
def test_fragments_in_a_plan(file: Path, place: Place, fragment: str) -> None:
    tree = copy.deepcopy(TREE)
    at(tree, place[:-1])[place[-1]] = "HERE"
    told = outcome(file, dumped(tree).replace("HERE", fragment).encode())
    key = ".".join(place)
    # The source of IMDB may be any path.
    assert isinstance(told, Params) or any(m.key.startswith((key, "line ")) for m in told)


# Each times as long as the file may be, or far beyond.
UNITS = [
    *("a,", "1,", "?,", "- a\n", "-\n", "[", "- ", "{a: ", "? ", " ", "#\n", "\t", "\n", "'", "''"),
    *("*a ,", "&a [", "LSTM,", "!!str ,", "<<,", '"":"",', "{a: 1},", "=,", "a b ", '"\\n', "|\n "),
    *("--- ", "%TAG !a! b\n", "!", "&", "a", "a: 1\n", "1:", "_", "%41", "\x00", "\xff", "é"),
]
FRAMES = [
    *("{}", "[{}]", "{{{}}}", '"{}"', "!!binary {}", "!{}", "1{}", "&a x\n{}", "&{}"),
    "run: {{seed: {}}}",
    "variants: {{v: {{model: keras, layers: [{}], optimizer: {{Adam: {{{}}}}}}}}}",
    "corpora: {{{}}}\ndatasets: {{{}}}\nvariants: {{{}}}\npublished: {{{}}}",
]


@bounded
@given(
    unit=st.sampled_from(UNITS),
    frame=st.sampled_from(FRAMES),
    size=st.sampled_from([9000, 19_000, 60_000, 250_000, 10**6]),
)
def test_long_files(file: Path, unit: str, frame: str, size: int) -> None:
    assert outcome(file, frame.replace("{}", unit * (size // len(unit))).encode("latin-1"))


ENTRY = {
    "corpora": "c{n}: {{}}",
    "datasets": "d{n}: {{corpus: c{n}, enc: x, train: 0}}",
    "variants": "v{n}: {{model: keras, dataset: e{n}, layers: [a{n}], optimizer: b{n}}}",
    "published": "w{n}: {{acuracy: 1}}",
}


@settings(bounded, max_examples=10)
@given(number=st.integers(1, 250), name=st.sampled_from(["", "x" * 99, "_" * 59]))
def test_many_mistakes(file: Path, number: int, name: str) -> None:
    lines = []
    for section, entry in ENTRY.items():
        names = (f"{name}{n}" for n in range(number))
        lines.append(f"{section}: {{{', '.join(entry.format(n=n) for n in names)}}}")
    told = outcome(file, "\n".join(lines).encode())
    assert isinstance(told, list)
    assert len("\n".join(map(str, told))) < 400_000
    if number > 14:
        assert told[-1] == ErrorDetail("file", "has more mistakes than these 100")


def spelled(place: Place) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).removeprefix(".")


INVALID = ["!!int x", "2001-99-99", "1" * 101, "!!python/name:os.system x"]


@settings(bounded, max_examples=2 * len(INVALID))
@given(scalar=st.sampled_from(INVALID), key=st.sampled_from(["seed", "replicates"]))
def test_scalars_that_contradict_their_tag(file: Path, scalar: str, key: str) -> None:
    tree = copy.deepcopy(TREE)
    tree["run"] |= {key: "HERE", "zzz": 1}
    told = outcome(file, dumped(tree).replace("HERE", scalar).encode())
    assert isinstance(told, list)
    assert [mistake.key for mistake in told] == [f"run.{key}", "run.zzz"]


def breaks() -> Iterator[tuple[Place, Any]]:
    """Changes of the shipped file that are a mistake each, and none of any other place."""
    for place in [(), *PLACES]:
        value = at(TREE, place)
        # One more key in the mapping of a layer would no longer be that layer's mistake.
        if isinstance(value, dict):
            if place and (isinstance(place[-1], int) or place[-1] in ("layer", "optimizer")):
                continue
            yield (*place, "unheard-of"), None
        elif isinstance(value, list):
            yield (*place, len(value)), "LTSM"
        elif place[-1] == "corpus":
            yield place, f"{value}x"  # a dataset of no corpus is checked as one of texts
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from ((place, -1), (place, "1"))
        elif place[-1] in ("dataset", "encoding", "padding", "split", "activation", "tokens"):
            yield from ((place, f"{value}x"), (place, 1))
        elif place[-1] != "model":
            yield place, []


BREAKS = list(breaks())


@settings(bounded, max_examples=60)
@given(
    changes=st.lists(
        st.sampled_from(BREAKS), min_size=1, max_size=30, unique_by=lambda change: change[0]
    )
)
def test_every_mistake_is_named(file: Path, changes: list[tuple[Place, Any]]) -> None:
    tree = copy.deepcopy(TREE)
    for place, value in changes:
        parent = at(tree, place[:-1])
        if isinstance(parent, list) and place[-1] == len(parent):
            parent.append(value)
        else:
            parent[place[-1]] = value
    told = outcome(file, dumped(tree).encode())
    assert isinstance(told, list)
    keys = {mistake.key for mistake in told}
    assert {spelled(place) for place, _ in changes} - keys == set()
    if not any(place[-1] == "corpus" for place, _ in changes):
        assert len(told) == len(changes), "mistakes told that were not made"


@pytest.mark.parametrize("kind", ["missing", "directory", "loop", "endless", "pipe"])
def test_files_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "params.yaml"
    if kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
        # Were the pipe opened, it would give a plan, and the test would not hang.
        threading.Thread(target=path.write_bytes, args=(SHIPPED,), daemon=True).start()
    (mistake,) = read(path)
    assert str(mistake).startswith("file: cannot be read: ")
    if kind == "pipe":
        path.read_bytes()


def test_a_file_that_is_too_long(file: Path) -> None:
    padded = SHIPPED + b"#" * (2**18 - len(SHIPPED))
    assert isinstance(outcome(file, padded), Params)
    (mistake,) = outcome(file, padded + b"#")
    assert str(mistake) == "file: cannot be read: it is longer than 256 KiB"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (SHIPPED, 0),
        (SHIPPED.replace(b"seed: 42", b"seed: " + b"9" * 10**5), 2),
        (SHIPPED.replace(b"Adam", b'"\\e[31m\\n\\ud800"'), 2),
        (SHIPPED.decode().encode("utf-16"), 0),
        (b"a: &a [*a]\n" * 10**6, 2),
    ],
    ids=["shipped", "digits", "escapes", "utf-16", "long"],
)
def test_the_command(tmp_path: Path, content: bytes, status: int) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    command = [str(Path(sys.executable).with_name("rnnbench")), "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    lines = done.stderr.splitlines()
    assert bool(lines) == bool(status)
    assert all(line.startswith("error: ") and line.isprintable() for line in lines)
