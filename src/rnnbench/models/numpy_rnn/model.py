"""The NumPy network as a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.validation import ErrorDetail
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.data.scoring import correct, losses
from rnnbench.models.base import Epoch
from rnnbench.models.numpy_rnn.network import Weights, forward, gradients

# Larger batches are not faster, and need more memory.
_PREDICTION_BATCH = 512

_NAMES = tuple(Weights.__dataclass_fields__)


class Model:
    """See `rnnbench.models.base.Model`. BLAS gets one thread: the order of sums is then fixed."""

    SUFFIX: ClassVar[str] = ".npz"

    def __init__(self, weights: Weights, meta: Meta | None = None) -> None:
        self._weights, self._meta = weights, meta

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """Float32 weights drawn from `seed`; raises ParamsError if the dataset is unsuitable."""
        if errors := _unsuitable(meta):
            raise ParamsError("params.yaml", errors)
        with threadpool_limits(1):
            return cls(Weights.draw(meta.vocabulary_size, settings.units, seed), meta)

    def restart(self, settings: Any, seed: int) -> None:
        """Draw new weights from `seed`."""
        with threadpool_limits(1):
            self._weights = Weights.draw(len(self._weights.input), settings.units, seed)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`, never a pickle; raises DataError if it is missing or damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                weights = _checked(archive)
        # NumPy does not wrap the errors of zipfile and zlib.
        except Exception as error:
            raise DataError(f"{path}: not a readable model ({error}); run dvc repro") from error
        return cls(weights)

    def save(self, path: Path) -> None:
        """Write the arrays of `Weights` as an .npz file; equal weights give equal bytes."""
        arrays: dict[str, Any] = self._weights.arrays()
        # Given a path instead of a file, NumPy may append .npz to it.
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @property
    def parameters(self) -> int:
        """The number of trained parameters: vocabulary_size * units + units^2 + 2 * units + 1."""
        return sum(array.size for array in self._weights.arrays().values())

    def summary(self) -> str:
        """The arrays with their shapes and numbers of parameters."""
        lines = ["h = tanh(input[id] + h recurrent + bias), p = sigmoid(h output + output_bias)"]
        for name, array in self._weights.arrays().items():
            lines.append(f"{name:<12} {array.shape!s:<12} {array.size:>12,}")
        return "\n".join([*lines, f"{'total':<25} {self.parameters:>12,}"])

    def fit(
        self,
        settings: Any,
        seed: int,
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
        done: int = 0,
    ) -> None:
        """Train until epoch settings.epochs; (seed, e) decides the order of samples in epoch e.

        Plain gradient descent on the mean log loss of each batch; the last one may be smaller.
        Raises ValueError for a loaded model, which has no dataset description.
        """
        if self._meta is None:
            raise ValueError("a loaded model cannot be trained; build a new one")
        x, y = _ids(train.x), train.y
        probabilities = np.empty(len(train), np.float32)
        # `on_epoch` detects divergence by the loss.
        with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
            for number in range(done + 1, settings.epochs + 1):
                order = np.random.default_rng([seed, number]).permutation(len(train))
                for first in range(0, len(order), settings.batch_size):
                    rows = order[first : first + settings.batch_size]
                    probabilities[rows] = self._step(settings, x[rows], y[rows])
                loss = float(losses(self._meta, probabilities, y).mean())
                accuracy = float(correct(self._meta, probabilities, y).mean())
                on_epoch(Epoch(number, loss, accuracy, self.predict(evaluation)))

    def _step(self, settings: Any, ids: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Train on one batch; the probabilities, shape (n,), are those before the update."""
        states, probability = forward(self._weights, ids)
        found = gradients(self._weights, ids, states, probability, y, settings.window)
        self._weights.descend(found, settings.learning_rate)
        return probability

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights by name; plain gradient descent has no state."""
        return self._weights.arrays()

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Continue from a `state`; raises LookupError or ValueError if it is not one."""
        self._weights = _checked(state)

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """The probability of class 1 for ids of shape (n, length), shape (n,)."""
        ids = _ids(x)
        result = np.empty(len(ids), np.float32)
        with threadpool_limits(1):
            for first in range(0, len(ids), _PREDICTION_BATCH):
                batch = slice(first, first + _PREDICTION_BATCH)
                result[batch] = forward(self._weights, ids[batch])[1]
        return result


def _unsuitable(meta: Meta) -> list[ErrorDetail]:
    """Errors unless the dataset has word ids of one length and two classes."""
    found = []
    if meta.target != "binary":
        found.append(
            ErrorDetail("model", f"numpy_rnn cannot predict {meta.target!r} targets", "binary")
        )
    if meta.encoding not in ("one_hot", "index"):
        problem = f"numpy_rnn cannot read samples encoded as {meta.encoding!r}"
        found.append(ErrorDetail("model", problem, "one_hot, index"))
    if len(meta.shape) != 1 or meta.shape[0] is None:
        problem = f"numpy_rnn cannot read samples of shape {meta.shape}"
        found.append(ErrorDetail("model", problem, "sequences of one fixed length"))
    return found


def _ids(x: NDArray[Any] | Ragged) -> NDArray[Any]:
    if isinstance(x, Ragged):
        raise DataError("numpy_rnn needs samples of one length; run dvc repro")
    return x


def _checked(arrays: Mapping[str, NDArray[Any]]) -> Weights:
    """Weights from named arrays; raises LookupError or ValueError unless they are valid."""
    weights = Weights(**{name: arrays[name] for name in _NAMES})
    vocabulary_size, units = weights.input.shape
    shapes = (vocabulary_size, units), (units, units), (units,), (units,), (1,)
    for (name, array), shape in zip(weights.arrays().items(), shapes, strict=True):
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
    return weights
