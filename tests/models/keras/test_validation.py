from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

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


DATASETS = {
    "texts": {"corpus": "imdb", "encoding": "index", "vocabulary_size": 50, "length": 5},
    "whole": {"corpus": "imdb", "encoding": "index", "vocabulary_size": None},
    "numbers": {"corpus": "product", "split": "new"},
    "steps": {"corpus": "characters", "split": "same"},
}
EMBEDDING = {"Embedding": {"output_dim": 2}}
MASKED = {"Embedding": {"output_dim": 2, "mask_zero": True}}
UNROLLED = {"Bidirectional": {"layer": {"GRU": {"units": 1, "unroll": True}}}}
# What training alone would find.
NOISE = "layers[0].Dropout", "shape"
FIXED = [{"Dense": {"units": 1, "trainable": False}}]
STATEFUL = {"LSTM": {"units": 1, "stateful": True}}
STATE = {"GRU": {"units": 1, "return_state": True}}


def check(folder: Path, dataset: str, layers: list, optimizer: Any = "Adam", **more: Any) -> list:
    """The errors of a params.yaml with one variant."""
    variant = {"model": "keras", "dataset": dataset, "layers": layers, "optimizer": optimizer}
    sizes = {"train": 4, "evaluation": 4}
    content = yaml.safe_load(PLAN) | {
        "corpora": {"imdb": {}, "product": {"steps": 3}, "characters": {"sentence": "abcab"}},
        "datasets": {name: values | sizes for name, values in DATASETS.items()},
        "variants": {"v": variant | {"epochs": 1, "batch_size": 1} | more},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    try:
        check_params(folder / "params.yaml")
    except ParamsError as error:
        return [(error.key, str(error)) for error in error.errors]
    return []


@pytest.mark.parametrize(
    ("dataset", "layers", "key", "part"),
    [
        ("texts", [EMBEDDING, STATEFUL], "layers[1].LSTM", "stateful=True"),
        ("numbers", [STATE], "layers[0].GRU", "returns 2 outputs"),
        ("numbers", ["Flatten", {"GRU": {"units": 1}}], "layers[1].GRU", "expected ndim=3"),
        ("texts", [EMBEDDING], "layers", "one vector"),
        ("steps", [{"GRU": {"units": 1}}], "layers", "one vector per step"),
        ("texts", [{"Embedding": {"output_dim": 2, "input_dim": 49}}, "Flatten"], "layers", "50"),
        ("whole", [EMBEDDING, {"GRU": {"units": 1}}], "layers", "mask_zero"),
        ("whole", [MASKED, "GlobalMaxPooling1D"], "layers[1].GlobalMaxPooling1D", "padding"),
        ("whole", [MASKED, UNROLLED], "layers[1].Bidirectional", "too long to compile"),
        ("texts", [{"Dropout": {"rate": 0.1}}, EMBEDDING, "Flatten"], "layers[1].Embedding", "ids"),
        ("numbers", [EMBEDDING, "Flatten"], "layers[0].Embedding", "with encoding: index"),
        ("numbers", ["Flatten", {"Softmax": {"axis": 7}}], "layers[1].Softmax", "dim=7"),
        ("numbers", [{"Dropout": {"rate": 0.5, "noise_shape": [2, 7, 1]}}, "Flatten"], *NOISE),
    ],
    ids=str,
)
def test_check_finds_what_would_end_a_training_before_it_begins(
    tmp_path: Path, dataset: str, layers: list, key: str, part: str
) -> None:
    ((found, line),) = check(tmp_path, dataset, layers)
    assert found == f"variants.v.{key}"
    assert part in line


@pytest.mark.parametrize(
    ("dataset", "layers"),
    [
        ("whole", [MASKED, "GlobalAveragePooling1D"]),
        ("texts", [MASKED, "GlobalAveragePooling1D"]),
        # Any vocabulary may be this small.
        ("whole", [{"Embedding": {"output_dim": 2, "input_dim": 9, "mask_zero": True}}, "LSTM"]),
        ("numbers", ["Flatten", {"Dense": {"units": 2}}]),
        ("steps", [{"SimpleRNN": {"units": 2, "return_sequences": True}}]),
    ],
    ids=str,
)
def test_check_accepts_networks_of_every_kind_of_dataset(
    tmp_path: Path, dataset: str, layers: list
) -> None:
    layers = [{"LSTM": {"units": 2}} if layer == "LSTM" else layer for layer in layers]
    assert check(tmp_path, dataset, layers) == []


def test_check_reports_a_missing_output_layer(tmp_path: Path) -> None:
    layers = [EMBEDDING, {"LSTM": {"units": 1}}]
    ((key, line),) = check(tmp_path, "texts", layers, output_layer=False)
    assert key == "variants.v.output_layer"
    assert "probabilities; allowed: true" in line
    assert check(tmp_path, "numbers", [{"LSTM": {"units": 1}}], output_layer=False) == []


def test_a_network_without_trainable_weights_is_refused(tmp_path: Path) -> None:
    for layers in (["Flatten", "Softmax"], [{"LSTM": {"units": 1, "trainable": False}}]):
        errors = check(tmp_path, "numbers", [*layers, *FIXED], output_layer=False)
        assert [key for key, _ in errors] == ["variants.v.layers"]
        assert "no trainable weights" in errors[0][1]
        assert check(tmp_path, "numbers", layers) == []


def decay(name: str = "ExponentialDecay", **config: Any) -> dict:
    defaults = {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9}
    values = defaults | config if name == "ExponentialDecay" else config
    return {"SGD": {"learning_rate": {"class_name": name, "config": values}}}


WARMUP = {
    "name": "CosineDecay",
    "initial_learning_rate": 1,
    "decay_steps": 12_000,
    "warmup_steps": 15_000,
}
STEPS = {"name": "PiecewiseConstantDecay", "values": [1, 0.1, 0.01]}


@pytest.mark.parametrize(
    "optimizer",
    [
        decay(),
        decay(initial_learning_rate=1, staircase=True),
        decay("PiecewiseConstantDecay", boundaries=[3, 7], values=[1, 0.1, 0.01]),
        decay(
            "CosineDecay",
            initial_learning_rate=0,
            decay_steps=9,
            warmup_target=0.1,
            warmup_steps=3,
        ),
        decay("PiecewiseConstantDecay", boundaries=[10**12], values=[1, 0]),
    ],
    ids=str,
)
def test_schedules_of_keras_are_valid(optimizer: dict) -> None:
    assert check_spec("optimizer", optimizer, "o") == []


@pytest.mark.parametrize(
    ("optimizer", "key", "part"),
    [
        (decay("ExpDecay"), ".class_name", "did you mean 'ExponentialDecay'?"),
        (decay("LearningRateSchedule"), ".class_name", "to use here"),
        (decay(decay_stps=1), ".config.decay_stps", "did you mean 'decay_steps'?"),
        (decay(decay_rate="a"), ".config.decay_rate", "expected a number"),
        (decay("InverseTimeDecay"), ".config", "missing 3 required"),
        (decay(decay_steps=0), ".config", "must be > 0"),
        (decay(initial_learning_rate=-1), ".config", "the rate of step 0 is -1, expected a finite"),
        (decay(decay_rate=2), ".config", "the rate of step 10000 is inf"),
        (decay(decay_rate=None), ".config.decay_rate", "got null, expected a number"),
        (decay(decay_rate=[0.9]), ".config.decay_rate", "expected a number"),
        (decay(decay_steps=math.inf), ".config.decay_steps", "only finite numbers"),
        (decay(**WARMUP, warmup_target=-0.1), ".config", "the rate of step 14999 is -0.09"),
        (decay(**WARMUP, warmup_target=1, alpha=-1), ".config", "the rate of step 27000 is -1"),
        (decay(**STEPS, boundaries=[7, 3]), ".config.boundaries", "a list of ascending numbers"),
        (decay(**STEPS, boundaries=[3, math.inf]), ".config.boundaries", "only finite numbers"),
        (decay(**STEPS, boundaries=[3, "a"]), ".config.boundaries", "ascending numbers"),
        (
            decay("PiecewiseConstantDecay", boundaries=[30], values=[1, -1]),
            ".config",
            "the rate of step 31 is -1",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_schedule_is_reported_under_its_key(
    optimizer: dict, key: str, part: str
) -> None:
    (error,) = check_spec("optimizer", optimizer, "o")
    assert error.key == f"o.SGD.learning_rate{key}"
    assert part in str(error)


@pytest.mark.parametrize("rate", [{}, {"class_name": "CosineDecay"}, {"ExponentialDecay": {}}])
def test_a_learning_rate_that_is_no_schedule_is_reported(tmp_path: Path, rate: dict) -> None:
    layers = [EMBEDDING, "Flatten"]
    ((key, line),) = check(tmp_path, "texts", layers, {"Adam": {"learning_rate": rate}})
    assert key == "variants.v.optimizer"
    assert "expected a number or {class_name: Name, config: {argument: value}}" in line


def constant(value: float) -> dict:
    return {"class_name": "Constant", "config": {"value": value}}


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
        {"Dense": {"units": 2, "bias_initializer": constant(1), "dtype": None, "name": "a-1.b_C"}},
        {"GRU": {"units": 1, "use_cudnn": False}},
        {"Dropout": {"rate": 0}},
        {"MaxPooling1D": {"pool_size": [3]}},
        {"LSTM": {"units": 1, "zero_output_for_mask": True, "dtype": "float32", "dropout": 0}},
        {"Dropout": {"rate": 0.9, "noise_shape": [None, None, 1]}},
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
        ({"LSTM": {"units": 1, "dropout": 20}}, "LSTM.dropout", "from 0 to below 1"),
        ({"LSTM": {"units": 1, "cell": 1}}, "LSTM", "'cell'"),
        ({"Embedding": {"output_dim": 0}}, "Embedding", "must be a positive integer"),
        ({"RepeatVector": {"n": 1.5}}, "RepeatVector", "Expected an integer"),
        ({"Dropout": {"rate": 1}}, "Dropout.rate", "got 1, expected a number from 0 to below 1"),
        ({"AlphaDropout": {"rate": None}}, "AlphaDropout.rate", "got null, expected a number"),
        ({"GRU": {"units": 1, "recurrent_dropout": 1.0}}, "GRU.recurrent_dropout", "below 1"),
        ({"BatchNormalization": {"momentum": 1}}, "BatchNormalization.momentum", "below 1"),
        ({"Dropout": {"rate": 0.1, "name": 3}}, "Dropout.name", "expected a name of letters"),
        ({"Dense": {"units": 1, "name": "a b:é"}}, "Dense.name", "digits and . _ -"),
        ({"Dense": {"units": 1, "name": "a\\b"}}, "Dense.name", "digits and . _ -"),
        ({"Dense": {"units": 1, "dtype": "bfloat16"}}, "Dense.dtype", "expected float32"),
        ({"Flatten": {"dtype": {"class_name": "DTypePolicy"}}}, "Flatten.dtype", "float32"),
        ({"LSTM": {"units": 1, "use_cudnn": True}}, "LSTM.use_cudnn", "no GPU is used"),
        ({"Masking": {"mask_value": "a"}}, "Masking.mask_value", "expected a number"),
        ({"Masking": {"mask_value": None}}, "Masking.mask_value", "expected a number"),
        ({"LeakyReLU": {"negative_slope": [0.1]}}, "LeakyReLU.negative_slope", "a number"),
        ({"Softmax": {"axis": {"a": 1}}}, "Softmax.axis", "expected a number"),
        ({"ReLU": {"max_value": math.nan}}, "ReLU.max_value", "got nan, expected only finite"),
        ({"Masking": {"mask_value": 10**400}}, "Masking.mask_value", "only finite numbers"),
        (
            {"Dense": {"units": 1, "bias_initializer": constant(math.inf)}},
            "Dense.bias_initializer",
            "only finite numbers",
        ),
        (
            {"TimeDistributed": {"layer": {"Dense": {"units": 1, "kernel_initializer": [1e39]}}}},
            "TimeDistributed.layer.Dense.kernel_initializer",
            "only finite numbers",
        ),
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
        *(("learning_rate", v) for v in (0, -1.0, math.inf, math.nan, True, "0.1", None)),
        *(("beta_1", v) for v in ("a", 1, -0.1, None, [0.9], {"a": 1})),
        *(("epsilon", v) for v in (None, math.nan, -1)),
        *(("clipnorm", v) for v in ("a", 0, -1)),
        *(("clipvalue", 0), ("global_clipnorm", [1]), ("loss_scale_factor", 0)),
        *(("weight_decay", -0.1), ("ema_momentum", 1)),
        *(("ema_overwrite_frequency", v) for v in (0, 1.5, True)),
        *(("gradient_accumulation_steps", v) for v in (0, 1, 2.5)),
        *(("use_ema", "no"), ("learning_rte", 1), ("name", "a b:é")),
    ],
)
def test_wrong_values_of_an_optimizer_are_reported(argument: str, value: Any) -> None:
    (error,) = check_spec("optimizer", {"Adam": {argument: value}}, "o")
    assert error.key == f"o.Adam.{argument}"


@pytest.mark.parametrize(
    "optimizer",
    [
        {"Adam": {"clipnorm": 1, "weight_decay": 0, "beta_1": 0, "name": "a"}},
        {"Adam": {"use_ema": True, "ema_overwrite_frequency": 1, "clipvalue": None}},
        {"SGD": {"momentum": 0.9, "gradient_accumulation_steps": 2, "loss_scale_factor": 8}},
        {"Muon": {"exclude_layers": ["output"]}},
    ],
    ids=str,
)
def test_sensible_values_of_an_optimizer_are_valid(optimizer: dict) -> None:
    assert check_spec("optimizer", optimizer, "o") == []


def test_optimizers_are_applied() -> None:
    (error,) = check_spec("optimizer", {"Muon": {"exclude_layers": [3]}}, "o")
    assert str(error).startswith("o.Muon: got {'exclude_layers': [3]}: Keras: ")
    (error,) = check_spec("optimizer", {"Muon": {"exclude_layers": "output"}}, "o")
    assert str(error) == "o.Muon.exclude_layers: got 'output', expected a list of names, or null"


def test_applying_an_optimizer_leaves_the_random_state() -> None:
    tf, keras = load_backend()
    drawn = []
    for seed in (0, 0.5):
        keras.utils.set_random_seed(1)
        if seed:
            assert check_spec("optimizer", {"Adam": {"beta_1": seed}}, "o") == []
        drawn.append((float(tf.random.uniform(())), float(keras.random.uniform(()))))
    assert drawn[0] == drawn[1]


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
