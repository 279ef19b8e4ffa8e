"""The protocol of all model families, and the settings that all variants have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.schema import Schema
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.data.scoring import correct, losses

MAX_REPLICATES = 1000


class VariantSettings(Schema):
    """The settings of a variant that all families have.

    dataset: its key in params.yaml.
    model: the model family, one of `rnnbench.models.NAMES`.
    replicates: the number of trainings with different seeds; by default, that of `run`.
    """

    dataset: str
    model: str
    replicates: int | None = Field(default=None, ge=1, le=MAX_REPLICATES)


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch.

    number: counted from 1.
    loss, accuracy: means over the training samples, each scored before its batch's update.
    prediction: for the evaluation samples, at the end of the epoch, shape (n, ...).
    """

    number: int
    loss: float
    accuracy: float
    prediction: NDArray[np.float32]


def single_epoch(
    meta: Meta, seen: NDArray[np.float32], y: NDArray[Any], prediction: NDArray[np.float32]
) -> Epoch:
    """The epoch of a method without epochs.

    seen, y: predictions and targets of the training samples. prediction: as in `Epoch`.
    """
    loss, accuracy = losses(meta, seen, y).mean(), correct(meta, seen, y).mean()
    return Epoch(1, float(loss), float(accuracy), prediction)


# What `describe` returns, and its keys with the values of a model that is no network.
Architecture = dict[str, str | int | float | bool]
NO_NETWORK: Architecture = {
    "cell": "none",
    "units": 0,
    "recurrent_layers": 0,
    "bidirectional": False,
    "layers": "none",
    "optimizer": "none",
    "learning_rate": "none",
    "epochs": 1,
    "batch_size": 0,
}


class Model(Protocol):
    """One trainable model. `settings` is an instance of the family's Settings.

    SUFFIX: the extension of its files.
    """

    SUFFIX: ClassVar[str]

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """An untrained model with weights drawn from `seed`; raises ParamsError if invalid."""

    def restart(self, settings: Any, seed: int) -> None:
        """Reset a built model to what `build` returns for `seed`; compiled code may be reused."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`, never a pickle; raises DataError if it is missing or damaged."""

    def save(self, path: Path) -> None:
        """Write the model; equal weights give equal bytes."""

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""

    def summary(self) -> str:
        """A description of the layers and parameters, as text."""

    def fit(
        self,
        settings: Any,
        seed: int,
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Train, and call `on_epoch` after each epoch.

        evaluation: the x of the evaluation samples, which are only predicted.
        Methods without epochs report a single one. `on_epoch` raises DivergedError if a loss is
        not finite.
        """

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """Predictions for n samples, shape (n, ...) as in `rnnbench.data.scoring`."""


@runtime_checkable
class Resumable(Model, Protocol):
    """A `Model` with epochs that can resume training after any of them."""

    def state(self) -> dict[str, NDArray[Any]]:
        """All that later epochs depend on, as named arrays."""

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from the `state` of a model with the same settings.

        Raises LookupError, TypeError or ValueError if it is not one.
        """

    def fit(
        self,
        settings: Any,
        seed: int,
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
        done: int = 0,
    ) -> None:
        """As `Model.fit`, without the first `done` epochs."""
