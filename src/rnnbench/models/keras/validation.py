"""Errors in the layers and the optimizer of a variant, found by asking Keras."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, child, shown, unexpected, unknown
from rnnbench.models.keras import custom
from rnnbench.models.keras.network import (
    WRAPPED,
    custom_classes,
    layer,
    name_and_arguments,
    optimizer,
    schedule,
)
from rnnbench.models.keras.runtime import keras_errors, load_backend

# Abstract, or built from objects and code that YAML cannot express.
_NOT_PLAIN = {
    *("InputLayer", "Layer", "Wrapper", "RNN", "StackedRNNCells", "Lambda", "TFSMLayer"),
    *("GRUCell", "LSTMCell", "SimpleRNNCell", "FlaxLayer", "JaxLayer", "TorchModuleWrapper"),
    *("Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap", "LearningRateSchedule"),
}
# Layers with several inputs do not fit a list of layers; preprocessing is done by the datasets.
_OTHER_LAYERS = re.compile(r"keras\.src\.layers\.(attention|merging|preprocessing)\.")

# The largest number of float32, in which Keras computes; NaN is not below it either.
_LARGEST = 3.4e38
# The names that TensorFlow takes for the scope of an operation.
_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Steps of which the learning rate of a schedule is tried, besides those next to its own numbers.
_STEPS = {0, 1, 10_000}
_MAX_STEP = 10**9

# What Keras checks not at all or too late: is a number valid, and what should it be?
_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "units": (lambda v: isinstance(v, int) and v > 0, "a positive integer"),
    "learning_rate": (lambda v: v > 0, "a finite number above 0"),
    "ema_overwrite_frequency": (lambda v: isinstance(v, int) and v > 0, "a positive integer"),
    "gradient_accumulation_steps": (lambda v: isinstance(v, int) and v > 1, "an integer above 1"),
    **dict.fromkeys(
        ("clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor"),
        (lambda v: v > 0, "a number above 0"),
    ),
    **dict.fromkeys(
        ("weight_decay", "adam_weight_decay", "epsilon"),
        (lambda v: v >= 0, "a number of 0 or more"),
    ),
    # A rate of 1 leaves nothing to learn from; a momentum of 1 never follows what it averages.
    **dict.fromkeys(
        (
            *("rate", "dropout", "recurrent_dropout", "momentum", "renorm_momentum"),
            *("beta_1", "beta_2", "adam_beta_1", "adam_beta_2", "rho", "ema_momentum"),
        ),
        (lambda v: 0 <= v < 1, "a number from 0 to below 1"),
    ),
}
# Likewise for arguments that are no numbers.
_OTHERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (
        lambda v: isinstance(v, str) and _SCOPE.fullmatch(v) is not None,
        "a name of letters (A to Z), digits and . _ - that begins with a letter or digit",
    ),
    # With others, weights stay as they are, or results depend on the processor.
    "dtype": (lambda v: v == "float32", "float32"),
    "use_cudnn": (lambda v: v in ("auto", False), "false or auto, as no GPU is used"),
    "exclude_layers": (lambda v: isinstance(v, list), "a list of names"),
    "boundaries": (
        lambda v: isinstance(v, list) and all(map(_is_number, v)) and v == sorted(set(v)),
        "a list of ascending numbers",
    ),
    "values": (lambda v: isinstance(v, list) and all(map(_is_number, v)), "a list of numbers"),
}


def _structure(value: Any) -> Any:
    single = isinstance(value, dict) and len(value) == 1
    ((name, arguments),) = value.items() if single else ((value, {}),)
    arguments = {} if arguments is None else arguments
    if not (
        isinstance(name, str)
        and isinstance(arguments, dict)
        and all(isinstance(argument, str) for argument in arguments)
    ):
        raise ValueError(f"got {shown(value)}, expected Name or {{Name: {{argument: value}}}}")
    if custom.is_reference(name) and (problem := custom.reference_error(name)):
        raise ValueError(problem)
    for inner in WRAPPED & arguments.keys():
        _structure(arguments[inner])
    if isinstance(rate := arguments.get("learning_rate"), dict):
        _schedule_structure(rate)
    return value


def _schedule_structure(value: dict[Any, Any]) -> None:
    name, arguments = value.get("class_name"), value.get("config")
    if not (len(value) == 2 and isinstance(name, str) and isinstance(arguments, dict)):
        expected = "a number or {class_name: Name, config: {argument: value}}"
        raise ValueError(f"got the learning_rate {shown(value)}, expected {expected}")


Kind = Literal["layer", "optimizer", "schedule"]
# A layer or an optimizer of params.yaml, of which only the structure is validated.
Spec = Annotated[Any, AfterValidator(_structure)]


@cache
def keras_classes(kind: Kind) -> dict[str, type]:
    """The classes of Keras that params.yaml can name."""
    _, keras = load_backend()
    schedules = keras.optimizers.schedules
    module, base = {
        "layer": (keras.layers, keras.Layer),
        "optimizer": (keras.optimizers, keras.Optimizer),
        "schedule": (schedules, schedules.LearningRateSchedule),
    }[kind]
    return {
        name: value
        for name in dir(module)
        if inspect.isclass(value := getattr(module, name))
        and issubclass(value, base)
        and name not in _NOT_PLAIN
        and not _OTHER_LAYERS.match(value.__module__)
    }


@cache
def keras_arguments(cls: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class and of its bases, which receive its ``**kwargs``."""
    found: dict[str, inspect.Parameter] = {}
    is_custom = cls.__module__.partition(".")[0] != "keras"
    for init in (vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)):
        inherited, parameters = bool(found), inspect.signature(init).parameters
        for name, parameter in parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            # A subclass passes what its base requires, such as the cell of an RNN, by itself.
            if not (is_custom and inherited and parameter.default is parameter.empty):
                found.setdefault(name, parameter)
        if is_custom and all(p.kind != p.VAR_KEYWORD for p in parameters.values()):
            break
    del found["self"]
    return found


def _class(kind: Kind, name: str, key: str) -> type:
    """The class of this name; raises ParamsError if there is none, with the error at `key`."""
    if kind == "layer" and custom.is_reference(name):
        return custom.find_class(name, key, custom.project_root())
    classes = keras_classes(kind)
    if name not in classes:
        problem = f"Keras has no {kind} {shown(name)} to use here"
        raise ParamsError("params.yaml", [unknown(key, problem, name, classes)])
    return classes[name]


def layer_arguments(name: str, key: str) -> list[str]:
    """The names of all arguments of a layer at `key`; raises ParamsError if there is no such."""
    return list(keras_arguments(_class("layer", name, key)))


def check_spec(kind: Kind, spec: Any, key: str) -> list[ErrorDetail]:
    """All errors in a layer or an optimizer at `key`, in Keras's words where about values.

    The file of a layer of the project is looked up from the working directory.
    """
    name, arguments = name_and_arguments(spec)
    return _check(kind, name, arguments, key, child(key, name))


def _check(
    kind: Kind, name: str, arguments: dict[str, Any], name_key: str, key: str
) -> list[ErrorDetail]:
    """All errors in an object of Keras: its name is at `name_key`, its arguments are at `key`."""
    try:
        cls = _class(kind, name, name_key)
    except ParamsError as error:
        return list(error.errors)
    parameters = keras_arguments(cls)
    errors = []
    for argument, value in arguments.items():
        place = child(key, argument)
        if argument not in parameters:
            problem = f"{cls.__name__} has no argument {shown(argument)}"
            errors.append(unknown(place, problem, argument, parameters))
        elif argument in WRAPPED:
            errors += check_spec("layer", value, place)
        elif argument == "learning_rate" and isinstance(value, dict):
            inner = value["class_name"], value["config"]
            errors += _check("schedule", *inner, child(place, "class_name"), f"{place}.config")
        elif expected := _expected(kind, parameters[argument], value):
            errors.append(unexpected(place, value, expected))
    if not errors:
        try:
            with keras_errors(lambda words: ParamsError("", [ErrorDetail(key, words)])):
                classes = custom_classes([{name: arguments}]) if kind == "layer" else {}
                _try(kind, name, json.dumps(arguments, default=str), tuple(classes.items()))
        except ParamsError as error:
            problem = f"got {shown(arguments)}: {error.errors[0].problem}"
            errors = [ErrorDetail(key, problem)]
    return errors


@cache
def _try(
    kind: Kind, name: str, arguments_json: str, classes: tuple[tuple[str, type], ...] = ()
) -> None:
    """Raise what Keras raises; for a schedule, also ParamsError if a rate cannot be one.

    classes: the items of `custom_classes`.
    """
    arguments = json.loads(arguments_json)
    if kind == "layer":
        layer({name: arguments}, 1, dict(classes))
    elif kind == "optimizer":
        _apply(optimizer({name: arguments}))
    else:
        rates = schedule(name, arguments)
        for step in _steps(arguments):
            rate = float(rates(step))
            if not 0 <= rate < math.inf:
                words = f"the rate of step {step} is {rate:g}, expected a finite number, 0 or more"
                raise ParamsError("", [ErrorDetail("", words)])


def _apply(built: Any) -> None:
    """Update a small matrix once, as a training would."""
    tf, keras = load_backend()
    weights = [keras.Variable([[1.0, 1.0], [1.0, 1.0]], name="kernel")]
    built.build(weights)
    built.apply([tf.ones((2, 2))], weights)


def _steps(arguments: dict[str, Any]) -> list[int]:
    """Steps at which a schedule begins or ends something, the next ones, and some others."""
    tf, _ = load_backend()
    numbers = [v for v in tf.nest.flatten(arguments) if _is_number(v)]
    # A schedule with a warm-up ends after the steps of both parts.
    edges = {round(v) + offset for v in [*numbers, sum(numbers)] for offset in (-1, 0, 1)}
    return sorted(step for step in edges | _STEPS if 0 <= step <= _MAX_STEP)


def _expected(kind: Kind, parameter: inspect.Parameter, value: Any) -> str | None:
    """What an argument should be, if `value` is wrong but Keras would accept it silently."""
    name, default = parameter.name, parameter.default
    if value is None and default is None:
        return None
    if not _is_finite(value):
        return "only finite numbers"
    or_null = ", or null" if default is None else ""
    if name in _OTHERS:
        valid, words = _OTHERS[name]
        return None if valid(value) else words + or_null
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if name in _RANGES:
        valid, words = _RANGES[name]
        return None if _is_number(value) and valid(value) else words + or_null
    if kind != "layer" or isinstance(default, float):
        return None if _is_number(value) else "a number" + or_null
    # Layers also take lists of sizes or axes.
    if isinstance(default, int) and not (_is_number(value) or isinstance(value, list)):
        return "a number"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    """Whether `value` has no number, at any depth, that is infinite, NaN or so in float32."""
    if isinstance(value, dict | list):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int | float) or abs(value) <= _LARGEST
