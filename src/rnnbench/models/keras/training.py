"""Training and prediction as XLA programs.

Keras's ``fit`` returns to Python after every batch, which for a network of 8 units takes as long
as the arithmetic. Here one compiled call runs all batches of an epoch. Layers, loss, gradients and
optimizer are Keras's, and the caller determines the order of the samples. Ragged samples need one
compiled call per batch, which takes long enough for the overhead not to matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta
from rnnbench.data.ragged import Ragged
from rnnbench.models.keras import batches
from rnnbench.models.keras.runtime import load_backend

# The number of ids of whole texts in one forward pass. Back-propagation stores the states of all
# steps, about 10 KiB per id in a bidirectional LSTM of 64 units. A larger batch is split into
# pieces, whose gradients are added.
_MAX_IDS = 2**15
_PREDICTION_BATCH = 250
# Whole texts are longer, and lengths differ less in a small batch.
_RAGGED_PREDICTION_BATCH = 64
# Divides a gradient of zeros.
_TINY = 1e-12


class Trainer:
    """Trains one network, with the loss for the target of one dataset.

    adversarial_epsilon: see `rnnbench.models.keras.Settings`.
    """

    def __init__(
        self,
        network: Any,
        optimizer: Any,
        batch_size: int,
        meta: Meta,
        adversarial_epsilon: float = 0.0,
    ) -> None:
        self._network, self.optimizer = network, optimizer
        self._batch_size, self._meta = batch_size, meta
        self._adversarial_epsilon = adversarial_epsilon
        masks = any(getattr(layer, "mask_zero", False) for layer in network.layers)
        self._masks = masks and meta.encoding == "index"
        # Slot variables must exist before the first compiled call.
        optimizer.build(network.trainable_variables)
        self._compiled_batches = _compiled(self._batches)
        self._compiled_step = _compiled(self._step)
        self._compiled_gradients = _compiled(self._gradients)
        self._compiled_apply = _compiled(self._apply)

    def epoch(
        self, x: NDArray[Any] | Ragged, y: NDArray[Any], rng: np.random.Generator
    ) -> tuple[float, float]:
        """One pass over all samples in random order, without those that a mask leaves empty.

        Returns mean loss and accuracy; each sample is scored before the update of its batch.
        x, y: as in `rnnbench.data.format.Samples`.
        """
        order = rng.permutation(len(y))
        if self._masks:
            order = order[_has_ids(x)[order]]
        if not len(order):
            return math.nan, math.nan
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
        loss, accuracy = sums / len(order)
        return float(loss), float(accuracy)

    def restart(self, fresh: Any) -> None:
        """Give the optimizer the variables of a new one, which can have another learning rate."""
        fresh.build(self._network.trainable_variables)
        for variable, initial in zip(self.optimizer.variables, fresh.variables, strict=True):
            variable.assign(initial)

    def finish(self) -> None:
        """Replace the weights by their moving averages, if the optimizer has ``use_ema``."""
        self.optimizer.finalize_variable_values(self._network.trainable_variables)

    def _ragged_batches(
        self, x: Ragged, order: NDArray[np.int64], rng: np.random.Generator
    ) -> Iterable[tuple[NDArray[np.int64], int]]:
        """Batches as (rows, width)."""
        if self._meta.encoding == "multi_hot":
            ends = range(self._batch_size, len(order), self._batch_size)
            return ((rows, 0) for rows in np.split(order, ends))
        return batches.training_batches(x, order, self._batch_size, rng)

    def _batches(self, x: Any, y: Any, order: Any) -> Any:
        """`_step` for the samples of each row of `order`, shape (batches, size), int32."""
        tf, _ = load_backend()

        def body(index: Any, sums: Any) -> Any:
            rows = order[index]
            return index + 1, sums + self._step(tf.gather(x, rows), tf.gather(y, rows))

        count = order.shape[0]
        return tf.while_loop(lambda index, _: index < count, body, (0, tf.zeros(2)))[1]

    def _step(self, x: Any, y: Any) -> Any:
        """Train on a batch; the sums of losses and correct predictions, shape (2,), float32."""
        gradients, sums = self._gradients(x, y, 1 / x.shape[0])
        self._apply(gradients)
        return sums

    def _ragged_step(self, x: NDArray[Any], y: NDArray[Any]) -> Any:
        """`_step` for padded samples, shape (n, width), in pieces of at most `_MAX_IDS` ids."""
        tf, _ = load_backend()
        pieces = math.ceil(x.size / _MAX_IDS) if self._meta.encoding == "index" else 1
        count = min(pieces, len(x))
        if count == 1:
            return self._compiled_step(x, y)
        parts = zip(np.array_split(x, count), np.array_split(y, count), strict=True)
        share = tf.constant(1 / len(x), tf.float32)
        results = [self._compiled_gradients(part, target, share) for part, target in parts]
        gradients, sums = zip(*results, strict=True)
        self._compiled_apply([_sum(list(pieces)) for pieces in zip(*gradients, strict=True)])
        return tf.add_n(list(sums))

    def _gradients(self, x: Any, y: Any, share: Any) -> tuple[list[Any], Any]:
        """Gradients of `share` times the sum of losses, and the sums as in `_step`.

        With `adversarial_epsilon`, those where the first weights of the network are moved by so
        much along their gradient are added, as if the batch had twice the samples (Miyato et al.
        (2017), arXiv:1605.07725, section 3, which moves the word vectors of each text by itself).
        Dropout draws again, and the pieces of a large batch are moved one by one.
        """
        gradients, sums = self._backward(x, y, share)
        if not self._adversarial_epsilon:
            return gradients, sums
        tf, _ = load_backend()
        first = self._network.trainable_variables[0]
        weights = tf.convert_to_tensor(first)
        # That of an Embedding is sparse, with repeated ids.
        uphill = tf.convert_to_tensor(gradients[0])
        length = tf.maximum(tf.norm(uphill), _TINY)
        first.assign_add(self._adversarial_epsilon * uphill / length)
        further, _ = self._backward(x, y, share)
        first.assign(weights)
        return [_sum([*both]) for both in zip(gradients, further, strict=True)], sums

    def _backward(self, x: Any, y: Any, share: Any) -> tuple[list[Any], Any]:
        tf, _ = load_backend()
        with tf.GradientTape() as tape:
            typed = tf.cast(x, self._network.inputs[0].dtype)
            output = self._network(typed, training=True)
            losses, correct = self._scores(y, output)
            mean = tf.reduce_sum(losses) * share
            penalty = sum(self._network.losses) * share * x.shape[0]
            objective = self.optimizer.scale_loss(mean + penalty)
        gradients = tape.gradient(objective, self._network.trainable_variables)
        return gradients, tf.stack([tf.reduce_sum(losses), tf.reduce_sum(correct)])

    def _apply(self, gradients: list[Any]) -> None:
        self.optimizer.apply(gradients, self._network.trainable_variables)

    def _scores(self, y: Any, output: Any) -> tuple[Any, Any]:
        """Losses and correct predictions as in `rnnbench.data.scoring`, shape (n,), float32."""
        tf, keras = load_backend()
        if self._meta.target in ("classes", "steps"):
            losses = keras.losses.sparse_categorical_crossentropy(y, output)
            correct = tf.cast(tf.argmax(output, -1) == tf.cast(y, tf.int64), tf.float32)
            if self._meta.target == "steps":
                return tf.reduce_mean(losses, -1), tf.reduce_mean(correct, -1)
            return losses, correct
        target = tf.cast(y, tf.float32)
        if self._meta.target == "number":
            error = output[:, 0] - target
            return error**2, tf.cast(tf.abs(error) <= self._meta.tolerance, tf.float32)
        losses = keras.losses.binary_crossentropy(target[:, None], output)
        return losses, tf.cast((output[:, 0] > 0.5) == (target > 0.5), tf.float32)


class Predictor:
    """Runs one network forward over any number of samples."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._compiled_batches = _compiled(self._batches)
        self._compiled_batch = _compiled(self._batch)

    def __call__(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """Predictions for n samples, shape (n, ...) as in `rnnbench.data.scoring`."""
        if isinstance(x, Ragged):
            output = self._ragged(x)
        else:
            missing = -len(x) % _PREDICTION_BATCH
            padded = np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)])
            parts = padded.reshape(-1, _PREDICTION_BATCH, *x.shape[1:])
            output = self._compiled_batches(parts).numpy().reshape(-1, *self._shape)[: len(x)]
        return output[:, 0] if self._shape == (1,) else output

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self._network.output_shape[1:])

    def _ragged(self, x: Ragged) -> NDArray[np.float32]:
        output = np.empty((len(x), *self._shape), np.float32)
        parts = batches.prediction_batches(self._network, x, _RAGGED_PREDICTION_BATCH, _MAX_IDS)
        for rows, width, size in parts:
            batch = batches.inputs(self._network, x, rows, width)
            missing = np.zeros((size - len(rows), *batch.shape[1:]), batch.dtype)
            full = np.concatenate([batch, missing])
            output[rows] = self._compiled_batch(full).numpy()[: len(rows)]
        return output

    def _batch(self, x: Any) -> Any:
        tf, _ = load_backend()
        typed = tf.cast(x, self._network.inputs[0].dtype)
        return self._network(typed, training=False)

    def _batches(self, parts: Any) -> Any:
        tf, _ = load_backend()
        return tf.map_fn(self._batch, parts, fn_output_signature=tf.float32)


def _has_ids(x: NDArray[Any] | Ragged) -> NDArray[np.bool_]:
    """Whether a sample has any id but 0, shape (n,): the mean over no step is NaN."""
    return np.asarray(x.lengths > 0 if isinstance(x, Ragged) else x.any(axis=1))


def _compiled(function: Callable[..., Any]) -> Any:
    """The function as one XLA program per combination of argument shapes."""
    tf, _ = load_backend()
    # Autograph, which converts Python loops, would take a second per training; there are none.
    return tf.function(function, jit_compile=True, autograph=False)


def _sum(gradients: list[Any]) -> Any:
    """The sum of one variable's gradients; sparse ones are concatenated, as in a whole batch.

    Optimizers such as Adam process repeated ids one by one, so adding them up is not equivalent.
    """
    tf, _ = load_backend()
    if not isinstance(gradients[0], tf.IndexedSlices):
        return tf.add_n(gradients)
    values = tf.concat([g.values for g in gradients], 0)
    indices = tf.concat([g.indices for g in gradients], 0)
    return tf.IndexedSlices(values, indices, gradients[0].dense_shape)
