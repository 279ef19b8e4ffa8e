"""A Keras network as a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import TrainingError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import Epoch
from rnnbench.models.keras import archive, network
from rnnbench.models.keras.runtime import keras_errors
from rnnbench.models.keras.training import Predictor, Trainer


class Model:
    """See `rnnbench.models.base.Model`."""

    SUFFIX: ClassVar[str] = ".keras"

    def __init__(self, net: Any, meta: Meta | None = None) -> None:
        self._network, self._meta = net, meta
        self._trainer: Trainer | None = None
        self._predictor = Predictor(net)

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """A network with weights drawn from `seed`; raises ParamsError if it is invalid."""
        return cls(network.build(settings.layers, meta, seed, settings.output_layer), meta)

    def restart(self, settings: Any, seed: int) -> None:
        """Reset weights and random states to those that `build` draws from `seed`.

        The compiled programs are reused; each replicate's would occupy another 25 MB.
        """
        meta = self._dataset()
        fresh = network.build(settings.layers, meta, seed, settings.output_layer)
        with keras_errors(TrainingError):
            for variable, drawn in zip(self._network.variables, fresh.variables, strict=True):
                variable.assign(drawn)
            if self._trainer is not None:
                self._trainer.restart()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`, for prediction only; raises DataError if it is damaged."""
        return cls(archive.load(path))

    def save(self, path: Path) -> None:
        """Write a .keras file; equal weights give equal bytes."""
        archive.save(self._network, path)

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""
        return sum(math.prod(w.shape) for w in self._network.trainable_variables)

    def summary(self) -> str:
        """Keras's own table of layers, shapes and parameters."""
        lines: list[str] = []
        self._network.summary(print_fn=lambda line, **_: lines.append(line))
        return "\n".join(lines)

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

        Raises TrainingError if Keras fails, and ValueError for a loaded model, which has no
        dataset description.
        """
        trainer = self._trainer_for(settings)
        for number in range(done + 1, settings.epochs + 1):
            rng = np.random.default_rng([seed, number])
            with keras_errors(TrainingError):
                loss, accuracy = trainer.epoch(train.x, train.y, rng)
                if number == settings.epochs:
                    trainer.finish()
            prediction = self.predict(evaluation)
            on_epoch(Epoch(number, loss, accuracy, prediction))

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """Predictions for n samples, shape (n, ...); raises TrainingError if Keras fails."""
        with keras_errors(TrainingError):
            return self._predictor(x)

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, random states and the optimizer's variables, by their position."""
        trained = self._trainer.variables if self._trainer is not None else []
        variables = [*self._network.variables, *trained]
        return {str(number): variable.value.numpy() for number, variable in enumerate(variables)}

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a `state`; raises LookupError or ValueError if it is not one."""
        variables = [*self._network.variables, *self._trainer_for(settings).variables]
        for number, variable in enumerate(variables):
            variable.assign(state[str(number)])

    def _trainer_for(self, settings: Any) -> Trainer:
        if self._trainer is None:
            optimizer = network.optimizer(settings.optimizer)
            meta = self._dataset()
            with keras_errors(TrainingError):
                self._trainer = Trainer(self._network, optimizer, settings.batch_size, meta)
        return self._trainer

    def _dataset(self) -> Meta:
        if self._meta is None:
            raise ValueError("a loaded model cannot be trained; build a new one")
        return self._meta
