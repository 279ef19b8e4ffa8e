from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rnnbench.core.errors import ParamsError, UnknownNameError
from rnnbench.params import Params, load_params
from tests.frozen import PARAMS_FILE

SHIPPED = PARAMS_FILE
TREE = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))

VALID = """
run: {seed: 1, replicates: 2}
corpora: {imdb: {}}
datasets:
  d: {corpus: imdb, encoding: index, vocabulary_size: 9, length: 5, train: 4, evaluation: 4}
variants:
  v: {model: keras, dataset: d, layers: [Flatten], optimizer: Adam, epochs: 1, batch_size: 1}
  w: {model: keras, dataset: d, layers: [Flatten], optimizer: Adam, epochs: 1, batch_size: 1,
      replicates: 7}
published:
  v: {accuracy: 0.5, samples: 9, source: somewhere}
"""

# Per line: what is wrong in the file, and all that the message must say of it.
MISTAKES = """
run: {seed: -1, seed: -2, replicats: 3}
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
  d9: {corpus: imdb, tokens: subwords, encoding: index, vocabulary_size: 300, skip_top: 9, train: 1,
       evaluation: 1}
  d10: {corpus: imdb, encoding: one_hot, vocabulary_size: null, length: 3, train: 1, evaluation: 1}
  d11: {corpus: imdb, encoding: index, vocabulary_size: null, length: 100000000000, train: 1,
        evaluation: 1}
  d8: {corpus: product, encoding: index, train: 1, evaluation: 1}
variants:
  a: {model: keras, dataset: dd1, layers: [{LSTM: {unit: 8}}, {LTSM: {}}],
      optimizer: {Adam: {learning_rate: 0}}, epochs: 0, batch_size: 32.5}
  b: {dataset: d1, model: kras}
  c: {model: keras, dataset: d1, layers: [], optimizer: Adm, batch_size: 1, epochs: 1, 3: 1}
  d: {model: keras, dataset: d1, layers: 4, batch_size: 1, epochs: 1}
  e: {dataset: d1}
  f: 7
published:
  a: {acuracy: 2, samples: 0, source: x}
  aa: {accuracy: 2, samples: 9, source: x}
  b: {accuracy: 0.5, samples: 9, source: x, comparable: false}
"""
TOLD = {
    "run.seed: is given twice": ["line 2"],
    "run.seed: got -2": ["at least 0"],
    "run.replicats: ": ["'replicats'", "allowed: seed, replicates", "mean 'replicates'?"],
    "run.replicates: ": ["missing"],
    "corpra: ": ["'corpra'", "allowed: run, corpora, datasets, variants", "mean 'corpora'?"],
    "corpora.imbd: ": ["'imbd'", "allowed: arithmetic, characters, imdb", "mean 'imdb'?"],
    "corpora.imdb.source: ": ["got 5", "a text"],
    "datasets.'Bad Name': ": ["lower-case letters, digits"],
    "datasets.d1.encoding: ": [
        "'onehot'",
        "allowed: one_hot, index, multi_hot, number",
        "mean 'one_hot'?",
    ],
    "datasets.d1.vocabulary_size: ": ["got 3", "at least 4"],
    "datasets.d1.length: ": ["got 0", "at least 1"],
    "datasets.d1.train: ": ["got 2.5", "an integer"],
    "datasets.d1.evaluation: ": ["got '5000'", "an integer"],
    "datasets.d1.lenght: ": ["'lenght'", "allowed: corpus, split", "mean 'length'?"],
    "datasets.d2.evaluation: ": ["got true", "an integer"],
    "datasets.d2.corpus: ": ["'mnist'", "allowed: imbd, imdb"],
    "datasets.d3: ": ["skip_top 10", "vocabulary_size 10"],
    "datasets.d4: ": ["got 7", "a mapping"],
    "datasets.d5: ": ["one_hot needs a length"],
    "datasets.d6: ": ["multi_hot takes whole texts"],
    "datasets.d7: ": ["256 or more"],
    "datasets.d9: ": ["skip_top", "not subwords"],
    "datasets.d10: ": ["one_hot needs a vocabulary_size"],
    "datasets.d11.length: ": ["got 100000000000", "at most"],
    "datasets.d8.corpus: ": ["'product'", "allowed: imbd, imdb"],
    "datasets.d8.encoding: ": ["unknown key", "allowed: corpus, split, train, evaluation"],
    "variants.a.dataset: ": ["'dd1'", "allowed: 'Bad Name', d1, d2, d3, d4, d5", "mean 'd1'?"],
    "variants.a.layers[0].LSTM.unit: ": ["'unit'", "allowed: units, activation", "mean 'units'?"],
    "variants.a.layers[0].LSTM.units: ": ["missing"],
    "variants.a.layers[1]: ": ["'LTSM'", "allowed: Activation, ", "mean 'LSTM'?"],
    "variants.a.optimizer.Adam.learning_rate: ": ["got 0", "above 0"],
    "variants.a.epochs: ": ["got 0", "at least 1"],
    "variants.a.batch_size: ": ["got 32.5", "an integer"],
    "variants.b.model: ": ["'kras'", "allowed: constant, keras, linear", "mean 'keras'?"],
    "variants.c.layers: ": ["got []", "at least one layer"],
    "variants.c.optimizer: ": ["'Adm'", "allowed: Adadelta, ", "mean 'Adam'?"],
    "variants.c[3]: ": ["unknown key 3", "allowed: dataset, model"],
    "variants.d.layers: ": ["got 4", "a list"],
    "variants.d.optimizer: ": ["missing"],
    "variants.e.model: ": ["missing", "allowed: constant, keras"],
    "variants.f: ": ["got 7", "a mapping"],
    "published.a.acuracy: ": ["allowed: accuracy, samples, loss, comp", "mean 'accuracy'?"],
    "published.a.accuracy: ": ["missing"],
    "published.a.samples: ": ["got 0", "at least 1"],
    "published.b: ": ["needs a note"],
    "published.aa: ": ["'aa'", "allowed: a, b, c", "mean 'a'?"],
    "published.aa.accuracy: ": ["got 2", "at most 1"],
}


def mistakes_of(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ParamsError) as caught:
        load_params(path)
    return str(caught.value).splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


def test_shipped_file_is_valid() -> None:
    params = load_params(SHIPPED)
    assert list(params.variants) == list(TREE["variants"])
    assert list(params.datasets) == list(TREE["datasets"])
    assert list(params.corpora) == list(TREE["corpora"])
    assert params.run.seed == TREE["run"]["seed"]


def test_entries_by_name(file: Path) -> None:
    file.write_text(VALID, encoding="utf-8")
    params = load_params(file)
    assert params.corpus("imdb") is params.corpora["imdb"]
    assert params.dataset("d").vocabulary_size == 9
    assert params.variant("v").dataset == "d"
    assert (params.replicates_of("v"), params.replicates_of("w")) == (2, 7)


@pytest.mark.parametrize("kind", ["corpus", "dataset", "variant", "replicates_of"])
def test_unknown_name(file: Path, kind: str) -> None:
    file.write_text(VALID, encoding="utf-8")
    with pytest.raises(UnknownNameError, match="'nothing'; allowed: "):
        getattr(load_params(file), kind)("nothing")


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    lines = mistakes_of(file, MISTAKES)
    for start, parts in TOLD.items():
        found = [line for line in lines if line.startswith(f"{file}: {start}")]
        assert len(found) == 1, start
        assert [part for part in parts if part not in found[0]] == [], found[0]
    assert len(lines) == len(TOLD), "mistakes told that were not made"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("seed: 1", "seed: 4294966295", None),
        ("seed: 1", "seed: 4294966296", "run.seed: got 4294966296, expected less than 4294966296"),
        ("replicates: 2", "replicates: 0", "run.replicates: got 0, expected at least 1"),
        ("length: 5", "length: 5, skip_top: 8", None),
        ("length: 5", "length: 5, skip_top: 9", "datasets.d: skip_top 9 leaves no word"),
        (
            "length: 5",
            "length: 5, skip_top: -1",
            "datasets.d.skip_top: got -1, expected at least 0",
        ),
        ("imdb: {}", "imdb: null", "corpora.imdb: got null, expected a mapping"),
        ("dataset: d, ", "dataset: x, ", "variants.v.dataset: there is no dataset 'x'"),
        ("corpora: {imdb: {}}", "corpora:", "corpora: got null, expected a mapping"),
        ("corpora: {imdb: {}}", "", "corpora: section is missing"),
        ("vocabulary_size: 9", "vocabulary_size: 3", "got 3, expected at least 4"),
        ("accuracy: 0.5", "accuracy: .nan", "published.v.accuracy: got nan"),
        ("epochs: 1", "epochs: 1, epochs: 2", "variants.v.epochs: is given twice, in line 7 and"),
    ],
)
def test_one_change(file: Path, before: str, after: str, told: str | None) -> None:
    assert before in VALID
    content = VALID.replace(before, after, 1)
    if told is None:
        file.write_text(content, encoding="utf-8")
        assert isinstance(load_params(file), Params)
    else:
        assert any(told in line for line in mistakes_of(file, content))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "file: got null, expected a mapping of run, corpora"),
        ("- 1", "file: got [1], expected a mapping"),
        ("run: [", "line 1, column 7: is not valid YAML: "),
        ("run: 1\n---\nrun: 2", "is not valid YAML: expected a single document in"),
        (b"\xff\xfe\xff", "file: is not valid YAML: "),
        (b"\x00", "file: is not valid YAML: "),
        ("? [a]\n: 1", "is not valid YAML: while constructing a mapping, found unhashable key"),
        ("[&a 1, &a 2]", "line 1, column 8: is not valid YAML: found duplicate anchor 'a'; "),
        ("!!python/object:os.system {}", "is not valid YAML: "),
        ("a: !!int x", "a: got 'x': no valid 'int'"),
        ("a: {!!bool x: 1}", "a.x: got 'x': no valid 'bool'"),
        ("a: [2001-99-99]", "a[0]: got '2001-99-99': no valid 'timestamp'"),
        ("!!float x", "file: got 'x': no valid 'float'"),
        ("a: !!timestamp {=: x}", "line 1, column 4: is not valid YAML: no valid 'timestamp'"),
        ("a: !x%0a x", "a: got 'x': could not determine a constructor for the tag"),
        ("a: " + "1" * 5000, "': an integer of more than 100 characters"),
        ("[" * 100_000, "line 1, column 51: nests too deeply"),
        ("- " * 100_000 + "1", "line 1, column 101: nests too deeply"),
        ("run: &a {seed: *a, replicates: 1}", "line 1, column 16: an alias stands inside of"),
        ("run: {seed: 0x" + "f" * 5000 + "}", "run.seed: got '0xfff"),
        ("run: {seed: " + "x" * 5000 + ", replicates: 1}", "..."),
        ('"\\ud800": 1', "'\\ud800': there is no section"),
    ],
    ids=range(22),
)
def test_files_that_are_no_plan(file: Path, content: str | bytes, told: str) -> None:
    lines = mistakes_of(file, content)
    assert any(told in line for line in lines)
    assert all(len(line) < len(str(file)) + 300 and line.encode() for line in lines)


def test_merged_keys_are_not_given_twice(file: Path) -> None:
    first, second = VALID.split("\n  w: ")
    content = (
        f"{first.replace('v: {', 'v: &v {')}\n  w: {{<<: *v, replicates: 3}}\npublished: {{}}\n"
    )
    file.write_text(content, encoding="utf-8")
    assert "replicates: 7" in second
    assert load_params(file).replicates_of("w") == 3


def test_layers_that_nest_without_need(file: Path) -> None:
    layer = "Flatten"
    for _ in range(5):
        layer = f"{{TimeDistributed: {{layer: {layer}}}}}"
    lines = mistakes_of(file, VALID.replace("[Flatten]", f"[{layer}]", 1))
    assert any("layers nest deeper" in line for line in lines)


def test_validation_imports_no_framework() -> None:
    script = (
        "import sys; from pathlib import Path; from rnnbench.params import load_params;"
        f"load_params(Path({str(SHIPPED)!r}));"
        "print(sorted({'keras', 'tensorflow', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "['yaml']\n", done.stderr
