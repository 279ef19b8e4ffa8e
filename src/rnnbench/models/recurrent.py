"""The recurrent layers of a network: how to replace them, and how large they are.

Studies compare cells at equal size, so that units follow from a budget.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rnnbench.data.format import Meta
from rnnbench.models.keras import custom
from rnnbench.models.keras.network import build, custom_classes, name_and_arguments

_CELLS = ("SimpleRNN", "LSTM", "GRU")
_WRAPPER = "Bidirectional"
# Keras takes minutes to initialize the weights of larger layers.
_MAX_UNITS = 2**11


@dataclass(frozen=True)
class Size:
    """The size of the recurrent layers of a network.

    units: of each layer, in each direction; None if they differ.
    parameters: trainable ones.
    multiply_adds: of matrix products, for one sample and all its steps, forward; None if samples
        differ in length.
    """

    units: int | None
    parameters: int
    multiply_adds: int | None


def with_recurrent_layers(
    layers: list[Any],
    cell: Any = None,
    units: int | None = None,
    depth: int | None = None,
    bidirectional: bool | None = None,
) -> list[Any]:
    """A copy of the layers of params.yaml with other recurrent ones; None keeps what there is.

    cell: a layer as in params.yaml, without units. All recurrent layers become equal, with `units`
    in each direction. Raises ValueError unless there are recurrent layers, one after the other.
    """
    where = _neighbours(layers)
    first_name, first = name_and_arguments(layers[where[0]])
    _, last = _inner(layers[where[-1]])
    name, arguments = _inner(layers[where[0]])
    if cell is not None:
        inherited_units = arguments.get("units", 1)
        name, arguments = name_and_arguments(cell)
        arguments.setdefault("units", inherited_units)
        if not _is_recurrent(name, arguments):
            raise ValueError(f"{name} is no recurrent layer")
    if units is not None:
        arguments["units"] = units
    both = first_name == _WRAPPER if bidirectional is None else bidirectional
    wrapper = {k: v for k, v in first.items() if k not in ("layer", "backward_layer")}
    block: list[Any] = []
    for number in range(count := len(where) if depth is None else depth):
        # All but the last one must return the outputs of all steps.
        sequences = number < count - 1 or last.get("return_sequences", False)
        own = {k: v for k, v in arguments.items() if k != "return_sequences"}
        own |= {"return_sequences": True} if sequences else {}
        spec: dict[str, Any] = {name: copy.deepcopy(own)}
        inherited = wrapper if first_name == _WRAPPER else {}
        block.append({_WRAPPER: {**inherited, "layer": spec}} if both else spec)
    return [*copy.deepcopy(layers[: where[0]]), *block, *copy.deepcopy(layers[where[-1] + 1 :])]


def has_recurrent_layers(layers: list[Any]) -> bool:
    """Whether any layer is recurrent."""
    return bool(_recurrent(layers))


def size(layers: list[Any], output_layer: bool, meta: Meta) -> Size:
    """The size of the recurrent layers; imports Keras. Raises ParamsError if it rejects them."""
    classes = tuple(custom_classes(layers).items())
    return _size(json.dumps(layers), output_layer, meta, classes)


def units_for(
    budget: int,
    measure: str,
    layers_with: Callable[[int], list[Any]],
    output_layer: bool,
    meta: Meta,
) -> int:
    """The number of units whose size is nearest to a budget; of two, the smaller one.

    measure: a field of `Size`. layers_with: the layers with so many units.
    Raises ValueError if one unit is too large already, and for samples of different lengths if
    that decides the measure.
    """

    def excess(units: int) -> int:
        found = getattr(size(layers_with(units), output_layer, meta), measure)
        if found is None:
            raise ValueError("samples of different lengths have no equal compute")
        return int(found) - budget

    low, high = 1, 2
    if excess(low) > 0:
        raise ValueError(f"one unit has {excess(low) + budget:,}, more than {budget:,}")
    while excess(high) < 0:
        low, high = high, 2 * high
        if high > _MAX_UNITS:
            raise ValueError(f"{_MAX_UNITS} units have less than {budget:,}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    return min((low, high), key=lambda units: abs(excess(units)))


@cache
def _size(
    layers: str, output_layer: bool, meta: Meta, classes: tuple[tuple[str, type], ...]
) -> Size:
    parsed = json.loads(layers)
    network = build(parsed, meta, 0, output_layer, dict(classes))
    # Before them are those that Keras needs for the input.
    start = len(network.layers) - len(parsed) - output_layer
    parameters, multiply_adds = 0, 0
    ragged = False
    for index in _recurrent(parsed):
        built = network.layers[start + index]
        weights = built.trainable_weights
        parameters += sum(math.prod(weight.shape) for weight in weights)
        # The bias of a GRU is a matrix too. A mask is an input too.
        products = [w.shape for w in weights if len(w.shape) > 1 and "bias" not in w.name]
        first = built.input[0] if isinstance(built.input, list) else built.input
        steps = first.shape[1]
        ragged = ragged or steps is None
        multiply_adds += (steps or 0) * sum(map(math.prod, products))
    units = {_inner(parsed[index])[1].get("units") for index in _recurrent(parsed)}
    return Size(
        units.pop() if len(units) == 1 else None, parameters, None if ragged else multiply_adds
    )


def _recurrent(layers: list[Any]) -> list[int]:
    """The positions of the recurrent layers."""
    return [i for i, spec in enumerate(layers) if _is_recurrent(*_inner(spec))]


def _neighbours(layers: list[Any]) -> list[int]:
    """The positions of the recurrent layers; raises ValueError unless they are neighbours."""
    found = _recurrent(layers)
    if not found:
        raise ValueError("the variant has no recurrent layer")
    if found[-1] - found[0] != len(found) - 1:
        raise ValueError("other layers stand between the recurrent ones")
    return found


def _is_recurrent(name: str, arguments: dict[str, Any]) -> bool:
    return name in _CELLS or (custom.is_reference(name) and "units" in arguments)


def _inner(spec: Any) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a layer, or of the one that it runs in both directions."""
    name, arguments = name_and_arguments(spec)
    return name_and_arguments(arguments["layer"]) if name == _WRAPPER else (name, arguments)
