"""The protocol of every model family, and the settings that all variants share."""

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

# Each has a seed of its own, a model and a row of predictions.
MAX_REPLICATES = 1000


class VariantSettings(Schema):
    """The part of a variant that does not depend on its family.

    dataset: the dataset's key in params.yaml.
    model: the model family.
    replicates: how often it is trained, if not as often as `run` says.
    """

    dataset: str
    model: str
    replicates: int | None = Field(default=None, ge=1, le=MAX_REPLICATES)


@dataclass(frozen=True)
class Epoch:
    """What one epoch, counted from 1, gave.

    loss, accuracy: over the training samples, as they were met.
    prediction: of the evaluation samples, with the weights at the end of the epoch.
    """

    number: int
    loss: float
    accuracy: float
    prediction: NDArray[np.float32]


def single_epoch(
    meta: Meta, seen: NDArray[np.float32], y: NDArray[Any], prediction: NDArray[np.float32]
) -> Epoch:
    """The one epoch of a method that has none, from its predictions `seen` of training samples."""
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
    """One trainable model. `settings` is the family's own Settings.

    SUFFIX: how the names of its files end.
    """

    SUFFIX: ClassVar[str]

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """An untrained model with weights drawn from `seed`; raises ParamsError if impossible."""

    def restart(self, settings: Any, seed: int) -> None:
        """Make a built model as `build` makes it from `seed`; what it has compiled may stay."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, never a pickle; raises DataError if it is damaged."""

    def save(self, path: Path) -> None:
        """Write the model so that the same weights give the same bytes."""

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""

    def summary(self) -> str:
        """The model's parts as text for a reader."""

    def fit(
        self,
        settings: Any,
        seed: int,
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Train; the x of `evaluation` is only predicted, after each epoch.

        Methods without epochs report a single one. `on_epoch` raises DivergedError if a
        loss is no number.
        """

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """Predictions for n samples, of the shape that `rnnbench.data.scoring` tells."""


@runtime_checkable
class Resumable(Model, Protocol):
    """A `Model` that trains epoch by epoch and can go on after any of them."""

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next epochs depend on, as named arrays."""

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from the `state` of a model that was built alike."""

    def fit(
        self,
        settings: Any,
        seed: int,
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
        done: int = 0,
    ) -> None:
        """As `Model.fit`, without the first `done` epochs, after which the state was taken."""
