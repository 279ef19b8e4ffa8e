"""The NumPy network as a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import ArrayModel, Epoch, OnEpoch, X, require
from rnnbench.models.numpy_rnn.network import Weights, forward, gradients

# Larger batches are not faster, and need more memory.
_PREDICTION_BATCH = 512


class Model(ArrayModel):
    """See `rnnbench.models.base.Model`."""

    def __init__(self, weights: Weights, meta: Meta | None = None) -> None:
        self._weights, self._meta = weights, meta

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """Float32 weights drawn from `seed`; raises ParamsError if the dataset is unsuitable."""
        fixed = len(meta.shape) == 1 and meta.shape[0] is not None
        cannot = "numpy_rnn cannot"
        require(
            (meta.target == "binary", f"{cannot} predict {meta.target!r} targets", "binary"),
            (
                meta.encoding in ("one_hot", "index"),
                f"{cannot} read samples encoded as {meta.encoding!r}",
                "one_hot, index",
            ),
            (
                fixed,
                f"{cannot} read samples of shape {meta.shape}",
                "sequences of one fixed length",
            ),
        )
        return cls(Weights.draw(meta.vocabulary_size, settings.units, seed), meta)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A model for prediction; raises LookupError or ValueError if the arrays are not valid."""
        return cls(_checked(arrays))

    def arrays(self) -> dict[str, Any]:
        """The arrays of `Weights`."""
        return self._weights.arrays()

    @property
    def parameters(self) -> int:
        """The number of trained parameters: vocabulary_size * units + units^2 + 2 * units + 1."""
        return sum(array.size for array in self.arrays().values())

    def summary(self) -> str:
        """The arrays with their shapes and numbers of parameters."""
        lines = ["h = tanh(input[id] + h recurrent + bias), p = sigmoid(h output + output_bias)"]
        for name, array in self.arrays().items():
            lines.append(f"{name:<12} {array.shape!s:<12} {array.size:>12,}")
        return "\n".join([*lines, f"{'total':<25} {self.parameters:>12,}"])

    def fit(
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Train until epoch settings.epochs; (seed, e) decides the order of samples in epoch e.

        Plain gradient descent on the mean log loss of each batch; the last one may be smaller.
        """
        assert self._meta is not None, "a loaded model cannot be trained"
        x, y = _ids(train.x), train.y
        probabilities = np.empty(len(train), np.float32)
        # `on_epoch` detects divergence by the loss.
        with np.errstate(over="ignore", invalid="ignore"):
            for number in range(done + 1, settings.epochs + 1):
                order = np.random.default_rng([seed, number]).permutation(len(train))
                for first in range(0, len(order), settings.batch_size):
                    rows = order[first : first + settings.batch_size]
                    probabilities[rows] = self._step(settings, x[rows], y[rows])
                prediction = self.predict(unseen)
                on_epoch(Epoch.scored(number, self._meta, probabilities, y, prediction))

    def _step(self, settings: Any, ids: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Train on one batch; the probabilities, shape (n,), are those before the update."""
        states, probability = forward(self._weights, ids)
        found = gradients(
            self._weights, ids, states, probability, y, settings.window, settings.transpose
        )
        self._weights.descend(found, settings.learning_rate)
        return probability

    def predict(self, x: X) -> NDArray[np.float32]:
        """The probability of class 1 for ids of shape (n, length), shape (n,)."""
        ids = _ids(x)
        result = np.empty(len(ids), np.float32)
        for first in range(0, len(ids), _PREDICTION_BATCH):
            batch = slice(first, first + _PREDICTION_BATCH)
            result[batch] = forward(self._weights, ids[batch])[1]
        return result

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights; plain gradient descent has no state of its own."""
        return self.arrays()

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Resume from a `state`; raises LookupError or ValueError if it is not one."""
        self._weights = _checked(state)


def _ids(x: X) -> NDArray[Any]:
    if isinstance(x, Ragged):
        raise DataError("numpy_rnn needs samples of one length, so a dataset with a length")
    return x


def _checked(arrays: Mapping[str, NDArray[Any]]) -> Weights:
    """Weights from named arrays; raises LookupError or ValueError unless they are valid."""
    weights = Weights(**{name: arrays[name] for name in Weights.__dataclass_fields__})
    vocabulary_size, units = weights.input.shape
    shapes = (vocabulary_size, units), (units, units), (units,), (units,), (1,)
    for (name, array), shape in zip(weights.arrays().items(), shapes, strict=True):
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
    return weights
