"""Layers and optimizers as params.yaml writes them: ``Name`` or ``{Name: {argument: value}}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# The arguments of Keras's wrappers that are layers.
WRAPPED = frozenset({"layer", "backward_layer"})


def name_and_arguments(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of one layer or optimizer, and a copy of its arguments."""
    if isinstance(spec, str):
        return spec, {}
    ((name, arguments),) = spec.items()
    return name, dict(arguments or {})


def walk(specs: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and arguments of each layer; wrapped layers follow their wrapper."""
    for spec in specs:
        name, arguments = name_and_arguments(spec)
        yield name, arguments
        yield from walk([arguments[inner] for inner in sorted(WRAPPED & arguments.keys())])
