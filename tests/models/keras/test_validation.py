from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from rnnbench.core.errors import ParamsError
from rnnbench.models.keras.network import WRAPPED
from rnnbench.models.keras.runtime import load_backend
from rnnbench.models.keras.validation import check_spec
from rnnbench.params import check_params
from tests.frozen import PARAMS, PARAMS_FILE

PLAN = """
run: {seed: 1, replicates: 2}
corpora: {imdb: {}}
datasets:
  d: {corpus: imdb, encoding: index, vocabulary_size: 9, length: 5, train: 4, evaluation: 4}
variants:
  v: {model: keras, dataset: d, epochs: 1, batch_size: 1, optimizer: Adm,
      layers: [{LTSM: {units: 1}}, {LSTM: {unit: 1}}]}
  w: {model: keras, dataset: d, epochs: 1, batch_size: 1, optimizer: {SGD: {learning_rate: -1}},
      layers: [{Dense: {units: 1, activation: tann}}]}
  x: {model: keras, dataset: nowhere, epochs: 1, batch_size: 1, optimizer: Adam, layers: [Flatten]}
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published: {}
"""


def errors_of(layer: Any) -> list[str]:
    return [str(error) for error in check_spec("layer", layer, "k")]


def test_check_reports_the_errors_of_all_variants_at_once(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(PLAN)
    with pytest.raises(ParamsError) as caught:
        check_params(tmp_path / "params.yaml")
    errors = {error.key: error for error in caught.value.errors}
    suggestions = {key: error.suggestion for key, error in errors.items()}
    assert suggestions == {
        "variants.x.dataset": None,
        "variants.v.layers[0]": "LSTM",
        "variants.v.layers[1].LSTM.unit": "units",
        "variants.v.optimizer": "Adam",
        "variants.w.layers[0].Dense": None,
        "variants.w.optimizer.SGD.learning_rate": None,
    }
    assert "activation function identifier: tann" in errors["variants.w.layers[0].Dense"].problem
    assert "GRU, GaussianDropout" in errors["variants.v.layers[0]"].allowed


def test_check_accepts_every_variant_of_the_comparison() -> None:
    assert check_params(PARAMS_FILE) == PARAMS


@pytest.mark.parametrize(
    "layer",
    [
        "Flatten",
        {"Flatten": None},
        {"Embedding": {"output_dim": 3}},
        {"Embedding": {"input_dim": 9, "output_dim": 3, "mask_zero": True}},
        {"Dense": {"units": 2, "activation": None, "use_bias": False, "name": "a"}},
        {"Dense": {"units": 2, "kernel_regularizer": "l2", "kernel_constraint": "NonNeg"}},
        {
            "Dense": {
                "units": 2,
                "bias_initializer": {"class_name": "Constant", "config": {"value": 1}},
            }
        },
        {"LSTM": {"units": 1, "zero_output_for_mask": True, "dtype": "float32", "dropout": 0}},
        {"Dropout": {"rate": 1, "noise_shape": [None, None, 1]}},
        {"Conv1D": {"filters": 2, "kernel_size": [3], "lora_rank": 1}},
        {"LayerNormalization": {"axis": [1]}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 2}}, "merge_mode": "sum"}},
        {"TimeDistributed": {"layer": {"TimeDistributed": {"layer": "Flatten"}}}},
    ],
    ids=str,
)
def test_what_keras_accepts_is_valid(layer: Any) -> None:
    assert errors_of(layer) == []


@pytest.mark.parametrize(
    ("layer", "key", "part"),
    [
        ("LSTM", "LSTM", "missing 1 required positional argument: 'units'"),
        ({"LSTM": {"units": 0}}, "LSTM.units", "got 0, expected a positive integer"),
        ({"LSTM": {"units": 2.5}}, "LSTM.units", "got 2.5, expected a positive integer"),
        ({"LSTM": {"units": True}}, "LSTM.units", "got true, expected a positive integer"),
        ({"LSTM": {"units": 1, "use_bias": "no"}}, "LSTM.use_bias", "expected true or false"),
        ({"LSTM": {"units": 1, "dropout": 20}}, "LSTM.dropout", "a number from 0 to 1"),
        ({"LSTM": {"units": 1, "cell": 1}}, "LSTM", "'cell'"),
        ({"Embedding": {"output_dim": 0}}, "Embedding", "must be a positive integer"),
        ({"RepeatVector": {"n": 1.5}}, "RepeatVector", "Expected an integer"),
        ({"Dropout": {"rate": 1.01}}, "Dropout.rate", "got 1.01, expected a number from 0 to 1"),
        ({"Dropout": {"rate": 0.1, "name": 3}}, "Dropout", "`name` must be a string"),
        ({"Masking": {"mask_value": "a"}}, "Masking.mask_value", "expected a number"),
        (
            {"TimeDistributed": {"layer": {"Dense": {"unit": 1}}}},
            "TimeDistributed.layer.Dense.unit",
            "did you mean 'units'?",
        ),
        ({"Bidirectional": {"layer": "Flatten"}}, "Bidirectional", "Keras"),
        ({"Dense": {"units": 1, "bias_initializer": "zerros"}}, "Dense", "identifier: zerros"),
        ({"Dense": {"units": 1, "kernel_regularizer": "l3"}}, "Dense", "identifier: l3"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_layer_is_reported_under_its_key(
    layer: Any, key: str, part: str
) -> None:
    (line,) = errors_of(layer)
    assert line.startswith(f"k.{key}: ")
    assert part in line


@pytest.mark.parametrize(
    "name", ["Layer", "Wrapper", "RNN", "LSTMCell", "Lambda", "Add", "Attention", "add", "Input"]
)
def test_layers_that_yaml_cannot_express_are_refused(name: str) -> None:
    assert errors_of(name)[0].startswith(f"k: Keras has no layer '{name}' to use here; allowed: ")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("learning_rate", v) for v in (0, -1.0, float("inf"), float("nan"), True, "0.1", None)),
        *(("beta_1", "a"), ("clipnorm", "a"), ("use_ema", "no"), ("learning_rte", 1)),
    ],
)
def test_wrong_values_of_an_optimizer_are_reported(argument: str, value: Any) -> None:
    (error,) = check_spec("optimizer", {"Adam": {argument: value}}, "o")
    assert error.key == f"o.Adam.{argument}"


def test_every_default_of_keras_is_valid() -> None:
    _, keras = load_backend()
    modules = {"layer": keras.layers, "optimizer": keras.optimizers}
    for kind, module in modules.items():
        for name in check_spec(kind, "?", "k")[0].allowed.split(", "):
            parameters = inspect.signature(getattr(module, name).__init__).parameters.values()
            plain = {
                p.name: p.default
                for p in parameters
                if p.name not in WRAPPED
                and (p.default is None or isinstance(p.default, bool | int | float | str))
            }
            errors = check_spec(kind, {name: plain}, "k")
            assert all("required positional" in error.problem for error in errors), name
