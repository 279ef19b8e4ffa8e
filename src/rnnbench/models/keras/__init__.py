"""Models of Keras layers, trained with TensorFlow.

Importing this module imports neither: only what trains or predicts does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from rnnbench.errors import Mistake
from rnnbench.models.base import VariantSettings
from rnnbench.models.keras import names


class Settings(VariantSettings):
    """A variant made of Keras layers.

    layers: the layers between input and output, each as `names` describes it.
    optimizer: the optimizer, written like a layer.
    epochs: how often training goes over all samples.
    batch_size: the number of samples of one step.
    """

    layers: list[Any]
    optimizer: Any
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)


def mistakes(raw: Mapping[str, object], key: str) -> list[Mistake]:
    """What is wrong in the layers and the optimizer of a raw variant that stands at `key`.

    A missing entry, or one that is no list where one belongs, is left to `Settings`.
    """
    found = []
    layers = raw.get("layers")
    if isinstance(layers, list):
        found += names.check_layers(layers, f"{key}.layers")
    if "optimizer" in raw:
        found += names.check_optimizer(raw["optimizer"], f"{key}.optimizer")
    return found
