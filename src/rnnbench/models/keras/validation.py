"""Errors in the layers and the optimizer of a variant, found by asking Keras."""

from __future__ import annotations

import inspect
import math
import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, child, shown, unexpected, unknown
from rnnbench.models.keras.network import (
    WRAPPED,
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

# Steps of which the learning rate of a schedule is tried.
_STEPS = (0, 1, 10_000)


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
def _classes(kind: Kind) -> dict[str, type]:
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
def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class and of its bases, which receive its ``**kwargs``."""
    found: dict[str, inspect.Parameter] = {}
    for init in (vars(base)["__init__"] for base in cls.__mro__ if "__init__" in vars(base)):
        for name, parameter in inspect.signature(init).parameters.items():
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                found.setdefault(name, parameter)
    del found["self"]
    return found


def check_spec(kind: Kind, spec: Any, key: str) -> list[ErrorDetail]:
    """All errors in a layer or an optimizer at `key`, in Keras's words where about values."""
    name, arguments = name_and_arguments(spec)
    return _check(kind, name, arguments, key, child(key, name))


def _check(
    kind: Kind, name: str, arguments: dict[str, Any], name_key: str, key: str
) -> list[ErrorDetail]:
    """All errors in an object of Keras: its name is at `name_key`, its arguments are at `key`."""
    classes = _classes(kind)
    if name not in classes:
        return [unknown(name_key, f"Keras has no {kind} {shown(name)} to use here", name, classes)]
    parameters = _parameters(classes[name])
    errors = []
    for argument, value in arguments.items():
        place = child(key, argument)
        if argument not in parameters:
            problem = f"{name} has no argument {shown(argument)}"
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
                _try(kind, name, arguments)
        except ParamsError as error:
            problem = f"got {shown(arguments)}: {error.errors[0].problem}"
            errors = [ErrorDetail(key, problem)]
    return errors


def _try(kind: Kind, name: str, arguments: dict[str, Any]) -> None:
    """Raise what Keras raises; for a schedule, also ParamsError if a rate cannot be one."""
    if kind == "layer":
        layer({name: arguments}, vocabulary_size=1)
    elif kind == "optimizer":
        optimizer({name: arguments})
    else:
        rates = schedule(name, arguments)
        for step in _STEPS:
            rate = float(rates(step))
            if not 0 <= rate < math.inf:
                words = f"the rate of step {step} is {rate:g}, expected a finite number, 0 or more"
                raise ParamsError("", [ErrorDetail("", words)])


def _expected(kind: Kind, parameter: inspect.Parameter, value: Any) -> str | None:
    """What an argument should be, if `value` is wrong but Keras would accept it silently."""
    name, default = parameter.name, parameter.default
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if name == "units":
        return None if number and isinstance(value, int) and value > 0 else "a positive integer"
    if name == "learning_rate":
        valid = number and 0 < value < math.inf
        return None if valid else "a finite number above 0"
    if name in ("rate", "dropout", "recurrent_dropout"):
        return None if number and 0 <= value <= 1 else "a number from 0 to 1"
    needs_number = isinstance(default, int | float) or (kind != "layer" and name != "name")
    if isinstance(value, bool | str) and needs_number:
        return "a number"
    return None
