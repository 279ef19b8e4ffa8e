"""An ensemble of Keras networks as a model."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.format import Meta, Samples
from rnnbench.models.base import Epoch, OnEpoch, X
from rnnbench.models.base import Model as BaseModel
from rnnbench.models.keras.model import Model as Network

_MEMBER = re.compile(r"member_\d+\.keras")


class _EpochEnd(Exception):
    """Ends `Network.fit` after one epoch."""


class Model(BaseModel):
    """See `rnnbench.models.base.Model`."""

    SUFFIX: ClassVar[str] = ".zip"

    def __init__(self, members: list[Network]) -> None:
        self._members = members

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """Networks with weights drawn from the `member_seeds`; raises ParamsError if invalid."""
        seeds = member_seeds(seed, settings.members)
        return cls([Network.build(settings, meta, one) for one in seeds])

    def rebuild(self, settings: Any, meta: Meta, seed: int) -> Self:
        """As `build`, with the compiled programs of these members."""
        seeds = member_seeds(seed, settings.members)
        pairs = zip(self._members, seeds, strict=True)
        self._members = [member.rebuild(settings, meta, one) for member, one in pairs]
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`, in Keras's safe mode; raises DataError if it is damaged.

        The project files that its layers come from are next to it, and run.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in path.parent.glob("*.py"):
                shutil.copy(file, folder)
            try:
                with zipfile.ZipFile(path) as archive:
                    # A model must not bring code of its own.
                    names = list(filter(_MEMBER.fullmatch, archive.namelist()))
                    files = [archive.extract(member, folder) for member in names]
            # Damage causes errors of many types.
            except Exception as error:
                raise DataError(f"{path}: not a readable model ({error}); run dvc repro") from error
            if not files:
                raise DataError(f"{path}: an ensemble without members; run dvc repro")
            try:
                return cls([Network.load(Path(file)) for file in files])
            except DataError as error:
                raise DataError(str(error).replace(name, f"{path}")) from error

    def save(self, path: Path) -> None:
        """Write a .zip file of all networks; equal weights give equal bytes."""
        with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(path, "w") as archive:
            for number, member in enumerate(self._members):
                file = Path(name) / f"member_{number}.keras"
                member.save(file)
                # The date of a new ZipInfo is always 1980-01-01.
                with file.open("rb") as source, archive.open(zipfile.ZipInfo(file.name), "w") as to:
                    shutil.copyfileobj(source, to)

    @property
    def parameters(self) -> int:
        """The number of trainable parameters of all networks."""
        return sum(member.parameters for member in self._members)

    def summary(self) -> str:
        """The number of networks, and Keras's table of one."""
        return f"the mean of {len(self._members)} networks\n{self._members[0].summary()}"

    def fit(
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Train each network for an epoch, then each for the next one.

        Loss and accuracy of an epoch are means over the networks. Raises TrainingError if Keras
        fails.
        """
        seeds = member_seeds(seed, settings.members)
        for number in range(done, settings.epochs):
            epochs = [
                _one_epoch(member, settings, one, train, unseen, number)
                for member, one in zip(self._members, seeds, strict=True)
            ]
            loss = float(np.mean([epoch.loss for epoch in epochs]))
            accuracy = float(np.mean([epoch.accuracy for epoch in epochs]))
            on_epoch(Epoch(number + 1, loss, accuracy, _mean([e.prediction for e in epochs])))

    def predict(self, x: X) -> NDArray[np.float32]:
        """The mean prediction for n samples, shape (n, ...); raises TrainingError."""
        return _mean([member.predict(x) for member in self._members])

    def state(self) -> dict[str, NDArray[Any]]:
        """The states of all networks."""
        members = enumerate(self._members)
        return {f"{n}_{key}": a for n, member in members for key, a in member.state().items()}

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a `state`; raises LookupError or ValueError if it is not one."""
        for number, member in enumerate(self._members):
            prefix = f"{number}_"
            own = {k.removeprefix(prefix): a for k, a in state.items() if k.startswith(prefix)}
            member.restore(settings, own)


def member_seeds(seed: int, members: int) -> list[int]:
    """A seed for each network, the first one `seed` itself."""
    further = np.random.SeedSequence(seed).generate_state(members - 1)
    return [seed, *further.tolist()]


def _one_epoch(
    member: Network, settings: Any, seed: int, train: Samples, unseen: X, done: int
) -> Epoch:
    ended: list[Epoch] = []

    def stop(epoch: Epoch) -> None:
        ended.append(epoch)
        raise _EpochEnd

    with contextlib.suppress(_EpochEnd):
        member.fit(settings, seed, train, unseen, stop, done)
    return ended[0]


def _mean(predictions: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = np.mean(predictions, axis=0, dtype=np.float32)
    return mean
