"""The same prediction for every sample, from the training targets only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.data.roles import BASELINE
from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings

if TYPE_CHECKING:
    from rnnbench.models.constant.model import Model


class Settings(VariantSettings):
    """A variant without settings of its family."""


def model_class() -> type[Model]:
    """The class of the models."""
    from rnnbench.models.constant.model import Model

    return Model


def role(settings: Settings) -> str:  # noqa: ARG001 - nothing set
    """One of `rnnbench.data.roles`."""
    return BASELINE


def describe(settings: Settings) -> Architecture:  # noqa: ARG001 - nothing set
    """The architecture, with the keys of the Keras family."""
    return NO_NETWORK | {"layers": "constant"}
