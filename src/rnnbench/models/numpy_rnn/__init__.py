"""A recurrent network in plain NumPy: binary classification of word ids.

It follows tutorial A of README.md (32 units, window 10, SGD 0.01, batches of 32, 20
epochs), whose backward pass multiplies by the recurrent matrix instead of its transpose. The
setting `transpose` chooses between the correct gradient and that one.
"""

from __future__ import annotations

from pydantic import Field

from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings


class Settings(VariantSettings):
    """A variant with one recurrent layer and a sigmoid output.

    units: the size of the hidden state.
    window: the number of last steps through which gradients are propagated, at most all.
    learning_rate: the learning rate of plain gradient descent.
    epochs: the number of passes over the training samples.
    batch_size: the number of samples of one gradient step.
    transpose: false for the tutorial's wrong gradient, by the recurrent matrix as it is.
    """

    units: int = Field(ge=1)
    window: int = Field(ge=1)
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    transpose: bool = True

    @property
    def architecture(self) -> Architecture:
        """Also with the window."""
        return NO_NETWORK | {
            "cell": "SimpleRNN",
            "units": self.units,
            "recurrent_layers": 1,
            "layers": f"SimpleRNN({self.units})"
            + ("" if self.transpose else ", gradient without the transpose"),
            "optimizer": "SGD",
            "learning_rate": self.learning_rate,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "window": self.window,
        }
