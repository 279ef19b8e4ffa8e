"""The NumPy network as one of the benchmark's models."""

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
from rnnbench.models.numpy_rnn.network import Weights, beginnings, forward, gradients

# More samples at once only need more memory.
_PREDICTED_AT_ONCE = 512

_NAMES = tuple(Weights.__dataclass_fields__)


class Model:
    """See `rnnbench.models.base.Model`. BLAS gets one thread, so that sums keep their order."""

    SUFFIX: ClassVar[str] = ".npz"

    def __init__(self, weights: Weights, meta: Meta | None = None) -> None:
        self._weights, self._meta = weights, meta

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """Float32 weights drawn from `seed`; raises ParamsError if the dataset does not suit."""
        if mistakes := _unsuitable(meta):
            raise ParamsError("params.yaml", mistakes)
        with threadpool_limits(1):
            return cls(Weights.draw(meta.vocabulary_size, settings.units, seed), meta)

    def restart(self, settings: Any, seed: int) -> None:
        """Draw new weights from `seed`."""
        with threadpool_limits(1):
            self._weights = Weights.draw(len(self._weights.input), settings.units, seed)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, never a pickle; raises DataError if it is damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                weights = Weights(**{name: archive[name] for name in _NAMES})
            _check(weights)
        # NumPy lets the errors of zipfile and zlib through as they come.
        except Exception as error:
            raise DataError(f"{path}: not a readable model ({error}); run dvc repro") from error
        return cls(weights)

    def save(self, path: Path) -> None:
        """Write a .npz file of the arrays of `Weights`; the same weights give the same bytes."""
        arrays: dict[str, Any] = self._weights.arrays()
        # Given a path, NumPy would add .npz to one that ends otherwise.
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @property
    def parameters(self) -> int:
        """The number of trained parameters: vocabulary_size * units + units^2 + 2 * units + 1."""
        return sum(array.size for array in self._weights.arrays().values())

    def summary(self) -> str:
        """The arrays with their shapes and parameters."""
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
        """Train until epoch settings.epochs; epoch e meets the samples in an order of (seed, e).

        Plain gradient descent on the mean log loss of each batch, the short last one included.
        Raises ValueError for a model that was loaded, which no longer knows its dataset.
        """
        if self._meta is None:
            raise ValueError("a loaded model predicts; only a built one trains")
        x, y = _ids(train.x), train.y
        size, length = min(settings.batch_size, len(train)), x.shape[1]
        recurrent = self._weights.recurrent
        buffer = np.empty((length + 1, size + 1, len(recurrent)), recurrent.dtype)
        begins = beginnings(x)
        met = np.empty(len(train), np.float32)
        # A training that diverges shows in its loss, which `on_epoch` judges.
        with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
            for number in range(done + 1, settings.epochs + 1):
                order = np.random.default_rng([seed, number]).permutation(len(train))
                for first in range(0, len(order), settings.batch_size):
                    rows = order[first : first + settings.batch_size]
                    rows = rows[np.argsort(begins[rows], kind="stable")]
                    ids, labels = x[rows], y[rows]
                    states, chance = forward(self._weights, ids, settings.window, buffer)
                    met[rows] = chance
                    slopes = gradients(self._weights, ids, states, chance, labels)
                    self._weights.descend(slopes, settings.learning_rate)
                loss = float(losses(self._meta, met, y).mean())
                accuracy = float(correct(self._meta, met, y).mean())
                on_epoch(Epoch(number, loss, accuracy, self.predict(evaluation)))

    def state(self) -> dict[str, NDArray[Any]]:
        """The weights; plain gradient descent gathers nothing."""
        return self._weights.arrays()

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Go on from a `state`."""
        self._weights = Weights(**{name: state[name] for name in _NAMES})

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """The probability of class 1 for ids of shape (n, length), shape (n,)."""
        ids = _ids(x)
        result = np.empty(len(ids), np.float32)
        order = np.argsort(beginnings(ids), kind="stable")
        with threadpool_limits(1):
            for first in range(0, len(ids), _PREDICTED_AT_ONCE):
                rows = order[first : first + _PREDICTED_AT_ONCE]
                result[rows] = forward(self._weights, ids[rows])[1]
        return result


def _unsuitable(meta: Meta) -> list[ErrorDetail]:
    """What keeps a dataset from being word ids of one length with two classes."""
    found = []
    if meta.target != "binary":
        found.append(
            ErrorDetail("model", f"numpy_rnn cannot learn {meta.target!r} targets", "binary")
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


def _check(weights: Weights) -> None:
    """Raise ValueError for arrays that no model of this family has."""
    for name, shape in weights.shapes().items():
        array = weights.arrays()[name]
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
