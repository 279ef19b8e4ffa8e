"""The base classes of all model families: the settings of their variants, and their models."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.schema import Schema
from rnnbench.core.validation import ErrorDetail
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.data.roles import OTHER, RECURRENT
from rnnbench.data.scoring import correct, losses

MAX_REPLICATES = 1000

# An architecture as flat scalars, and its keys with the values of a model that is no network.
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


class VariantSettings(Schema):
    """The settings of a variant that all families have.

    dataset: its key in params.yaml.
    model: the model family, one of `rnnbench.models.NAMES`.
    replicates: the number of trainings with different seeds; by default, that of `run`.
    """

    dataset: str
    model: str
    replicates: int | None = Field(default=None, ge=1, le=MAX_REPLICATES)

    @property
    @abstractmethod
    def architecture(self) -> Architecture:
        """At least the keys of `NO_NETWORK`."""

    @property
    def code(self) -> tuple[str, ...]:
        """The files of the project that it loads code from, relative to params.yaml."""
        return ()

    @property
    def program(self) -> str:
        """What `Model.rebuild` cannot change: equal for variants that can share a model."""
        return self.model_dump_json(exclude={"replicates"})

    def requirements(self, folder: Path) -> tuple[str, ...]:  # noqa: ARG002
        """``DISTRIBUTION==VERSION`` of what its models need besides the libraries of this package.

        folder: that of its models, which has copies of the files `code`.
        """
        return ()

    @property
    def role(self) -> str:
        """One of `rnnbench.data.roles`; this is the role of a network."""
        return OTHER if self.architecture["cell"] == "none" else RECURRENT

    def check(self, key: str, meta: Meta | None) -> list[ErrorDetail]:
        """The errors beyond the types, of a variant at `key`; can import TensorFlow.

        meta: that of its dataset as far as params.yaml determines it, or None.
        """
        if meta is None:
            return []
        model = import_module(f"rnnbench.models.{self.model}.model").Model
        found: list[ErrorDetail] = []
        # How many classes there are is often not known before the data are read.
        several = {"target": "classes", "classes": ("", "", "")}
        others = [meta.model_copy(update=several)] if meta.target == "binary" else []
        for possible in (meta, *others):
            try:
                model.build(self, possible, 0)
            except ParamsError as error:
                found = found or list(error.under(key).errors)
            else:
                return []
        return found


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch; a method without epochs has a single one.

    number: counted from 1.
    loss, accuracy: means over the training samples, each scored before its batch's update.
    prediction: for the samples `unseen` of `Model.fit`, at the end of the epoch, shape (n, ...).
    """

    number: int
    loss: float
    accuracy: float
    prediction: NDArray[np.float32]

    @classmethod
    def scored(
        cls, number: int, meta: Meta, seen: NDArray[Any], y: NDArray[Any], prediction: NDArray[Any]
    ) -> Epoch:
        """An epoch with the predictions `seen` and the targets `y` of the training samples."""
        loss, accuracy = losses(meta, seen, y).mean(), correct(meta, seen, y).mean()
        return cls(number, float(loss), float(accuracy), prediction)


# The x of n samples, shape (n, ...), as in `rnnbench.data.format.Samples`.
X = NDArray[Any] | Ragged
OnEpoch = Callable[[Epoch], None]


class Model(Protocol):
    """One trainable model. `settings` is an instance of the family's Settings.

    SUFFIX: the extension of its files.
    """

    SUFFIX: ClassVar[str]

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """An untrained model with weights drawn from `seed`; raises ParamsError if invalid."""

    def rebuild(self, settings: Any, meta: Meta, seed: int) -> Self:
        """As `build`; may reuse the compiled code of this model, which must not be used again.

        settings: with the same `VariantSettings.program` as those of this model.
        """
        return self.build(settings, meta, seed)

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
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Train without the first `done` epochs, and call `on_epoch` after each other epoch.

        unseen: samples that are only predicted. `on_epoch` raises DivergedError if the training
        has diverged. Only a model of `build` can be trained.
        """

    def predict(self, x: X) -> NDArray[np.float32]:
        """Predictions for n samples, shape (n, ...) as in `rnnbench.data.scoring`."""

    def state(self) -> dict[str, NDArray[Any]]:
        """All that later epochs depend on, as named arrays; none for a method without epochs."""
        return {}

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Resume from the `state` of a model with the same settings.

        Raises LookupError, TypeError or ValueError if it is not one.
        """
        raise ValueError("a method without epochs starts over")


class ArrayModel(Model, Protocol):
    """A model that is a few arrays, in an .npz file."""

    SUFFIX: ClassVar[str] = ".npz"

    def arrays(self) -> dict[str, Any]:
        """The arrays by name."""

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model of its `arrays`; raises an exception of any type if they are not valid."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`, never a pickle; raises DataError if it is missing or damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return cls.of(archive)
        # Damage causes errors of many types, of zipfile, zlib, NumPy and pydantic.
        except Exception as error:
            name = type(error).__name__
            raise DataError(f"{path}: not a readable model ({name}); run dvc repro") from error

    def save(self, path: Path) -> None:
        """Write the arrays; equal ones give equal bytes."""
        # Given a path instead of a file, NumPy may append .npz to it.
        with path.open("wb") as file:
            np.savez(file, **self.arrays())


def require(*rules: tuple[bool, str, str]) -> None:
    """Raise ParamsError unless all rules for a dataset hold: (holds, problem, allowed)."""
    errors = [ErrorDetail("model", *texts) for holds, *texts in rules if not holds]
    if errors:
        raise ParamsError("params.yaml", errors)
