from __future__ import annotations

import inspect
from typing import Any

import pytest

from rnnbench.models.keras import source
from rnnbench.models.keras import validation as names
from rnnbench.models.keras.runtime import start
from rnnbench.models.keras.validation import check_layers, check_optimizer

# Set up as for training: whoever uses TensorFlow first decides the number of its threads.
_, keras = start()

CLASSES = [(f, name) for f in ("layers", "optimizers") for name in names.public(f)]
VARIADIC = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def signature(cls: Any) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(cls.__init__).parameters
    return {n: p for n, p in parameters.items() if n != "self" and p.kind not in VARIADIC}


def told(layer: Any) -> list[str]:
    return [str(mistake) for mistake in check_layers([layer], "k")]


@pytest.mark.parametrize(("folder", "name"), CLASSES)
def test_arguments_agree_with_keras(folder: str, name: str) -> None:
    cls = getattr(getattr(keras, folder), name)
    real, read = signature(cls), names.arguments(folder, name)
    assert list(read)[: len(real)] == list(real)
    assert {n for n, a in read.items() if a.required} == {
        n for n, p in real.items() if p.default is p.empty
    }
    of_bases = {n for base in cls.__mro__[1:-1] for n in signature(base)}
    assert set(read) - set(real) <= of_bases
    assert {"name"} <= set(read)


@pytest.mark.parametrize(("folder", "name"), CLASSES)
def test_defaults_are_valid(folder: str, name: str) -> None:
    parameters = signature(getattr(getattr(keras, folder), name))
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    check = check_optimizer if folder == "optimizers" else lambda raw, key: check_layers([raw], key)
    # A default that no YAML holds, such as the dtype of a backend, is nothing to check.
    plain = {
        n: d for n, d in defaults.items() if d is None or isinstance(d, bool | int | float | str)
    }
    missing = "which is missing"
    assert [m for m in check({name: plain}, "k") if missing not in m.problem] == []


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        ("LSTM", {"units": 1, "zero_output_for_mask": True, "trainable": False}),
        ("Conv1D", {"filters": 1, "kernel_size": 1, "lora_rank": 1, "dtype": "float32"}),
        ("MaxPooling1D", {"pool_size": 1, "autocast": False}),
    ],
)
def test_arguments_of_bases_are_taken_by_keras(layer: str, arguments: dict[str, Any]) -> None:
    assert told({layer: arguments}) == []
    getattr(keras.layers, layer)(**arguments)


@pytest.mark.parametrize("argument", ["input_shape", "rank", "cell", "pool_mode"])
@pytest.mark.parametrize("layer", ["LSTM", "Conv1D", "MaxPooling1D"])
def test_arguments_that_bases_keep_to_themselves(layer: str, argument: str) -> None:
    assert argument not in names.arguments("layers", layer)


@pytest.mark.parametrize("kind", list(source.NAMED))
def test_named_values_are_taken_by_keras(kind: str) -> None:
    folder = source.NAMED[kind]
    package, found = getattr(keras, folder), names.public(folder)
    taken = set()
    for name in found:
        needed = [n for n, a in names.arguments(folder, name).items() if a.required]
        if needed:
            given: Any = {"class_name": name, "config": dict.fromkeys(needed, 1)}
        else:
            given = name
        assert list(names._check_named(folder, given, "k")) == []
        if callable(package.get(given)):
            taken.add(name)
    assert taken == set(found)


def test_common_names_are_offered() -> None:
    layers = {
        "Embedding",
        "SimpleRNN",
        "LSTM",
        "GRU",
        "Bidirectional",
        "Dense",
        "Conv1D",
        "Dropout",
    }
    assert layers <= set(names.public("layers"))
    assert {"Adam", "SGD", "RMSprop"} <= set(names.public("optimizers"))
    assert {"tanh", "relu"} <= set(names.public("activations"))
    assert "glorot_uniform" in names.public("initializers")


@pytest.mark.parametrize(
    "name", ["Layer", "Wrapper", "RNN", "LSTMCell", "Lambda", "Add", "Attention", "add", "Input"]
)
def test_layers_that_yaml_cannot_declare(name: str) -> None:
    assert told(name)[0].startswith(f"k[0]: Keras has no layer '{name}' to use here; allowed: ")


@pytest.mark.parametrize(
    "layer",
    [
        "Flatten",
        {"Flatten": None},
        {"Flatten": {}},
        {"Embedding": {"output_dim": 3}},
        {"Embedding": {"input_dim": 9, "output_dim": 3, "mask_zero": True}},
        {"Dense": {"units": 2, "activation": None, "use_bias": False}},
        {"Dense": {"units": 2, "kernel_regularizer": "l2", "kernel_constraint": "NonNeg"}},
        {
            "Dense": {
                "units": 2,
                "kernel_initializer": {"class_name": "Constant", "config": {"value": 1}},
            }
        },
        {"Dropout": {"rate": 0}},
        {"Dropout": {"rate": 1}},
        {"Conv1D": {"filters": 2, "kernel_size": [3]}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 2}}, "backward_layer": None}},
        {"TimeDistributed": {"layer": "Flatten"}},
    ],
)
def test_valid_layers(layer: Any) -> None:
    assert told(layer) == []


@pytest.mark.parametrize(
    ("layer", "start"),
    [
        (5, "k[0]: got 5, expected one layer"),
        (None, "k[0]: got null, expected one layer"),
        ({}, "k[0]: got {}, expected one layer"),
        (
            {"Flatten": {}, "Dense": {}},
            "k[0]: got {'Dense': {}, 'Flatten': {}}, expected one layer",
        ),
        ({1: {}}, "k[0]: got {1: {}}, expected one layer"),
        ({"LSTM": 8}, "k[0].LSTM: got 8, expected a mapping of arguments (units, "),
        ("LSTM", "k[0].LSTM.units: LSTM needs 'units', which is missing"),
        ("Embedding", "k[0].Embedding.output_dim: Embedding needs 'output_dim', which is missing"),
        ({"LSTM": {"units": 0}}, "k[0].LSTM.units: got 0, expected a positive integer"),
        ({"LSTM": {"units": -3}}, "k[0].LSTM.units: got -3, expected a positive integer"),
        ({"LSTM": {"units": 8.0}}, "k[0].LSTM.units: got 8.0, expected a positive integer"),
        ({"LSTM": {"units": True}}, "k[0].LSTM.units: got true, expected a positive integer"),
        ({"LSTM": {"units": "8"}}, "k[0].LSTM.units: got '8', expected a positive integer"),
        ({"LSTM": {"units": None}}, "k[0].LSTM.units: got null, expected a positive integer"),
        ({"LSTM": {"units": 1, 2: 3}}, "k[0].LSTM[2]: LSTM has no argument 2; allowed: units, "),
        (
            {"LSTM": {"units": 1, "use_bias": 1}},
            "k[0].LSTM.use_bias: got 1, expected true or false",
        ),
        ({"Embedding": {"output_dim": 0}}, "k[0].Embedding.output_dim: got 0, expected a positive"),
        ({"RepeatVector": {"n": 1.5}}, "k[0].RepeatVector.n: got 1.5, expected an integer"),
        ({"Dropout": {"rate": 1.01}}, "k[0].Dropout.rate: got 1.01, expected a number from 0 to 1"),
        ({"Dropout": {"rate": -0.1}}, "k[0].Dropout.rate: got -0.1, expected a number from 0 to 1"),
        ({"Dropout": {"rate": float("nan")}}, "k[0].Dropout.rate: got nan, expected a number from"),
        ({"Dropout": {"rate": False}}, "k[0].Dropout.rate: got false, expected a number from 0"),
        (
            {"LeakyReLU": {"negative_slope": "a"}},
            "k[0].LeakyReLU.negative_slope: got 'a', expected",
        ),
        (
            {"LeakyReLU": {"negative_slope": 10**400}},
            "k[0].LeakyReLU.negative_slope: got 1000",
        ),
        ({"Dropout": {"rate": 0.1, "name": 3}}, "k[0].Dropout.name: got 3, expected a text"),
        (
            {"TimeDistributed": {"layer": {"Dense": {"unit": 1, "units": 1}}}},
            "k[0].TimeDistributed.layer.Dense.unit: Dense has no argument 'unit'",
        ),
        (
            {"Dense": {"units": 1, "activation": "tann"}},
            "k[0].Dense.activation: got 'tann', expected the name of one of Keras's activations",
        ),
        (
            {"Dense": {"units": 1, "bias_initializer": "Constant"}},
            "k[0].Dense.bias_initializer.value: Constant needs 'value', which is missing",
        ),
        (
            {
                "Dense": {
                    "units": 1,
                    "bias_initializer": {"class_name": "RandomNormal", "config": {"stdev": 1}},
                }
            },
            "k[0].Dense.bias_initializer.config.stdev: RandomNormal has no argument 'stdev'",
        ),
        (
            {"Dense": {"units": 1, "bias_initializer": {"class_name": ["zeros"]}}},
            "k[0].Dense.bias_initializer: got {'class_name': ['zeros']}, expected the name",
        ),
        (
            {"Dense": {"units": 1, "kernel_regularizer": "l3"}},
            "k[0].Dense.kernel_regularizer: got 'l3', expected the name of one of Keras's regul",
        ),
    ],
)
def test_one_mistake(layer: Any, start: str) -> None:
    (line,) = told(layer)
    assert line.startswith(start)


@pytest.mark.parametrize("given", [0, -1.0, float("inf"), float("nan"), True, "0.1", None, 10**400])
def test_learning_rate(given: Any) -> None:
    (mistake,) = check_optimizer({"Adam": {"learning_rate": given}}, "o")
    assert mistake.key == "o.Adam.learning_rate"
    assert mistake.problem.endswith("expected a finite number above 0")


@pytest.mark.parametrize(
    "raw", ["Adam", {"Adam": None}, {"Adam": {"learning_rate": 1, "clipnorm": 1.0}}]
)
def test_valid_optimizer(raw: Any) -> None:
    assert check_optimizer(raw, "o") == []


def test_unknown_optimizer() -> None:
    (mistake,) = check_optimizer({"Adamm": {}}, "o")
    assert mistake.suggestion == "Adam"
    assert mistake.allowed.split(", ") == list(names.public("optimizers"))


def test_no_layers() -> None:
    assert [mistake.key for mistake in check_layers([], "k")] == ["k"]
