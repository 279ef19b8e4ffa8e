"""Models of Keras layers, trained with TensorFlow.

Importing this package imports neither of them; `check` and building a model do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from rnnbench.core.validation import ErrorDetail
from rnnbench.data.roles import OTHER, RECURRENT
from rnnbench.models.base import Architecture, VariantSettings
from rnnbench.models.keras import validation
from rnnbench.models.keras.layers import name_and_arguments, walk

if TYPE_CHECKING:
    from rnnbench.models.keras.model import Model

_CELLS = ("SimpleRNN", "LSTM", "GRU")


class Settings(VariantSettings):
    """A variant with Keras layers.

    layers: the layers between input and output, each as in `validation`.
    optimizer: the optimizer, in the same notation.
    epochs: the number of passes over the training samples.
    batch_size: the number of samples of one gradient step.
    output_layer: whether a Dense layer that fits the target is added after `layers`.
    """

    layers: list[validation.Spec] = Field(min_length=1)
    optimizer: validation.Spec
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    output_layer: bool = True


def check(settings: Settings, key: str) -> list[ErrorDetail]:
    """The errors that Keras finds in a variant at `key`; imports Keras, which takes seconds."""
    return [
        *validation.check_layers(settings.layers, f"{key}.layers"),
        *validation.check_optimizer(settings.optimizer, f"{key}.optimizer"),
    ]


def model_class() -> type[Model]:
    """The class of the models."""
    from rnnbench.models.keras.model import Model

    return Model


def role(settings: Settings) -> str:
    """One of `rnnbench.data.roles`."""
    return OTHER if describe(settings)["cell"] == "none" else RECURRENT


def describe(settings: Settings) -> Architecture:
    """The architecture: recurrent cells, their units and number, optimizer and so on."""
    layers = list(walk(settings.layers))
    recurrent = [(name, arguments) for name, arguments in layers if name in _CELLS]
    optimizer, arguments = name_and_arguments(settings.optimizer)
    return {
        "cell": "+".join(sorted({name for name, _ in recurrent})) or "none",
        "units": max((a.get("units", 0) for _, a in recurrent), default=0),
        "recurrent_layers": len(recurrent),
        "bidirectional": any(name == "Bidirectional" for name, _ in layers),
        "layers": str(settings.layers) + ("" if settings.output_layer else ", no output layer"),
        "optimizer": optimizer,
        "learning_rate": arguments.get("learning_rate", "default"),
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
    }
