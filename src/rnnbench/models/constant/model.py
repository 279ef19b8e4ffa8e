"""Class frequencies, or the mean, of the training targets as a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import Epoch, single_epoch
from rnnbench.models.constant import Settings


class Model:
    """See `rnnbench.models.base.Model`.

    The prediction for every sample is the frequency of each class in the training targets (for
    "binary", of class 1; for "steps", over all steps), or the mean of the numbers.
    """

    SUFFIX: ClassVar[str] = ".npz"

    def __init__(self, meta: Meta, numbers: NDArray[np.float32], steps: int) -> None:
        self._meta = meta
        self._numbers = numbers
        self._steps = steps

    @classmethod
    def build(cls, settings: Settings, meta: Meta, seed: int) -> Self:  # noqa: ARG003 - nothing drawn
        """A model that predicts 0; every dataset is suitable."""
        return cls(meta, np.zeros(_shape(meta), np.float32), 0)

    def restart(self, settings: Settings, seed: int) -> None:
        """Nothing to do: `fit` replaces everything."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`; raises DataError if it is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                meta = Meta.model_validate_json(archive["meta"].item())
                numbers, steps = archive["numbers"], int(archive["steps"])
            if numbers.dtype != np.float32 or numbers.shape != _shape(meta):
                raise ValueError("numbers that do not match the target")
        # Damage causes errors of many types, of zipfile, NumPy and pydantic.
        except Exception as error:
            raise DataError(f"{path}: not a readable model; run dvc repro") from error
        return cls(meta, numbers, steps)

    def save(self, path: Path) -> None:
        """Write an .npz file; equal numbers give equal bytes."""
        with path.open("wb") as file:
            np.savez(
                file,
                meta=np.array(self._meta.model_dump_json()),
                numbers=self._numbers,
                steps=np.array(self._steps),
            )

    @property
    def parameters(self) -> int:
        """One number, or one per class."""
        return self._numbers.size

    def summary(self) -> str:
        """The predicted numbers."""
        return f"constant: {np.array2string(self._numbers, precision=4, threshold=20)}"

    def fit(
        self,
        settings: Settings,  # noqa: ARG002 - nothing set
        seed: int,  # noqa: ARG002 - nothing drawn
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Count or average the targets; x is not used."""
        if self._meta.target in ("binary", "number"):
            self._numbers = np.asarray(train.y.mean(dtype=np.float64), np.float32)
        else:
            counts = np.bincount(train.y.ravel(), minlength=len(self._meta.classes))
            self._numbers = (counts / train.y.size).astype(np.float32)
        self._steps = train.y.shape[1] if self._meta.target == "steps" else 0

        seen = self.predict(train.x)
        on_epoch(single_epoch(self._meta, seen, train.y, self.predict(evaluation)))

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """The same prediction n times, shape (n, ...) as in `rnnbench.data.scoring`."""
        steps = (self._steps,) if self._meta.target == "steps" else ()
        return np.broadcast_to(self._numbers, (len(x), *steps, *self._numbers.shape)).copy()


def _shape(meta: Meta) -> tuple[int, ...]:
    return () if meta.target in ("binary", "number") else (len(meta.classes),)
