"""Class frequencies, or the mean, of the training targets as a model."""

# ruff: noqa: ARG002, ARG003 - without seeds and epochs, some arguments are not used.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta, Samples
from rnnbench.data.scoring import prior
from rnnbench.models.base import ArrayModel, Epoch, OnEpoch, X


class Model(ArrayModel):
    """See `rnnbench.models.base.Model`.

    The prediction for every sample is the frequency of each class in the training targets (for
    "binary", of class 1; for "steps", over all steps), or the mean of the numbers.
    """

    def __init__(self, meta: Meta, numbers: NDArray[np.float32], steps: int) -> None:
        self._meta, self._numbers, self._steps = meta, numbers, steps

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """A model that predicts 0; every dataset is suitable."""
        return cls(meta, np.zeros(_shape(meta), np.float32), 0)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model of its `arrays`; raises an exception of any type if they are not valid."""
        meta = Meta.model_validate_json(arrays["meta"].item())
        numbers = arrays["numbers"]
        if numbers.dtype != np.float32 or numbers.shape != _shape(meta):
            raise ValueError("numbers that do not match the target")
        return cls(meta, numbers, int(arrays["steps"]))

    def arrays(self) -> dict[str, Any]:
        """The predicted numbers, and the shape and meaning of a prediction."""
        meta = self._meta.model_dump_json()
        return {"meta": meta, "numbers": self._numbers, "steps": self._steps}

    @property
    def parameters(self) -> int:
        """One number, or one per class."""
        return self._numbers.size

    def summary(self) -> str:
        """The predicted numbers."""
        return f"constant: {np.array2string(self._numbers, precision=4, threshold=20)}"

    def fit(
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Count or average the targets; x is not used."""
        self._numbers = prior(self._meta, train.y)
        self._steps = train.y.shape[1] if self._meta.target == "steps" else 0
        seen, prediction = self.predict(train.x), self.predict(unseen)
        on_epoch(Epoch.scored(1, self._meta, seen, train.y, prediction))

    def predict(self, x: X) -> NDArray[np.float32]:
        """The same prediction n times, shape (n, ...) as in `rnnbench.data.scoring`."""
        steps = (self._steps,) if self._meta.target == "steps" else ()
        return np.broadcast_to(self._numbers, (len(x), *steps, *self._numbers.shape)).copy()


def _shape(meta: Meta) -> tuple[int, ...]:
    return () if meta.target in ("binary", "number") else (len(meta.classes),)
