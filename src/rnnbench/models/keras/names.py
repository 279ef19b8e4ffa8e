"""What is wrong in the layers and the optimizer of a variant, told without importing Keras.

A layer or an optimizer is declared as ``Name`` or ``{Name: {argument: value}}``.
"""

from __future__ import annotations

import re
import sys
from functools import cache

from rnnbench.errors import Mistake
from rnnbench.mistakes import child, shown, unexpected, unknown
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
    "regularizers": {"Regularizer"},
    "constraints": {"Constraint"},
}
_LOADERS = {"deserialize", "get", "serialize"}
# Layers of several inputs do not fit a list of layers; preprocessing is the datasets' part.
_OTHER_LAYERS = re.compile(r"keras\.src\.layers\.(attention|merging|preprocessing)\.")
# The model knows these from the dataset.
_FROM_DATASET = {"Embedding": {"input_dim"}}
# Wrappers hold layers, and by a YAML alias one can even hold itself.
_DEEPEST = 4


@cache
def public(folder: str) -> dict[str, tuple[str, str]]:
    """What ``keras.FOLDER`` has that params.yaml can name: module and own name by public name."""
    left_out = _LOADERS | _NOT_PLAIN.get(folder, set())
    classes = folder in ("layers", "optimizers")
    return {
        name: origin
        for name, origin in sorted(source.imports(f"keras.{folder}").items())
        if name not in left_out
        and (name[0].isupper() or not classes)
        and not _OTHER_LAYERS.match(origin[0])
    }


def arguments(folder: str, name: str) -> dict[str, Argument]:
    """The arguments of one of `public(folder)`."""
    return source.arguments(*public(folder)[name])


def check_layers(raw: list[object], key: str) -> list[Mistake]:
    """All that is wrong in a list of layers."""
    if not raw:
        return [unexpected(key, raw, "at least one layer, such as {LSTM: {units: 8}}")]
    return [
        m for place, layer in enumerate(raw) for m in _check("layers", layer, child(key, place))
    ]


def check_optimizer(raw: object, key: str) -> list[Mistake]:
    """All that is wrong in an optimizer."""
    return _check("optimizers", raw, key)


def _check(folder: str, raw: object, key: str, depth: int = 1) -> list[Mistake]:
    word = folder.removesuffix("s")
    if depth > _DEEPEST:
        return [Mistake(key, f"layers nest deeper than {_DEEPEST} levels")]
    name, given = next(iter(raw.items())) if isinstance(raw, dict) and len(raw) == 1 else (raw, {})
    if not isinstance(name, str):
        return [unexpected(key, raw, f"one {word}, as Name or {{Name: {{argument: value}}}}")]
    if name not in public(folder):
        problem = f"Keras has no {word} {shown(name)} to use here"
        return [unknown(key, problem, name, public(folder))]
    known = arguments(folder, name)
    key = child(key, name)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        return [unexpected(key, given, f"a mapping of arguments ({', '.join(known)})")]
    mistakes = [
        Mistake(child(key, argument), f"{name} needs {argument!r}, which is missing")
        for argument in known
        if known[argument].required
        and argument not in given
        and argument not in _FROM_DATASET.get(name, ())
    ]
    for argument, value in given.items():
        place = child(key, argument)
        if argument not in known:
            problem = f"{name} has no argument {shown(argument)}"
            mistakes.append(unknown(place, problem, argument, known))
        elif value is None and known[argument].nullable:
            continue
        elif known[argument].kind == source.LAYER:
            mistakes += _check("layers", value, place, depth + 1)
        else:
            mistakes += _check_value(known[argument].kind, value, place)
    return mistakes


def _check_value(kind: str, value: object, key: str) -> list[Mistake]:
    if kind in source.NAMED:
        # Keras also takes {class_name: NAME, config: {...}} for what has settings of its own.
        name = value.get("class_name") if isinstance(value, dict) else value
        names = public(source.NAMED[kind])
        if value is None or (isinstance(name, str) and name in names):
            return []
        problem = f"got {shown(value)}, expected the name of one of Keras's {source.NAMED[kind]}"
        return [unknown(key, problem, name, names)]
    return [] if _fits(kind, value) else [unexpected(key, value, kind)]


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
