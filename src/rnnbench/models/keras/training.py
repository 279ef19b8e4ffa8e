"""Whole epochs as one XLA program.

Keras's ``fit`` returns to Python after every batch; for a network of 8 units that costs as much
as the arithmetic. Here the samples stay on the device and one compiled call runs all batches of
an epoch. The steps are those of ``fit``: the same loss, gradients and optimizer, in an order
that the caller gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.keras.runtime import start

_PREDICTION_BATCH = 250


@dataclass(frozen=True)
class Score:
    """Mean loss and share of right answers over a set of samples."""

    loss: float
    accuracy: float


class Trainer:
    """Trains one network for two classes.

    network: from ids, shape (batch, length), to probabilities, shape (batch, 1).
    """

    def __init__(self, network: Any, optimizer: Any, batch_size: int) -> None:
        tf, keras = start()
        self._network, self._optimizer, self._batch_size = network, optimizer, batch_size
        self._loss = keras.losses.BinaryCrossentropy(reduction="sum")
        # Slot variables must exist before the first compiled call.
        optimizer.build(network.trainable_variables)
        self._compiled_batches = tf.function(self._batches, jit_compile=True)

    def epoch(self, x: NDArray[Any], y: NDArray[Any], order: NDArray[np.int64]) -> Score:
        """One pass over all samples in the given order; scores as the batches were met."""
        size = min(self._batch_size, len(order))
        whole = len(order) // size * size
        sums = np.zeros(2)
        for part in (order[:whole].reshape(-1, size), order[None, whole:]):
            if part.size:
                sums += self._compiled_batches(x, y, part.astype(np.int32)).numpy()
        loss, right = sums / len(order)
        return Score(float(loss), float(right))

    def finish(self) -> None:
        """Let an optimizer that averages the weights (``use_ema``) put the averages in place."""
        self._optimizer.finalize_variable_values(self._network.trainable_variables)

    def score(self, probability: NDArray[np.float32], y: NDArray[Any]) -> Score:
        """The loss and accuracy of predictions, shape (n,)."""
        loss = float(self._loss(y[:, None].astype(np.float32), probability[:, None]))
        return Score(loss / len(y), float(np.mean((probability > 0.5) == (y > 0.5))))

    def _batches(self, x: Any, y: Any, order: Any) -> Any:
        tf, _ = start()
        sums = tf.zeros(2)
        for index in tf.range(order.shape[0]):
            chosen = order[index]
            sums += self._step(tf.gather(x, chosen), tf.gather(y, chosen))
        return sums

    def _step(self, x: Any, y: Any) -> Any:
        tf, _ = start()
        target = tf.cast(y, tf.float32)[:, None]
        with tf.GradientTape() as tape:
            output = self._network(tf.cast(x, tf.int32), training=True)
            loss = self._loss(target, output)
            mean = loss / x.shape[0] + sum(self._network.losses)
            objective = self._optimizer.scale_loss(mean)
        weights = self._network.trainable_variables
        self._optimizer.apply(tape.gradient(objective, weights), weights)
        right = tf.reduce_sum(tf.cast((output > 0.5) == (target > 0.5), tf.float32))
        return tf.stack([loss, right])


class Predictor:
    """Runs one network forward over any number of samples, compiled once."""

    def __init__(self, network: Any) -> None:
        tf, _ = start()
        self._network = network
        self._compiled = tf.function(self._forward, jit_compile=True)

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Probabilities of the positive class, shape (n,), from ids of shape (n, length)."""
        short = -len(x) % _PREDICTION_BATCH
        padded = np.concatenate([x, np.zeros((short, *x.shape[1:]), x.dtype)])
        batches = padded.reshape(-1, _PREDICTION_BATCH, *x.shape[1:])
        probabilities: NDArray[np.float32] = self._compiled(batches).numpy().reshape(-1)
        return probabilities[: len(x)]

    def _forward(self, batches: Any) -> Any:
        tf, _ = start()
        return tf.map_fn(
            lambda x: self._network(tf.cast(x, tf.int32), training=False),
            batches,
            fn_output_signature=tf.float32,
        )
