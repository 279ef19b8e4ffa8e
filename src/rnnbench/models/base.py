"""The protocol of every model family, and the settings that all variants share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.prepared import Meta, Samples
from rnnbench.settings import Settings


class Published(Settings):
    """The figure that a tutorial prints for this variant, and where it stands."""

    accuracy: float = Field(ge=0, le=1)
    source: str


class VariantSettings(Settings):
    """The part of a variant that does not depend on its family."""

    dataset: str
    model: str = "keras"
    replicates: int | None = Field(default=None, ge=1)
    published: Published | None = None


@dataclass(frozen=True)
class Epoch:
    """What one epoch measured: its number, from 1, and its metrics by their MLflow names."""

    number: int
    metrics: dict[str, float]


class Model(Protocol):
    """One trainable model. `settings` is the family's own Settings."""

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """An untrained model with weights drawn from `seed`; raises ParamsError if impossible."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises DataError if it is damaged."""

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
        evaluation: Samples,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Train; `evaluation` is only looked at, never learned from.

        Raises TrainingError if the loss stops being a number.
        """

    def predict(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """For two classes: probabilities of the positive class, shape (n,)."""
