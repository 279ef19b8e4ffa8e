"""A recurrent network in plain NumPy: binary classification of word ids.

It follows the tutorial "RNN from scratch" (32 units, window 10, SGD 0.01, batches of 32, 20
epochs) with one correction: the tutorial's backward pass multiplies by the recurrent matrix
instead of its transpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from rnnbench.data.roles import RECURRENT
from rnnbench.models.base import Architecture, VariantSettings

if TYPE_CHECKING:
    from rnnbench.models.numpy_rnn.model import Model


class Settings(VariantSettings):
    """A variant with one recurrent layer and a sigmoid output.

    units: the size of the hidden state.
    window: the number of last steps through which gradients are propagated, at most all.
    learning_rate: the learning rate of plain gradient descent.
    epochs: the number of passes over the training samples.
    batch_size: the number of samples of one gradient step.
    """

    units: int = Field(ge=1)
    window: int = Field(ge=1)
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)


def model_class() -> type[Model]:
    """The class of the models."""
    from rnnbench.models.numpy_rnn.model import Model

    return Model


def role(settings: Settings) -> str:  # noqa: ARG001 - the same for all
    """One of `rnnbench.data.roles`."""
    return RECURRENT


def describe(settings: Settings) -> Architecture:
    """The architecture, with the keys of the Keras family, and the window."""
    return {
        "cell": "SimpleRNN",
        "units": settings.units,
        "recurrent_layers": 1,
        "bidirectional": False,
        "layers": f"SimpleRNN({settings.units})",
        "optimizer": "SGD",
        "learning_rate": settings.learning_rate,
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "window": settings.window,
    }
