"""Models of Keras layers, trained with TensorFlow.

Importing this package imports neither of them; `Settings.check` and building a model do.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, child
from rnnbench.data.format import Meta
from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings
from rnnbench.models.keras import custom
from rnnbench.models.keras.network import (
    build,
    check,
    custom_classes,
    name_and_arguments,
    walk,
)
from rnnbench.models.keras.validation import Spec, check_spec

_CELLS = ("SimpleRNN", "LSTM", "GRU")


class Settings(VariantSettings):
    """A variant with Keras layers.

    layers: the layers between input and output, each ``Name`` or ``{Name: {argument: value}}``.
        Name is a layer of Keras, ``FILE.py:Class`` in a file of the project, relative to the folder
        of params.yaml, one per variant, or ``package.module:Class`` in an installed package.
    optimizer: the optimizer, in the same notation. Its learning_rate is a number, or a schedule as
        ``{class_name: Name, config: {argument: value}}``.
    epochs: the number of passes over the training samples.
    batch_size: the number of samples of one gradient step.
    adversarial_epsilon: if not 0, each step also learns with the first weights of the network, such
        as the table of an Embedding, moved by this distance to where the loss of its samples
        rises fastest (after Miyato et al. 2017, arXiv:1605.07725); it takes twice the time.
    output_layer: whether a Dense layer that fits the target is added after `layers`.
    """

    layers: list[Spec] = Field(min_length=1)
    optimizer: Spec
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    # Plain trainings do not depend on it: it is no part of what is recorded of them.
    adversarial_epsilon: float = Field(
        default=0, ge=0, allow_inf_nan=False, exclude_if=lambda epsilon: epsilon == 0
    )
    output_layer: bool = True

    @model_validator(mode="after")
    def _has_one_file(self) -> Self:
        if len(self.code) > 1:
            raise ValueError(f"the layers come from {', '.join(self.code)}, expected one file")
        return self

    @property
    def code(self) -> tuple[str, ...]:
        """The file of the project that its layers come from, if any, relative to params.yaml."""
        return tuple(sorted(set(filter(None, map(custom.project_file, self._references)))))

    @property
    def program(self) -> str:
        """Epochs and a constant learning rate are no part of it: an optimizer has a variable."""
        name, arguments = name_and_arguments(self.optimizer)
        if isinstance(arguments.get("learning_rate"), int | float):
            arguments["learning_rate"] = "constant"
        shared = self.model_dump(exclude={"replicates", "epochs"})
        return json.dumps(shared | {"optimizer": {name: arguments}})

    def requirements(self, folder: Path) -> tuple[str, ...]:
        """The installed packages that its custom layers need; their file is in `folder`."""
        return custom.requirements(self._references, folder) if self._references else ()

    @property
    def _references(self) -> list[str]:
        return [name for name, _ in walk(self.layers) if custom.is_reference(name)]

    def check(self, key: str, meta: Meta | None) -> list[ErrorDetail]:
        """The errors that Keras finds in a variant at `key`; imports Keras, which takes seconds.

        The network is built and tried if its layers are valid and `meta` is known.
        """
        errors = []
        for index, layer in enumerate(self.layers):
            errors += check_spec("layer", layer, child(f"{key}.layers", index))
        if not errors and meta is not None:
            classes = tuple(custom_classes(self.layers).items())
            found = _misfits(json.dumps(self.layers), self.output_layer, meta, classes)
            errors += [replace(error, key=f"{key}.{error.key}") for error in found]
        return errors + check_spec("optimizer", self.optimizer, f"{key}.optimizer")

    @property
    def architecture(self) -> Architecture:
        """Recurrent cells, their units and number, optimizer and so on."""
        layers = list(walk(self.layers))
        recurrent = [
            (name.rpartition(":")[2], arguments)
            for name, arguments in layers
            if name in _CELLS or (custom.is_reference(name) and "units" in arguments)
        ]
        optimizer, arguments = name_and_arguments(self.optimizer)
        return NO_NETWORK | {
            "cell": "+".join(sorted({name for name, _ in recurrent})) or "none",
            "units": max((a.get("units", 0) for _, a in recurrent), default=0),
            "recurrent_layers": len(recurrent),
            "bidirectional": any(name == "Bidirectional" for name, _ in layers),
            "layers": str(self.layers) + ("" if self.output_layer else ", no output layer"),
            "optimizer": optimizer,
            "learning_rate": _rate(arguments.get("learning_rate", "default")),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
        }


def _rate(value: Any) -> Any:
    """A learning rate, or its schedule as a call."""
    if not isinstance(value, dict):
        return value
    arguments = (f"{name}={argument}" for name, argument in value["config"].items())
    return f"{value['class_name']}({', '.join(arguments)})"


@cache
def _misfits(
    layers: str, output_layer: bool, meta: Meta, classes: tuple[tuple[str, type], ...]
) -> tuple[ErrorDetail, ...]:
    """The errors in how layers, as JSON, fit each other and a dataset; many variants share them.

    classes: the items of `custom_classes`.
    """
    parsed = json.loads(layers)
    # Keras warns of lost masks, whether they matter or not.
    with warnings.catch_warnings(action="ignore"):
        try:
            check(build(parsed, meta, 0, output_layer, dict(classes)), parsed, meta)
        except ParamsError as error:
            return error.errors
    return ()
