"""Whole epochs as one XLA program.

Keras's ``fit`` returns to Python after every batch; for a network of 8 units that costs as much
as the arithmetic. Here the samples stay on the device and one compiled call runs all batches of
an epoch. Layers, loss, gradients and optimizer are Keras's own, and batches come in an order that
the caller gives. Samples of different lengths go to one compiled step a batch instead, which is
long enough for the call not to matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta
from rnnbench.data.ragged import Ragged
from rnnbench.models.keras import batches
from rnnbench.models.keras.runtime import start

# How many ids of whole texts go through a network at once. Back-propagation keeps the state of
# every step: about 10 KiB an id in a bidirectional LSTM of 64 units. The gradients of the pieces of
# a larger batch are added up.
_MOST_IDS = 2**15
_PREDICTION_BATCH = 250
# Whole texts are longer, and in a small batch they differ less in length.
_RAGGED_PREDICTION_BATCH = 64


class Trainer:
    """Trains one network for the target of one dataset."""

    def __init__(self, network: Any, optimizer: Any, batch_size: int, meta: Meta) -> None:
        self._network, self._optimizer = network, optimizer
        self._batch_size, self._meta = batch_size, meta
        # Slot variables must exist before the first compiled call.
        optimizer.build(network.trainable_variables)
        self._first = [variable.value.numpy() for variable in optimizer.variables]
        self._compiled_batches = _compiled(self._batches)
        self._compiled_step = _compiled(self._step)
        self._compiled_gradients = _compiled(self._gradients)
        self._compiled_apply = _compiled(self._apply)

    def epoch(
        self, x: NDArray[Any] | Ragged, y: NDArray[Any], rng: np.random.Generator
    ) -> tuple[float, float]:
        """One pass over all samples in random order; loss and accuracy as they were met."""
        order = rng.permutation(len(y))
        sums = np.zeros(2)
        if isinstance(x, Ragged):
            for rows, width in self._ragged_batches(x, order, rng):
                batch = batches.inputs(self._network, x, rows, width)
                sums += self._ragged_step(batch, y[rows]).numpy()
        else:
            size = min(self._batch_size, len(order))
            whole = len(order) // size * size
            for part in (order[:whole].reshape(-1, size), order[None, whole:]):
                if part.size:
                    sums += self._compiled_batches(x, y, part.astype(np.int32)).numpy()
        loss, right = sums / len(order)
        return float(loss), float(right)

    @property
    def variables(self) -> list[Any]:
        """What the optimizer has gathered."""
        return list(self._optimizer.variables)

    def restart(self) -> None:
        """Forget what the optimizer has gathered."""
        for variable, first in zip(self._optimizer.variables, self._first, strict=True):
            variable.assign(first)

    def finish(self) -> None:
        """Let an optimizer that averages the weights (``use_ema``) put the averages in place."""
        self._optimizer.finalize_variable_values(self._network.trainable_variables)

    def _ragged_batches(self, x: Ragged, order: NDArray[np.int64], rng: np.random.Generator) -> Any:
        if self._meta.encoding == "multi_hot":
            cuts = range(self._batch_size, len(order), self._batch_size)
            return ((rows, 0) for rows in np.split(order, cuts))
        return batches.bucketed(x, order, self._batch_size, rng)

    def _batches(self, x: Any, y: Any, order: Any) -> Any:
        tf, _ = start()

        def body(index: Any, sums: Any) -> Any:
            chosen = order[index]
            return index + 1, sums + self._step(tf.gather(x, chosen), tf.gather(y, chosen))

        count = order.shape[0]
        return tf.while_loop(lambda index, _: index < count, body, (0, tf.zeros(2)))[1]

    def _step(self, x: Any, y: Any) -> Any:
        """Update the weights; the sums of loss and right answers over the batch."""
        gradients, sums = self._gradients(x, y, 1 / x.shape[0])
        self._apply(gradients)
        return sums

    def _ragged_step(self, x: NDArray[Any], y: NDArray[Any]) -> Any:
        """The same for padded samples; of long ones, a piece of the batch at a time."""
        tf, _ = start()
        pieces = math.ceil(x.size / _MOST_IDS) if self._meta.encoding == "index" else 1
        count = min(pieces, len(x))
        if count == 1:
            return self._compiled_step(x, y)
        parts = zip(np.array_split(x, count), np.array_split(y, count), strict=True)
        share = tf.constant(1 / len(x), tf.float32)
        results = [self._compiled_gradients(part, target, share) for part, target in parts]
        gradients, sums = zip(*results, strict=True)
        self._compiled_apply([_total(list(same)) for same in zip(*gradients, strict=True)])
        return tf.add_n(list(sums))

    def _gradients(self, x: Any, y: Any, share: Any) -> tuple[list[Any], Any]:
        """Gradients of the batch's mean loss, in which each sample of x has this share."""
        tf, _ = start()
        with tf.GradientTape() as tape:
            typed = tf.cast(x, self._network.inputs[0].dtype)
            output = self._network(typed, training=True)
            losses, right = self._scores(y, output)
            mean = tf.reduce_sum(losses) * share
            penalty = sum(self._network.losses) * share * x.shape[0]
            objective = self._optimizer.scale_loss(mean + penalty)
        gradients = tape.gradient(objective, self._network.trainable_variables)
        return gradients, tf.stack([tf.reduce_sum(losses), tf.reduce_sum(right)])

    def _apply(self, gradients: list[Any]) -> None:
        self._optimizer.apply(gradients, self._network.trainable_variables)

    def _scores(self, y: Any, output: Any) -> tuple[Any, Any]:
        """The loss and the share of right answers of each sample; see `rnnbench.data.scoring`."""
        tf, keras = start()
        if self._meta.target in ("classes", "steps"):
            losses = keras.losses.sparse_categorical_crossentropy(y, output)
            right = tf.cast(tf.argmax(output, -1) == tf.cast(y, tf.int64), tf.float32)
            if self._meta.target == "steps":
                return tf.reduce_mean(losses, -1), tf.reduce_mean(right, -1)
            return losses, right
        target = tf.cast(y, tf.float32)
        if self._meta.target == "number":
            error = output[:, 0] - target
            return error**2, tf.cast(tf.abs(error) <= self._meta.tolerance, tf.float32)
        losses = keras.losses.binary_crossentropy(target[:, None], output)
        return losses, tf.cast((output[:, 0] > 0.5) == (target > 0.5), tf.float32)


def _compiled(function: Callable[..., Any]) -> Any:
    """The function as one XLA program for each shape of its arguments."""
    tf, _ = start()
    # Rewriting Python's loops would take a second a training; there are none.
    return tf.function(function, jit_compile=True, autograph=False)


def _total(gradients: list[Any]) -> Any:
    """The sum of one weight's gradients; sparse ones stay as a whole batch would give them.

    Optimizers such as Adam treat repeated ids one by one, so adding them up is not the same.
    """
    tf, _ = start()
    if not isinstance(gradients[0], tf.IndexedSlices):
        return tf.add_n(gradients)
    values = tf.concat([g.values for g in gradients], 0)
    indices = tf.concat([g.indices for g in gradients], 0)
    return tf.IndexedSlices(values, indices, gradients[0].dense_shape)


class Predictor:
    """Runs one network forward over any number of samples."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._compiled_batches = _compiled(self._batches)
        self._compiled_batch = _compiled(self._batch)

    def __call__(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """Predictions for n samples, of the shape that `rnnbench.data.scoring` tells."""
        if isinstance(x, Ragged):
            output = self._ragged(x)
        else:
            short = -len(x) % _PREDICTION_BATCH
            padded = np.concatenate([x, np.zeros((short, *x.shape[1:]), x.dtype)])
            parts = padded.reshape(-1, _PREDICTION_BATCH, *x.shape[1:])
            output = self._compiled_batches(parts).numpy().reshape(-1, *self._output)[: len(x)]
        return output[:, 0] if self._output == (1,) else output

    @property
    def _output(self) -> tuple[int, ...]:
        return tuple(self._network.output_shape[1:])

    def _ragged(self, x: Ragged) -> NDArray[np.float32]:
        """One program for each width: a batch has as many rows as memory allows."""
        output = np.empty((len(x), *self._output), np.float32)
        parts = batches.alike(self._network, x, _RAGGED_PREDICTION_BATCH, _MOST_IDS)
        for rows, width, size in parts:
            batch = batches.inputs(self._network, x, rows, width)
            short = np.zeros((size - len(rows), *batch.shape[1:]), batch.dtype)
            full = np.concatenate([batch, short])
            output[rows] = self._compiled_batch(full).numpy()[: len(rows)]
        return output

    def _batch(self, x: Any) -> Any:
        tf, _ = start()
        typed = tf.cast(x, self._network.inputs[0].dtype)
        return self._network(typed, training=False)

    def _batches(self, parts: Any) -> Any:
        tf, _ = start()
        return tf.map_fn(self._batch, parts, fn_output_signature=tf.float32)
