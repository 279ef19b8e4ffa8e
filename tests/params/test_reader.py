from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

from rnnbench.core.errors import ParamsError, UnknownNameError
from rnnbench.params import Params, load_params
from tests.frozen import PARAMS_FILE
from tests.params.properties import check

VALID = """
run: {seed: 1, splits: 2, replicates: 2}
corpora: {imdb: {}, product: {steps: 3, tolerance: 0.1}}
datasets:
  d: {corpus: imdb, encoding: index, vocabulary_size: 9, length: 5, split: by_film, train: 4,
      validation: 1, evaluation: 4}
  p: {corpus: product, split: new, train: 4, evaluation: 4}
variants:
  v: {model: keras, dataset: d, layers: [Flatten], optimizer: Adam, epochs: 1, batch_size: 1}
  w: {model: keras, dataset: d, layers: [{Dense: {units: 1}}, {LSTM: }], optimizer: {SGD: {}},
      epochs: 1, batch_size: 1, replicates: 7}
  n: {model: numpy_rnn, dataset: d, units: 2, window: 1, learning_rate: 0.1, epochs: 1,
      batch_size: 1}
  c: {model: constant, dataset: p}
comparison: {margin: 0.02, loss_margin: 0.25}
questions:
  - {question: "Is v better than w?", variants: [v, w]}
published:
  v: {accuracy: 0.5, samples: 9, source: somewhere}
"""
TREE = yaml.safe_load(VALID)

INVALID = """
run: {seed: -2, replicats: 3}
corpra: {}
corpora:
  imbd: {source: registry}
  imdb: {source: 5}
datasets:
  Bad Name: {}
  d1: {corpus: imdb, encoding: onehot, vocabulary_size: 3, length: 0, padding: pre,
       train: 2.5, evaluation: "5000", lenght: 100}
  d2: {corpus: mnist, encoding: index, vocabulary_size: 10, length: 1, train: 1, evaluation: true}
  d3: {corpus: imdb, encoding: index, vocabulary_size: 10, skip_top: 10, length: 1, train: 1,
       evaluation: 1}
  d4: 7
  d5: {corpus: imdb, encoding: one_hot, vocabulary_size: 10, train: 1, evaluation: 1}
  d6: {corpus: imdb, encoding: multi_hot, vocabulary_size: 10, length: 3, train: 1, evaluation: 1}
  d7: {corpus: imdb, tokens: subwords, encoding: index, vocabulary_size: 200, train: 1,
       evaluation: 1}
  d8: {corpus: product, encoding: index, train: 1, evaluation: 1}
  d9: {corpus: imdb, tokens: subwords, encoding: index, vocabulary_size: 300, skip_top: 9, train: 1,
       evaluation: 1}
  d10: {corpus: imdb, encoding: one_hot, vocabulary_size: null, length: 3, train: 1, evaluation: 1}
  d11: {corpus: imdb, encoding: index, vocabulary_size: null, length: 100000000000, train: 1,
        evaluation: 1}
  d12: {corpus: product, split: by_film, train: 1, evaluation: 1}
  d13: {corpus: imdb, encoding: index, vocabulary_size: 9, split: by_flim, train: 1,
        validation: -1, evaluation: 1}
variants:
  a: {model: keras, dataset: dd1, optimizer: {Adam: 1}, epochs: 0, batch_size: 32.5,
      layers: [{LSTM: 8}, 5, {Dense: {1: 3}}, {TimeDistributed: {layer: 7}}, {A: {}, B: {}}]}
  b: {dataset: d1, model: kras}
  c: {model: keras, dataset: d1, layers: [], optimizer: Adam, batch_size: 1, epochs: 1, 3: 1}
  d: {model: keras, dataset: d1, layers: 4, batch_size: 1, epochs: 1}
  e: {dataset: d1}
  f: 7
comparison: {margin: 2, loss_margin: 0}
questions:
  - {question: "", variants: [a, bb]}
  - {question: "Is b better than itself?", variants: [b, b]}
  - {question: "Which is best?", variants: [a, b, c]}
  - 7
published:
  a: {acuracy: 2, samples: 0, source: x}
  aa: {accuracy: 2, samples: 9, source: x}
  b: {accuracy: 0.5, samples: 9, source: x, comparable: false}
"""
# The start of each error of INVALID, and what else its line must contain.
REPORTED = {
    "run.seed: got -2": ["greater than or equal to 0"],
    "run.replicats: ": ["'replicats'", "allowed: seed, replicates, splits", "mean 'replicates'?"],
    "run.replicates: ": ["missing"],
    "corpra: ": ["'corpra'", "allowed: run, corpora, datasets, variants", "mean 'corpora'?"],
    "comparison.margin: got 2": ["less than 1"],
    "comparison.loss_margin: got 0": ["greater than 0"],
    "corpora.imbd: ": ["'imbd'", "mean 'imdb'?"],
    "corpora.imdb.source: ": ["got 5", "valid string"],
    "datasets.'Bad Name': ": ["a name of 1 to 100 of a-z"],
    "datasets.d1.encoding: ": [
        "'onehot'",
        "allowed: one_hot, index, multi_hot, number",
        "mean 'one_hot'?",
    ],
    "datasets.d1.vocabulary_size: ": ["got 3", "greater than or equal to 4"],
    "datasets.d1.length: ": ["got 0", "greater than or equal to 1"],
    "datasets.d1.train: ": ["got 2.5", "valid integer"],
    "datasets.d1.evaluation: ": ["got '5000'", "a number of samples or a share below 1"],
    "datasets.d1.lenght: ": ["'lenght'", "allowed: corpus, split", "mean 'length'?"],
    "datasets.d2.evaluation: ": ["got true", "a number of samples"],
    "datasets.d2.corpus: ": ["'mnist'", "allowed: imbd, imdb"],
    "datasets.d3: ": ["skip_top 10", "vocabulary_size 10"],
    "datasets.d4: ": ["got 7", "valid dictionary"],
    "datasets.d5: ": ["one_hot needs a length"],
    "datasets.d6: ": ["multi_hot"],
    "datasets.d7: ": ["256"],
    "datasets.d8.corpus: ": ["'product'", "allowed: imbd, imdb"],
    "datasets.d8.encoding: ": ["unknown key", "allowed: corpus, split, train, validation"],
    "datasets.d9: ": ["skip_top", "subwords"],
    "datasets.d10: ": ["one_hot needs a vocabulary_size"],
    "datasets.d11.length: ": ["got 100000000000", "less than or equal to"],
    "datasets.d12.corpus: ": ["'product'", "allowed: imbd, imdb"],
    "datasets.d13.split: ": [
        "'by_flim'",
        "random, by_film, by_group, new, last, given, same",
        "mean 'by_film'?",
    ],
    "datasets.d13.validation: ": ["got -1", "a number of samples or a share below 1"],
    "variants.a.dataset: ": ["'dd1'", "allowed: 'Bad Name', d1, d2, d3, d4, d5", "mean 'd1'?"],
    "variants.a.layers[0]: ": ["got {'LSTM': 8}", "Name or {Name: {argument: value}}"],
    "variants.a.layers[1]: ": ["got 5"],
    "variants.a.layers[2]: ": ["got {'Dense': {1: 3}}"],
    "variants.a.layers[3]: ": ["got 7"],
    "variants.a.layers[4]: ": ["got {'A': {}, 'B': {}}"],
    "variants.a.optimizer: ": ["got {'Adam': 1}"],
    "variants.a.epochs: ": ["got 0", "greater than or equal to 1"],
    "variants.a.batch_size: ": ["got 32.5", "valid integer"],
    "variants.b.model: ": ["'kras'", "allowed: constant, ensemble, keras", "mean 'keras'?"],
    "variants.c.layers: ": ["got []", "at least 1 item"],
    "variants.c[3]: ": ["unknown key 3", "allowed: dataset, model"],
    "variants.d.layers: ": ["got 4", "list"],
    "variants.d.optimizer: ": ["missing"],
    "variants.e.model: ": ["missing", "allowed: constant, ensemble, keras"],
    "variants.f: ": ["got 7", "a mapping"],
    "questions[0].question: ": ["got ''", "at least 1 character"],
    "questions[1]: ": ["b cannot be compared with itself"],
    "questions[2].variants: ": ["at most 2 items"],
    "questions[3]: ": ["got 7"],
    "published.a.acuracy: ": ["allowed: accuracy, samples, loss, comp", "mean 'accuracy'?"],
    "published.a.accuracy: ": ["missing"],
    "published.a.samples: ": ["got 0", "greater than or equal to 1"],
    "published.b: ": ["needs a note"],
    "published.aa: ": ["'aa'", "allowed: a, b, c", "mean 'a'?"],
    "published.aa.accuracy: ": ["got 2", "less than or equal to 1"],
}
examples = pytest.mark.parametrize("examples", [60, pytest.param(3000, marks=pytest.mark.full)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def load(file: Path, content: str | bytes) -> Params | list[str]:
    """The parameters, or the lines of the error message."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        return load_params(file)
    except ParamsError as error:
        lines = str(error).split("\n")
    assert len(lines) >= 1
    assert all(line.startswith(f"{file}: ") and line.isprintable() for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_entries_keep_the_order_of_the_file() -> None:
    params, tree = load_params(PARAMS_FILE), yaml.safe_load(PARAMS_FILE.read_bytes())
    assert list(params.variants) == list(tree["variants"])
    assert list(params.datasets) == list(tree["datasets"])
    assert list(params.corpora) == list(tree["corpora"])


def test_entries_are_found_by_name(file: Path) -> None:
    params = load(file, VALID)
    assert isinstance(params, Params)
    assert params.corpus("imdb") is params.corpora["imdb"]
    assert params.dataset("d").vocabulary_size == 9
    assert params.variant("v").dataset == "d"
    assert (params.replicates_of("v"), params.replicates_of("w")) == (2, 7)
    for find in (params.corpus, params.dataset, params.variant, params.replicates_of):
        with pytest.raises(UnknownNameError, match=r"no \w+ 'nothing'; allowed: "):
            find("nothing")


def test_all_errors_are_reported_at_once(file: Path) -> None:
    lines = load(file, INVALID)
    assert isinstance(lines, list)
    for start, parts in REPORTED.items():
        found = [line for line in lines if line.startswith(start)]
        assert len(found) == 1, start
        assert [part for part in parts if part not in found[0]] == [], found[0]
    assert len(lines) == len(REPORTED), "errors reported that the file does not have"


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("seed: 1", "seed: 4294966295", None),
        ("seed: 1", "seed: 4294966296", "run.seed: got 4294966296; should be less than 4294966296"),
        ("replicates: 2", "replicates: 0", "run.replicates: got 0; should be greater than or"),
        ("splits: 2", "splits: 0", "run.splits: got 0; should be greater than or equal to 1"),
        ("splits: 2", "splits: 101", "run.splits: got 101; should be less than or equal to 100"),
        ("[v, w]", "[v, c]", "questions[0].variants: variants of different corpora"),
        ("split: by_film", "split: same", "questions[0].variants: a variant is evaluated on its"),
        ("split: by_film", "split: new", "datasets.d.split: the corpus imdb cannot be split 'new'"),
        ("split: new, ", "", "datasets.p.split: the corpus product cannot be split 'random'"),
        (
            "accuracy: 0.5",
            "accuracy: 0.5, same_samples: true",
            "published.v.same_samples: v is not",
        ),
        ("[v, w]", "[v, x]", "questions[0].variants: no variant 'x' in variants"),
        ("[v, w]", "[v]", "questions[0].variants: got ['v']; List should have at least 2"),
        ("  - {question", "  q: {question", "questions: got {'q'"),
        ("questions:\n", "questions: []\nx:\n", "x: unknown section 'x'"),
        ("validation: 1, ", "", None),
        ("comparison: {margin: 0.02, ", "comparison: {", "comparison.margin: is missing"),
        ("length: 5", "length: 5, skip_top: 8", None),
        ("length: 5", "length: 5, skip_top: 9", "datasets.d: skip_top 9"),
        ("length: 5", "length: 5, skip_top: -1", "datasets.d.skip_top: got -1; should be greater"),
        ("imdb: {}", "imdb: null", "corpora.imdb: got null; should be a valid dictionary"),
        ("dataset: d, ", "dataset: x, ", "variants.v.dataset: no dataset 'x' in datasets"),
        ("datasets:\n", "datasets: \nx:\n", "datasets: got null, expected a mapping"),
        ("published:\n", "x:\n", "published: section is missing"),
        ("published:\n  v:", "published: {}\nx:\n  v:", "x: unknown section 'x'"),
        ("accuracy: 0.5", "accuracy: .nan", "published.v.accuracy: got nan"),
        ("seed: 1", "seed: '\\e[31m\\ud800'", "run.seed: got "),
        ("[Flatten]", "[" + "{TimeDistributed: {layer: " * 20 + "1" + "}}" * 20 + "]", "layers[0]"),
    ],
    ids=range(27),
)
def test_one_edit(file: Path, before: str, after: str, error: str | None) -> None:
    assert before in VALID
    loaded = load(file, VALID.replace(before, after, 1))
    if error is None:
        assert isinstance(loaded, Params)
    else:
        assert isinstance(loaded, list)
        assert any(error in line for line in loaded), loaded


@pytest.mark.parametrize("content", ["", "- 1", "7"])
def test_a_file_that_is_no_mapping_is_refused(file: Path, content: str) -> None:
    (line,) = load(file, content)
    assert "expected a mapping of run, corpora" in line


def test_reading_parameters_imports_no_framework() -> None:
    script = (
        "import sys; from pathlib import Path; from rnnbench.params import load_params;"
        f"load_params(Path({str(PARAMS_FILE)!r}));"
        "print(sorted({'keras', 'tensorflow', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "['yaml']\n", done.stderr


Place = tuple[Any, ...]


def places(tree: Any) -> Iterator[Place]:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield (key,)
        if isinstance(value, dict | list):
            yield from ((key, *rest) for rest in places(value))


def key_of(place: Place) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")


def at(tree: Any, place: Place) -> Any:
    for part in place:
        tree = tree[part]
    return tree


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["LSTM", "imdb", "index", "d", 10**400])
    | st.dates()
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = list(places(TREE))


@examples
def test_any_value_at_any_key_is_valid_or_an_error(file: Path, examples: int) -> None:
    def holds(place: Place, value: Any) -> None:
        tree = copy.deepcopy(TREE)
        at(tree, place[:-1])[place[-1]] = value
        assert load(file, yaml.safe_dump(tree, default_flow_style=True, allow_unicode=True))

    check(examples, holds, st.sampled_from(PLACES), TREES)


@examples
def test_any_bytes_in_the_file_are_valid_or_an_error(file: Path, examples: int) -> None:
    def holds(start: int, length: int, content: bytes) -> None:
        whole = VALID.encode()
        assert load(file, whole[:start] + content + whole[start + length :])

    whole = st.integers(0, len(VALID))
    content = st.binary(max_size=4) | st.text(max_size=4).map(str.encode)
    check(examples, holds, whole, st.integers(0, 30), content)


def invalid_edits() -> Iterator[tuple[Place, Any]]:
    """Edits of VALID that are one error each, at a place of its own."""
    for place in PLACES:
        value = at(TREE, place)
        if place[:1] == ("variants",) and place[2:3] in (("layers",), ("optimizer",)):
            if len(place) == 3:
                yield place, 1
        elif place == ("questions",) or (len(place) > 3 and place[0] == "questions"):
            # Questions may be missing, and variants are an edit as a whole.
            continue
        elif isinstance(value, dict):
            # A published result of no variant is an error already.
            if place != ("published",):
                yield (*place, "unheard-of"), None
        elif place[-1] == "corpus":
            # A dataset of an unknown corpus is validated as one of texts.
            if place != ("datasets", "p", "corpus"):
                yield place, f"{value}x"
        elif isinstance(value, int | float):
            yield from ((place, -1), (place, "1"))
        elif place[-1] in ("dataset", "encoding"):
            yield from ((place, f"{value}x"), (place, 1))
        elif place[-1] != "model":
            yield place, []


EDITS = st.lists(
    st.sampled_from(list(invalid_edits())),
    min_size=1,
    max_size=20,
    unique_by=lambda edit: edit[0],
)


@examples
def test_each_of_several_errors_is_reported_with_its_key(file: Path, examples: int) -> None:
    def holds(edits: list[tuple[Place, Any]]) -> None:
        tree = copy.deepcopy(TREE)
        for place, value in edits:
            at(tree, place[:-1])[place[-1]] = value
        lines = load(file, yaml.safe_dump(tree))
        assert isinstance(lines, list)
        assert {line.split(": ")[0] for line in lines} == {key_of(place) for place, _ in edits}
        assert len(lines) == len(edits)

    check(examples, holds, EDITS)


@pytest.mark.parametrize(
    ("section", "entry", "reported"),
    [
        ("variants", "{bsae: v}", "variants.x.bsae: unknown key 'bsae'"),
        ("variants", "{modle: keras, dataset: d}", "did you mean 'model'?"),
        ("corpora", "{kidn: table, path: a.csv}", "did you mean 'kind'?"),
        ("variants", "{bsae: v, layers.0.Dense.units: 1}", "and there is none"),
        (
            "datasets",
            "{corpus: product, split: new, train: 1, evaluation: 0.1}",
            "needs the number",
        ),
        (
            "datasets",
            "{corpus: imdb, encoding: index, vocabulary_size: 9, validation: 0.5, evaluation: 0.5}",
            "leave nothing to train on",
        ),
        (
            "datasets",
            "{corpus: imdb, encoding: index, vocabulary_size: 9, split: given, train: 5}",
            "split given takes the sizes",
        ),
    ],
)
def test_a_misspelt_or_contradictory_entry_is_explained(
    file: Path, section: str, entry: str, reported: str
) -> None:
    tree = yaml.safe_load(VALID)
    tree[section]["x"] = yaml.safe_load(entry)
    lines = load(file, yaml.safe_dump(tree))
    assert isinstance(lines, list)
    assert any(reported in line for line in lines), lines


def test_a_question_counts_once(file: Path) -> None:
    tree = yaml.safe_load(VALID)
    first = tree["questions"][0]
    tree["questions"].append({"question": "Again?", "variants": first["variants"][::-1]})
    lines = load(file, yaml.safe_dump(tree))
    number = len(tree["questions"]) - 1
    assert lines == [f"questions[{number}].variants: these two are compared by questions[0]"]
