"""The same prediction for every sample: what the training targets stage_lock achieve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.data.roles import BASELINE
from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings

if TYPE_CHECKING:
    from rnnbench.models.constant.model import Model


class Settings(VariantSettings):
    """A variant that has nothing to set."""


def model_class() -> type[Model]:
    """The class that builds, trains and loads; imports it now."""
    from rnnbench.models.constant.model import Model

    return Model


def role(settings: Settings) -> str:  # noqa: ARG001 - nothing set
    """One of `rnnbench.data.roles`."""
    return BASELINE


def describe(settings: Settings) -> Architecture:  # noqa: ARG001 - nothing set
    """The architecture as flat scalars, under the names that the Keras family uses."""
    return NO_NETWORK | {"layers": "constant"}
