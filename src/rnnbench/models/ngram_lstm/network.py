"""The network over the evidence, and its input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.ragged import Ragged
from rnnbench.models.keras.runtime import load_backend
from rnnbench.models.ngram_lstm.evidence import CHANNELS

# Of each id: a flag that it is no padding, then its evidence. The widths of padded batches are
# multiples of this.
_SLOTS = 1 + CHANNELS


def packed(x: Ragged, evidence: NDArray[np.float32]) -> Ragged:
    """Samples as `build` takes them: four int32 for each id, so that `Trainer` can pad them.

    evidence: of the ids of x, shape (total, CHANNELS). The bits of its float32 become integers.
    """
    values = np.ones((len(evidence), _SLOTS), np.int32)
    values[:, 1:] = evidence.view(np.int32)
    return Ragged(values.ravel(), x.offsets * _SLOTS)


def build(units: int, dropout: float, seed: int) -> Any:
    """A Keras model with weights drawn from `seed`, in the beginning the linear model.

    Input: `packed` samples, padded with 0, shape (batch, 4 * steps), int32.
    Output: the probability of class 1, shape (batch, 1).
    """
    _, keras = load_backend()
    layers, ops = keras.layers, keras.ops
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((None,), dtype="int32", name="packed")
    steps = layers.Reshape((-1, _SLOTS), name="steps")(inputs)
    mask = steps[..., 0] != 0
    evidence = ops.view(steps[..., 1:], "float32")

    # What each channel is multiplied by: no parameter, but saved with the others.
    scale = layers.EinsumDense(
        "btc,c->btc", (None, CHANNELS), kernel_initializer="ones", trainable=False, name="scale"
    )
    lstm = layers.LSTM(units, return_sequences=True, name="lstm")
    states = layers.Bidirectional(lstm, name="bidirectional")(scale(evidence), mask=mask)
    inside = ops.cast(mask, "float32")[..., None]
    # A text without any words has no mean.
    mean = ops.sum(states * inside, 1) / ops.maximum(ops.sum(inside, 1), 1)
    maximum = ops.max(ops.relu(states) * inside, 1)
    pooled = layers.Dropout(dropout, name="dropout")(ops.concatenate([mean, maximum], -1))

    correction = layers.Dense(1, kernel_initializer="zeros", name="output")(pooled)
    share = layers.Dense(1, use_bias=False, kernel_initializer="ones", name="share")
    logit = correction + share(ops.sum(evidence, (1, 2))[:, None])
    return keras.Model(inputs, ops.sigmoid(logit), name="network")


def start(network: Any, evidence: NDArray[np.float32], bias: float) -> None:
    """Scale the channels by their standard deviations, and begin with a linear model's bias.

    evidence: in the training samples, shape (total, CHANNELS).
    """
    deviation = evidence.std(axis=0, dtype=np.float64)
    network.get_layer("scale").kernel.assign(1 / np.where(deviation > 0, deviation, 1))
    network.get_layer("output").bias.assign([bias])
