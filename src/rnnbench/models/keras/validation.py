"""What is wrong in the layers and the optimizer of a variant, told without importing Keras.

A layer or an optimizer is declared as ``Name`` or ``{Name: {argument: value}}``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import chain, islice

from rnnbench.core.validation import MAX_REPORTED, ErrorDetail, child, shown, unexpected, unknown
from rnnbench.models.keras import source
from rnnbench.models.keras.source import Argument

# Abstract, or built from objects and code that plain YAML values cannot express.
_NOT_PLAIN = {
    "layers": {
        *("Input", "InputLayer", "InputSpec", "Layer", "Wrapper", "RNN", "StackedRNNCells"),
        *("GRUCell", "LSTMCell", "SimpleRNNCell", "Lambda", "TFSMLayer", "FlaxLayer", "JaxLayer"),
        "TorchModuleWrapper",
    },
    "optimizers": {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"},
    "initializers": {"Initializer"},
    # Keras exports the function l1_l2, but does not take its name for a value.
    "regularizers": {"Regularizer", "l1_l2"},
    "constraints": {"Constraint"},
}
# Names that Keras takes for a value (and has as defaults), but does not export.
_ALIASES = {
    "initializers": {
        "normal": "RandomNormal",
        "one": "Ones",
        "uniform": "RandomUniform",
        "zero": "Zeros",
    },
    "regularizers": {"l1l2": "L1L2"},
}
# Made from its name, Constant finds no value, though its signature has a default.
_WITHOUT_DEFAULT = {"Constant": "value", "constant": "value"}
_LOADERS = {"deserialize", "get", "serialize"}
# Layers of several inputs do not fit a list of layers; preprocessing is the datasets' part.
_OTHER_LAYERS = re.compile(r"keras\.src\.layers\.(attention|merging|preprocessing)\.")
# The model knows these from the dataset.
_FROM_DATASET = {"Embedding": {"input_dim"}}
# Wrappers hold layers, which may be wrappers.
_DEEPEST = 4


@cache
def public(folder: str) -> dict[str, tuple[str, str]]:
    """What ``keras.FOLDER`` has that params.yaml can name: module and own name by public name."""
    left_out = _LOADERS | _NOT_PLAIN.get(folder, set())
    classes = folder in ("layers", "optimizers")
    exported = source.imports(f"keras.{folder}")
    aliases = {alias: exported[name] for alias, name in _ALIASES.get(folder, {}).items()}
    return {
        name: origin
        for name, origin in sorted((exported | aliases).items())
        if name not in left_out
        and (name[0].isupper() or not classes)
        and not _OTHER_LAYERS.match(origin[0])
    }


def arguments(folder: str, name: str) -> dict[str, Argument]:
    """The arguments of one of `public(folder)`."""
    found = source.arguments(*public(folder)[name])
    if name in _WITHOUT_DEFAULT:
        argument = _WITHOUT_DEFAULT[name]
        return found | {argument: replace(found[argument], required=True)}
    return found


def check_layers(raw: list[object], key: str) -> list[ErrorDetail]:
    """What is wrong in a list of layers: all mistakes, or the first `MAX_REPORTED`."""
    if not raw:
        return [unexpected(key, raw, "at least one layer, such as {LSTM: {units: 8}}")]
    checks = (_check("layers", layer, child(key, place)) for place, layer in enumerate(raw))
    return list(islice(chain.from_iterable(checks), MAX_REPORTED))


def check_optimizer(raw: object, key: str) -> list[ErrorDetail]:
    """What is wrong in an optimizer: all mistakes, or the first `MAX_REPORTED`."""
    return list(islice(_check("optimizers", raw, key), MAX_REPORTED))


def _check(folder: str, raw: object, key: str, depth: int = 1) -> Iterator[ErrorDetail]:
    word = folder.removesuffix("s")
    name, given = next(iter(raw.items())) if isinstance(raw, dict) and len(raw) == 1 else (raw, {})
    if depth > _DEEPEST:
        yield ErrorDetail(key, f"layers nest deeper than {_DEEPEST} levels")
    elif not isinstance(name, str):
        yield unexpected(key, raw, f"one {word}, as Name or {{Name: {{argument: value}}}}")
    elif name not in public(folder):
        problem = f"Keras has no {word} {shown(name)} to use here"
        yield unknown(key, problem, name, public(folder))
    else:
        yield from _check_arguments(folder, name, given, child(key, name), depth)


def _check_arguments(
    folder: str, name: str, given: object, key: str, depth: int = 1
) -> Iterator[ErrorDetail]:
    """All that is wrong in the arguments of one of `public(folder)`; null stands for none."""
    known = arguments(folder, name)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        yield unexpected(key, given, f"a mapping of arguments ({', '.join(known)})")
        return
    for argument in known:
        if (
            known[argument].required
            and argument not in given
            and argument not in _FROM_DATASET.get(name, ())
        ):
            yield ErrorDetail(child(key, argument), f"{name} needs {argument!r}, which is missing")
    for argument, value in given.items():
        place = child(key, argument)
        if argument not in known:
            problem = f"{name} has no argument {shown(argument)}"
            yield unknown(place, problem, argument, known)
        elif value is None and known[argument].nullable:
            continue
        elif known[argument].kind == source.LAYER:
            yield from _check("layers", value, place, depth + 1)
        elif known[argument].kind in source.NAMED:
            yield from _check_named(source.NAMED[known[argument].kind], value, place)
        elif not _fits(known[argument].kind, value):
            yield unexpected(place, value, known[argument].kind)


def _check_named(folder: str, value: object, key: str) -> Iterator[ErrorDetail]:
    """A value that names something of a package: NAME, or {class_name: NAME, config: {...}}."""
    if value is None:
        return
    name, config = value, None
    if isinstance(value, dict) and set(value) == {"class_name", "config"}:
        name, config = value["class_name"], value["config"]
        key = f"{key}.config"
    if not isinstance(name, str) or name not in public(folder):
        problem = f"got {shown(value)}, expected the name of one of Keras's {folder}"
        yield unknown(key, problem, name, public(folder))
    else:
        yield from _check_arguments(folder, name, config, key)


def _fits(kind: str, value: object) -> bool:
    if kind == source.ANY:
        return True
    if kind in (source.BOOLEAN, source.TEXT):
        return isinstance(value, bool if kind == source.BOOLEAN else str)
    # A boolean is an integer to Python, but not to whoever writes params.yaml.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind in (source.INTEGER, source.COUNT):
        return isinstance(value, int) and (kind == source.INTEGER or value > 0)
    if kind == source.RATE:
        return 0 <= value <= 1
    # Comparing, unlike math.isfinite, also takes integers that no float can hold.
    finite = abs(value) <= sys.float_info.max
    return finite and (kind != source.STEP or value > 0)
