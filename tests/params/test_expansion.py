"""Bases and grids: what an entry becomes, and errors that name the line to change."""

from pathlib import Path

import pytest
import yaml

from rnnbench.core.errors import ParamsError
from rnnbench.params import load_params

PLAN = """
run: {seed: 1, replicates: 2}
corpora:
  product: {steps: 10}
  longer: {base: product, kind: product, steps: 20}
datasets:
  short: {corpus: product, split: new, train: 8, evaluation: 4}
  long: {base: short, corpus: longer}
variants:
  lstm:
    model: keras
    dataset: short
    layers: [LSTM: {units: 8, dropout: 0.1}, Dropout: {rate: 0.5}]
    optimizer: Adam
    epochs: 3
    batch_size: 2
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published:
  lstm: {accuracy: 0.5, samples: 10, source: A}
"""


def variants(path: Path, **entries: str) -> dict[str, dict[str, object]]:
    """The expanded variants, with further `entries` of the file as YAML."""
    plan = yaml.safe_load(PLAN)
    plan["variants"] |= {name: yaml.safe_load(text) for name, text in entries.items()}
    (path / "params.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    found: dict[str, dict[str, object]] = load_params(path / "params.yaml").sections["variants"]
    return found


def errors(path: Path, **entries: str) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        variants(path, **entries)
    return [str(error) for error in caught.value.errors]


def test_an_entry_takes_over_its_base(tmp_path: Path) -> None:
    found = variants(tmp_path, longer="{base: lstm, dataset: long, epochs: 4}")
    assert found["longer"] == found["lstm"] | {"dataset": "long", "epochs": 4}


def test_a_base_can_have_a_base_that_stands_below(tmp_path: Path) -> None:
    found = variants(tmp_path, c="{base: b, epochs: 5}", b="{base: lstm, epochs: 4, batch_size: 1}")
    assert found["c"] == found["lstm"] | {"epochs": 5, "batch_size": 1}
    assert list(found) == ["lstm", "c", "b"]


def test_corpora_datasets_and_published_figures_have_bases_too(tmp_path: Path) -> None:
    plan = yaml.safe_load(PLAN)
    plan["variants"]["gru"] = {"base": "lstm", "layers": ["GRU"]}
    plan["published"]["gru"] = {"base": "lstm", "accuracy": 0.6}
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(plan))
    params = load_params(file)
    assert (params.kind("longer"), params.corpora["longer"].steps) == ("product", 20)
    assert (params.datasets["long"].corpus, params.datasets["long"].train) == ("longer", 8)
    assert (params.published["gru"].accuracy, params.published["gru"].samples) == (0.6, 10)


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("layers.0.LSTM.units: 4", "layers", [{"LSTM": {"units": 4, "dropout": 0.1}}, "..."]),
        ("layers.0.LSTM.use_bias: false", "layers", [{"LSTM": {"use_bias": False}}, "..."]),
        ("layers.0: GRU", "layers", ["GRU", "..."]),
        ("optimizer.Adam.learning_rate: 0.01", "optimizer", {"Adam": {"learning_rate": 0.01}}),
    ],
)
def test_a_key_with_dots_changes_a_value_inside(
    tmp_path: Path, change: str, key: str, value: object
) -> None:
    found = variants(tmp_path, other=f"{{base: lstm, {change}}}")
    got, before = found["other"][key], found["lstm"][key]
    if isinstance(value, list):
        assert isinstance(got, list)
        assert isinstance(before, list)
        assert got[1:] == before[1:]
        if isinstance(value[0], dict):
            assert got[0]["LSTM"] == before[0]["LSTM"] | value[0]["LSTM"]
        else:
            assert got[0] == value[0]
    else:
        assert got == value
    assert {k: v for k, v in found["other"].items() if k != key} == {
        k: v for k, v in found["lstm"].items() if k != key
    }


def test_a_grid_becomes_a_variant_for_each_combination(tmp_path: Path) -> None:
    grid = "{optimizer.Adam.learning_rate: [0.001, 1.0e-05], layers.0.LSTM.units: [4, 8]}"
    found = variants(tmp_path, g=f"{{base: lstm, grid: {grid}}}")
    assert list(found) == [
        "lstm",
        "g-learning_rate-0_001-units-4",
        "g-learning_rate-0_001-units-8",
        "g-learning_rate-1e-05-units-4",
        "g-learning_rate-1e-05-units-8",
    ]
    member = found["g-learning_rate-1e-05-units-4"]
    assert member["optimizer"] == {"Adam": {"learning_rate": 1e-05}}
    assert member["layers"] == [{"LSTM": {"units": 4, "dropout": 0.1}}, {"Dropout": {"rate": 0.5}}]
    assert "grid" not in member


def test_a_grid_is_inherited_and_can_be_left_out(tmp_path: Path) -> None:
    found = variants(
        tmp_path,
        g="{base: lstm, grid: {epochs: [1, 2]}}",
        h="{base: g, layers: [GRU]}",
        one="{base: g, grid: {}}",
    )
    assert list(found) == ["lstm", "g-epochs-1", "g-epochs-2", "h-epochs-1", "h-epochs-2", "one"]


def test_a_grid_can_go_over_datasets_and_layers(tmp_path: Path) -> None:
    grid = "{dataset: [short, long], layers.0: [GRU, {LSTM: {units: 2}}]}"
    found = variants(tmp_path, g=f"{{base: lstm, grid: {grid}}}")
    assert list(found)[1:] == [
        "g-dataset-short-layers-gru",
        "g-dataset-short-layers-lstm_units_2",
        "g-dataset-long-layers-gru",
        "g-dataset-long-layers-lstm_units_2",
    ]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("{base: lst}", "variants.x.base: no entry 'lst' in variants; allowed: lstm; did you mean"),
        ("{base: [lstm]}", "variants.x.base: no entry ['lstm'] in variants"),
        ("{base: x}", "variants.x.base: x -> x is a cycle"),
        ("{base: lstm, layers.2.LSTM.units: 1}", "x.layers.2.LSTM.units: no item '2' in a list of"),
        ("{base: lstm, layer.0.LSTM: 1}", "no key 'layer' to change; allowed: model, dataset, lay"),
        ("{base: lstm, layers.0.GRU.units: 1}", "no key 'GRU' to change; allowed: LSTM"),
        ("{base: lstm, epochs.a.b: 1}", "variants.x.epochs.a.b: 3 has no 'a'"),
        (
            "{base: lstm, grid: [1]}",
            "variants.x.grid: got [1], expected a mapping of keys to lists",
        ),
        ("{base: lstm, grid: {epochs: 3}}", "variants.x.grid.epochs: got 3, expected a list of"),
        ("{base: lstm, grid: {epochs: []}}", "variants.x.grid.epochs: got [], expected a list of"),
        ("{base: lstm, grid: {epochs: [1, 1]}}", "two of its values have the name 'x-epochs-1'"),
        ("{base: lstm, grid: {nothing.x: [1]}}", "variants.x.grid.nothing.x: no key 'nothing'"),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, entry: str, error: str) -> None:
    (found,) = errors(tmp_path, x=entry)
    assert error in found


def test_a_grid_of_too_many_variants_is_refused(tmp_path: Path) -> None:
    many = list(range(1, 40))
    (found,) = errors(tmp_path, x=f"{{base: lstm, grid: {{epochs: {many}, batch_size: {many}}}}}")
    assert "variants.x.grid: has 1521 combinations; allowed: up to 1000" in found
    # Too many to be listed before they are counted.
    axes = ", ".join(f"layers.0.LSTM.axis_{i}: {many}" for i in range(20))
    (found,) = errors(tmp_path, x=f"{{base: lstm, grid: {{{axes}}}}}")
    assert "combinations; allowed: up to 1000" in found


def test_a_grid_cannot_take_the_name_of_an_entry(tmp_path: Path) -> None:
    found = errors(
        tmp_path, **{"g-epochs-1": "{base: lstm}"}, g="{base: lstm, grid: {epochs: [1]}}"
    )
    assert any("two variants would have the name 'g-epochs-1'" in error for error in found)


def test_an_inherited_error_is_reported_once_and_an_own_one_each_time(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        a="{base: lstm, epochs: 0}",
        b="{base: a}",
        c="{base: b, batch_size: 1}",
        d="{base: c, epochs: -1}",
        g="{base: a, grid: {batch_size: [3, 4]}}",
    )
    assert [error.split(": ")[0] for error in found] == ["variants.a.epochs", "variants.d.epochs"]


def test_references_to_an_unreadable_entry_are_no_further_errors(tmp_path: Path) -> None:
    plan = yaml.safe_load(PLAN)
    plan["datasets"]["other"] = {"base": "shor"}
    plan["variants"]["x"] = {"base": "lstm", "dataset": "other"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(plan))
    with pytest.raises(ParamsError) as caught:
        load_params(tmp_path / "params.yaml")
    assert [error.key for error in caught.value.errors] == ["datasets.other.base"]
