"""The same prediction for every sample, from the training targets only."""

from __future__ import annotations

from rnnbench.data.roles import BASELINE
from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings


class Settings(VariantSettings):
    """A variant without settings of its family."""

    @property
    def role(self) -> str:
        """A baseline."""
        return BASELINE

    @property
    def architecture(self) -> Architecture:
        """Of no network."""
        return NO_NETWORK | {"layers": "constant"}
