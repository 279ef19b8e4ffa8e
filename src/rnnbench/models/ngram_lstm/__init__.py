"""A hybrid: a recurrent network over the evidence of n-grams.

It does not read words. The linear model of `rnnbench.models.linear` weights n-grams, and a
bidirectional LSTM reads those weights in the order of the text: it corrects the sum that a linear
model takes for its prediction. Importing this package does not import TensorFlow.
"""

from __future__ import annotations

from pydantic import Field

from rnnbench.data.roles import OTHER
from rnnbench.models import linear
from rnnbench.models.base import NO_NETWORK, Architecture


class Settings(linear.Settings):
    """A hybrid variant: n-gram weights of linear models, read by a bidirectional LSTM.

    folds: the number of parts of the training samples; the evidence in each comes from a linear
        model that is fitted on the others.
    units: the size of the hidden state of the LSTM in each direction; the model is a hybrid, whose
        LSTM reads the weights of n-grams instead of words.
    dropout: the rate of dropout before the output.
    learning_rate: the learning rate of Adam.
    ema_momentum: the momentum of the moving averages of the weights, with which it predicts.
    epochs: the number of passes over the training samples.
    batch_size: the number of samples of one gradient step.
    """

    folds: int = Field(default=5, ge=2)
    units: int = Field(ge=1)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    # A network of 2,600 parameters on whole reviews had hardly left the linear model after 7 epochs
    # with Adam's default of 0.001.
    learning_rate: float = Field(default=0.01, gt=0, allow_inf_nan=False)
    ema_momentum: float = Field(default=0.99, ge=0, lt=1)
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)

    @property
    def role(self) -> str:
        """Not that of a recurrent network, which learns from words by itself: this is a hybrid."""
        return OTHER

    @property
    def architecture(self) -> Architecture:
        """Of the network; its layers begin with the linear models."""
        evidence = f"hybrid: evidence of n-grams ({super().architecture['layers']}, {self.folds=})"
        return NO_NETWORK | {
            "cell": "LSTM",
            "units": self.units,
            "recurrent_layers": 1,
            "bidirectional": True,
            "layers": f"{evidence.replace('self.', '')}, Bidirectional(LSTM({self.units})), "
            f"mean and maximum, Dropout({self.dropout})",
            "optimizer": "Adam",
            "learning_rate": self.learning_rate,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
        }
