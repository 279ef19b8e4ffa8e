"""Studies: which variants their axes describe, and errors that name what to change."""

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnnbench.core.errors import ParamsError, UnknownNameError
from rnnbench.params import Params, Trial, check_params, load_params, study_variants
from rnnbench.params.schema import Study
from rnnbench.params.studies import MAX_TRAININGS, study_code

PLAN = """
run: {seed: 1, replicates: 2}
corpora:
  product: {steps: 6, tolerance: 0.1}
  imdb: {}
  bit_parity: {}
datasets:
  d: {corpus: product, split: new, train: 8, validation: 4, evaluation: 4}
  unvalidated: {corpus: product, split: new, train: 8, evaluation: 4}
  texts: {corpus: imdb, encoding: index, vocabulary_size: 9, split: by_film, train: 4,
          validation: 2, evaluation: 4}
  words: {base: texts, length: 5}
  given: {corpus: bit_parity, encoding: index, vocabulary_size: null, split: given}
variants:
  lstm:
    model: keras
    dataset: d
    layers: [LSTM: {units: 3, dropout: 0.1}]
    optimizer: {Adam: {beta_1: 0.8}}
    epochs: 3
    batch_size: 4
    replicates: 7
  dense: {base: lstm, layers: [Flatten, Dense: {units: 2}]}
  text:
    base: lstm
    dataset: texts
    layers: [Embedding: {output_dim: 2, mask_zero: true}, GRU: {units: 2}]
  plain: {model: numpy_rnn, dataset: words, units: 2, window: 1, learning_rate: 0.1, epochs: 1,
          batch_size: 2}
  mean: {model: constant, dataset: d}
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published: {}
"""


def params_of(path: Path, study: str, ask: bool = False, **others: str) -> Params:
    plan = yaml.safe_load(PLAN)
    texts = {"s": study, **others}
    plan["studies"] = {name: yaml.safe_load(text) for name, text in texts.items()}
    for entry in plan["studies"].values():
        if isinstance(entry, dict) and "base" not in entry:
            entry.setdefault("question", "Which is best?")
            entry.setdefault("variant", "lstm")
    (path / "params.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    return (check_params if ask else load_params)(path / "params.yaml")


def trials(path: Path, study: str) -> list[Trial]:
    return study_variants(params_of(path, study), "s")


def entries(path: Path, study: str) -> list[dict[str, Any]]:
    return [trial.entry for trial in trials(path, study)]


def errors(path: Path, study: str, ask: bool = False, **others: str) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        params_of(path, study, ask, **others)
    return [str(error) for error in caught.value.errors]


def base() -> dict[str, Any]:
    entry = yaml.safe_load(PLAN)["variants"]["lstm"]
    return {key: value for key, value in entry.items() if key != "replicates"}


def changed(**changes: Any) -> dict[str, Any]:
    return base() | changes


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ("{cell: [LSTM, GRU]}", [{"layers": [{c: {"units": 3}}]} for c in ("LSTM", "GRU")]),
        (
            "{cell: [{GRU: {reset_after: false}}]}",
            [{"layers": [{"GRU": {"reset_after": False, "units": 3}}]}],
        ),
        ("{units: [5]}", [{"layers": [{"LSTM": {"units": 5, "dropout": 0.1}}]}]),
        (
            "{depth: [2]}",
            [
                {
                    "layers": [
                        {"LSTM": {"units": 3, "dropout": 0.1, "return_sequences": True}},
                        {"LSTM": {"units": 3, "dropout": 0.1}},
                    ]
                }
            ],
        ),
        (
            "{bidirectional: [true]}",
            [{"layers": [{"Bidirectional": {"layer": {"LSTM": {"units": 3, "dropout": 0.1}}}}]}],
        ),
        (
            "{learning_rate: [0.5]}",
            [{"optimizer": {"Adam": {"beta_1": 0.8, "learning_rate": 0.5}}}],
        ),
        ("{dataset: [unvalidated, d]}", [{"dataset": "unvalidated"}, {"dataset": "d"}]),
        ("{epochs: [1, 2]}", [{"epochs": 1}, {"epochs": 2}]),
        ("{layers.0.LSTM.dropout: [0]}", [{"layers": [{"LSTM": {"units": 3, "dropout": 0}}]}]),
        ("{optimizer.Adam.epsilon: [1]}", [{"optimizer": {"Adam": {"beta_1": 0.8, "epsilon": 1}}}]),
    ],
)
def test_an_axis_changes_its_setting_and_no_other(
    tmp_path: Path, axes: str, expected: list[dict[str, Any]]
) -> None:
    found = entries(tmp_path, f"{{axes: {axes}, tune: []}}")
    assert found == [changed(**changes) for changes in expected]


def test_combinations_vary_the_last_axis_first(tmp_path: Path) -> None:
    found = trials(tmp_path, "{axes: {cell: [GRU, LSTM], depth: [2, 1], epochs: [9, 1]}}")
    assert [tuple(trial.levels.values()) for trial in found] == list(
        itertools.product(["GRU", "LSTM"], [2, 1], [9, 1])
    )
    assert list(found[0].levels) == ["cell", "depth", "epochs"]
    assert found[3].entry["epochs"] == 1
    assert [next(iter(layer)) for layer in found[3].entry["layers"]] == ["GRU"]


@pytest.mark.parametrize(
    "axes",
    list(
        itertools.permutations(
            ["optimizer: [SGD]", "learning_rate: [0.5]", "optimizer.SGD.momentum: [0.9]"]
        )
    ),
)
def test_the_order_of_the_axes_does_not_change_the_variants(
    tmp_path: Path, axes: tuple[str, ...]
) -> None:
    (found,) = entries(tmp_path, f"{{axes: {{{', '.join(axes)}}}, tune: []}}")
    assert found["optimizer"] == {"SGD": {"learning_rate": 0.5, "momentum": 0.9}}


def test_layers_of_an_axis_get_the_units_of_another_one(tmp_path: Path) -> None:
    for axes in ("units: [5], layers: [[GRU]]", "layers: [[GRU]], units: [5]"):
        (found,) = entries(tmp_path, f"{{axes: {{{axes}}}}}")
        assert found["layers"] == [{"GRU": {"units": 5}}]


@pytest.mark.parametrize(
    ("axis", "measure"), [("parameters", "parameters"), ("compute", "multiply_adds")]
)
def test_a_budget_leaves_the_units_open(tmp_path: Path, axis: str, measure: str) -> None:
    found = trials(tmp_path, f"{{axes: {{cell: [GRU], {axis}: [30, 90], depth: [2]}}}}")
    assert [trial.budget for trial in found] == [(measure, 30), (measure, 90)]
    layers = found[0].layers(4)
    assert layers == [{"GRU": {"units": 4, "return_sequences": True}}, {"GRU": {"units": 4}}]
    assert trials(tmp_path, "{axes: {cell: [GRU]}}")[0].budget is None


def test_a_study_of_another_family_changes_its_own_keys(tmp_path: Path) -> None:
    found = entries(tmp_path, "{variant: plain, axes: {learning_rate: [1, 2], window: [3]}}")
    assert [entry["learning_rate"] for entry in found] == [1, 2]
    assert {entry["window"] for entry in found} == {3}


def test_mappings_and_lists_can_be_values(tmp_path: Path) -> None:
    config = "{initial_learning_rate: 0.1, decay_steps: 9, decay_rate: 0.5}"
    rate = f"{{class_name: ExponentialDecay, config: {config}}}"
    first, second = entries(tmp_path, f"{{axes: {{learning_rate: [{rate}, 0.1]}}}}")
    assert first["optimizer"]["Adam"]["learning_rate"]["class_name"] == "ExponentialDecay"
    assert second["optimizer"]["Adam"]["learning_rate"] == 0.1


def test_variants_share_no_values(tmp_path: Path) -> None:
    params = params_of(tmp_path, "{axes: {optimizer: [{SGD: {momentum: 0.5}}], epochs: [1, 2]}}")
    before = copy.deepcopy(params.sections)
    one, other = (trial.entry for trial in study_variants(params, "s"))
    one["layers"][0]["LSTM"]["units"] = 99
    one["optimizer"]["SGD"]["momentum"] = 0.1
    assert other["layers"][0]["LSTM"]["units"] == 3
    assert other["optimizer"]["SGD"]["momentum"] == 0.5
    assert params.sections == before


def test_what_is_compared_tuned_and_left_follows_from_the_axes() -> None:
    def study(**options: Any) -> Study:
        axes = {"cell": ["LSTM"], "learning_rate": [1], "depth": [1], "epochs": [1]}
        return Study(**{"question": "?", "variant": "v", "axes": axes} | options)

    assert (study().compared, study().tuned, study().facets) == (
        "cell",
        ["learning_rate"],
        ["depth", "epochs"],
    )
    rates = study(compare="learning_rate")
    assert (rates.tuned, rates.facets) == ([], ["cell", "depth", "epochs"])
    assert study(tune=[]).facets == ["learning_rate", "depth", "epochs"]
    assert study(tune=["depth", "epochs"]).facets == ["learning_rate"]


def test_a_study_can_have_a_base(tmp_path: Path) -> None:
    first = "{axes: {cell: [LSTM, GRU], epochs: [1]}, replicates: 3}"
    other = "{base: s, variant: text, axes.epochs: [2, 4]}"
    params = params_of(tmp_path, first, other=other)
    assert params.study("other") == params.study("s").model_copy(
        update={"variant": "text", "axes": {"cell": ["LSTM", "GRU"], "epochs": [2, 4]}}
    )
    assert len(study_variants(params, "other")) == 4


def test_an_unknown_study_is_an_error(tmp_path: Path) -> None:
    params = params_of(tmp_path, "{axes: {epochs: [1]}}")
    for find in (params.study, lambda name: study_variants(params, name)):
        with pytest.raises(UnknownNameError, match=r"no study 'nothing'; allowed: s"):
            find("nothing")


def test_a_file_without_studies_is_valid(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PLAN)
    assert load_params(tmp_path / "params.yaml").studies == {}


def test_the_parts_of_a_corpus_may_choose_a_rate(tmp_path: Path) -> None:
    """Whether one of them is a validation part is known when they have been read."""
    study = "{axes: {dataset: [given], learning_rate: [1]}}"
    assert entries(tmp_path, study)[0]["dataset"] == "given"


def test_the_files_of_all_cells_are_found(tmp_path: Path) -> None:
    axes = "{cell: [LSTM, 'cells/a.py:A', 'cells/b.py:B'], epochs: [1, 2]}"
    assert study_code(params_of(tmp_path, f"{{axes: {axes}}}"), "s", tmp_path) == (
        "cells/a.py",
        "cells/b.py",
    )
    assert study_code(params_of(tmp_path, "{axes: {cell: [LSTM]}}"), "s", tmp_path) == ()
    assert (
        study_code(params_of(tmp_path, "{variant: mean, axes: {dataset: [d]}}"), "s", tmp_path)
        == ()
    )


# Errors

MANY = list(range(1, 101))
ERRORS = [
    # What the entry alone shows.
    ("{axes: {}}", "studies.s.axes: ", "at least 1 item"),
    ("{axes: {units: []}}", "studies.s: ", "axis units has no value"),
    ("{axes: {units: 3}}", "studies.s.axes.units: ", "got 3; should be a valid list"),
    ("{axes: {units: [3, 4, 3]}}", "studies.s: ", "axis units has a value twice"),
    ("{axes: {epochs: [1, '1']}}", "studies.s: ", "axis epochs has a value twice"),
    ("{axes: {learning_rate: [1, 1.0]}}", "studies.s: ", "axis learning_rate has a value twice"),
    ("{axes: {units: [3], parameters: [9]}}", "studies.s: ", "units and parameters are two rules"),
    ("{axes: {parameters: [9], compute: [9]}}", "studies.s: ", "parameters and compute are two"),
    ("{axes: {units: [0]}}", "studies.s: ", "axis units needs positive whole numbers"),
    ("{axes: {depth: [true]}}", "studies.s: ", "axis depth needs positive whole numbers"),
    ("{axes: {depth: [0]}}", "studies.s: ", "axis depth needs positive whole numbers"),
    ("{axes: {parameters: [1.5]}}", "studies.s: ", "axis parameters needs positive whole numbers"),
    ("{axes: {compute: ['9']}}", "studies.s: ", "axis compute needs positive whole numbers"),
    ("{axes: {bidirectional: ['no']}}", "studies.s: ", "axis bidirectional needs true or false"),
    ("{axes: {cell: [5]}}", "studies.s: ", "axis cell needs layers"),
    ("{axes: {cell: [{LSTM: 8}]}}", "studies.s: ", "axis cell needs layers"),
    ("{axes: {cell: [{LSTM: {}, GRU: {}}]}}", "studies.s: ", "axis cell needs layers"),
    ("{axes: {model: [linear]}}", "studies.s: ", "model cannot be an axis"),
    ("{axes: {replicates: [3]}}", "studies.s: ", "replicates cannot be an axis"),
    (
        "{axes: {units: [3]}, compare: cell}",
        "studies.s: ",
        "cell is no axis, expected one of units",
    ),
    ("{axes: {units: [3]}, tune: [cell]}", "studies.s: ", "cell is no axis, expected one of units"),
    ("{axes: {units: [3]}, tune: [units]}", "studies.s: ", "units is compared, so that it cannot"),
    ("{axes: {units: [3], depth: [1]}, tune: [depth, depth]}", "studies.s: ", "an axis twice"),
    ("{axes: {units: [3]}, replicates: 1}", "studies.s.replicates: ", "equal to 2"),
    ("{axes: {units: [3]}, tuned: []}", "studies.s.tuned: ", "did you mean 'tune'?"),
    ("{axes: {units: [3]}, question: ''}", "studies.s.question: ", "at least 1 character"),
    ("7", "studies.s: ", "got 7"),
    # What follows from the variant.
    ("{axes: {units: [3]}, variant: lstn}", "studies.s.variant: ", "did you mean 'lstm'?"),
    ("{axes: {epoch: [3]}}", "studies.s.'epoch 3'.epoch: ", "did you mean 'epochs'?"),
    ("{axes: {epochs: [0]}}", "studies.s.'epochs 0'.epochs: ", "greater than or equal to 1"),
    ("{axes: {layer.0: [3]}}", "studies.s.axes.layer.0: ", "did you mean 'layers'?"),
    ("{axes: {layers.1.LSTM.units: [3]}}", "studies.s.axes.layers.1.LSTM.units: ", "no item '1'"),
    (
        "{axes: {cell: [GRU], layers.0.LSTM.dropout: [0]}}",
        "studies.s.axes.layers.0.LSTM.dropout: ",
        "no key 'LSTM' to change",
    ),
    ("{axes: {dataset: [dd]}}", "studies.s.'dataset dd'.dataset: ", "did you mean 'd'?"),
    ("{axes: {dataset: [5]}}", "studies.s.'dataset 5'.dataset: ", "valid string"),
    ("{axes: {units: [3]}, variant: dense}", "studies.s.axes.units: ", "no recurrent layer"),
    ("{axes: {units: [3]}, variant: plain}", "studies.s.axes.units: ", "no layers of Keras"),
    ("{axes: {parameters: [3]}, variant: mean}", "studies.s.axes.parameters: ", "no layers of"),
    ("{axes: {cell: [Dense]}}", "studies.s.axes.cell: ", "Dense is no recurrent layer"),
    ("{axes: {units: [3], layers: [[5]]}}", "studies.s.axes: ", "cannot be combined"),
    ("{axes: {epochs: [1], optimizer: [5], learning_rate: [1]}}", "studies.s.axes: ", "cannot be"),
    (
        "{axes: {dataset: [unvalidated], learning_rate: [1]}}",
        "studies.s.'dataset unvalidated, learning_rate 1': ",
        "unvalidated has no validation part, on which learning_rate is chosen; allowed: tune: []",
    ),
    (
        f"{{axes: {{epochs: {MANY}, batch_size: {MANY}}}, replicates: 11}}",
        "studies.s.axes: ",
        f"110,000 trainings; allowed: up to {MAX_TRAININGS:,}",
    ),
]


@pytest.mark.parametrize(("study", "key", "problem"), ERRORS)
def test_an_error_is_explained_at_its_key(
    tmp_path: Path, study: str, key: str, problem: str
) -> None:
    (line,) = errors(tmp_path, study)
    assert line.startswith(key)
    assert problem in line


def test_a_rate_is_not_chosen_where_nothing_is_tuned(tmp_path: Path) -> None:
    axes = "{dataset: [unvalidated], learning_rate: [1]}"
    assert len(trials(tmp_path, f"{{axes: {axes}, tune: []}}")) == 1


def test_combinations_with_the_same_error_report_it_once(tmp_path: Path) -> None:
    lines = errors(tmp_path, "{axes: {epochs: [0, -1, 1], batch_size: [1, 2]}}")
    assert [line.split(";")[0] for line in lines] == [
        "studies.s.'epochs 0, batch_size 1'.epochs: got 0",
        "studies.s.'epochs -1, batch_size 1'.epochs: got -1",
    ]


def test_the_errors_of_all_studies_are_reported_at_once(tmp_path: Path) -> None:
    lines = errors(tmp_path, "{axes: {epochs: [0]}}", other="{axes: {cell: [Dense]}}")
    assert [line.split(":")[0] for line in lines] == [
        "studies.s.'epochs 0'.epochs",
        "studies.other.axes.cell",
    ]


@pytest.mark.parametrize(
    ("study", "key", "problem"),
    [
        ("{axes: {cell: [LSTM], parameters: [5]}}", "studies.s.'cell LSTM, parameters 5': ", "16"),
        ("{axes: {compute: [5]}}", "studies.s.'compute 5': ", "more than 5"),
        (
            "{variant: text, axes: {compute: [900]}}",
            "studies.s.'compute 900': ",
            "no equal compute",
        ),
        ("{axes: {learning_rate: [-1]}}", "studies.s.'learning_rate -1'.optimizer", "above 0"),
        ("{axes: {layers.0.LSTM.units: [x]}}", "studies.s.'layers.0.LSTM.units x'.layers", "units"),
        ("{axes: {cell: [{LSTM: {dropuot: 1}}]}}", "studies.s.", "did you mean 'dropout'?"),
    ],
)
def test_the_libraries_check_each_combination(
    tmp_path: Path, study: str, key: str, problem: str
) -> None:
    params_of(tmp_path, study)
    (line,) = errors(tmp_path, study, ask=True)
    assert line.startswith(key)
    assert problem in line


def test_the_libraries_accept_what_fits(tmp_path: Path) -> None:
    study = "{axes: {cell: [GRU, SimpleRNN], parameters: [40], bidirectional: [true, false]}}"
    found = params_of(tmp_path, study, ask=True, text="{variant: text, axes: {parameters: [40]}}")
    assert json.loads(json.dumps(found.sections["studies"]["s"]["axes"]["parameters"])) == [40]
