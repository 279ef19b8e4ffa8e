"""Ensembles of Keras networks that differ in their seeds; they predict the mean.

Importing this package does not import TensorFlow.
"""

from __future__ import annotations

from pydantic import Field

from rnnbench.models import keras
from rnnbench.models.base import Architecture


class Settings(keras.Settings):
    """An ensemble of equal networks from different seeds; it predicts the mean of their outputs.

    members: the number of networks. The first one has the seed of the replicate, so that it is the
        network that a variant of the same layers would train.
    """

    members: int = Field(ge=2, le=100)

    @property
    def architecture(self) -> Architecture:
        """Of a member; its layers begin with the number of members."""
        one = super().architecture
        return one | {"layers": f"ensemble of {self.members}: {one['layers']}"}
