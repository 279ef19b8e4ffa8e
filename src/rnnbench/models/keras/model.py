"""A Keras network as one of the benchmark's models."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import TrainingError
from rnnbench.models.base import Epoch
from rnnbench.models.keras import archive, network
from rnnbench.models.keras.training import Predictor, Trainer
from rnnbench.prepared import Meta, Samples


class Model:
    """See `rnnbench.models.base.Model`."""

    def __init__(self, net: Any) -> None:
        self._network = net
        self.predict: Callable[[NDArray[Any]], NDArray[np.float32]] = Predictor(net)

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """A network with weights drawn from `seed`; raises ParamsError if Keras refuses it."""
        return cls(network.build(settings.layers, meta, seed))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises DataError if it is damaged."""
        return cls(archive.load(path))

    def save(self, path: Path) -> None:
        """Write a .keras file; the same weights give the same bytes."""
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
        evaluation: Samples,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Train for settings.epochs epochs; epoch e meets the samples in an order of (seed, e).

        Raises TrainingError if the loss stops being a number.
        """
        optimizer = network.optimizer(settings.optimizer)
        trainer = Trainer(self._network, optimizer, settings.batch_size)
        for number in range(1, settings.epochs + 1):
            order = np.random.default_rng([seed, number]).permutation(len(train))
            seen = trainer.epoch(train.x, train.y, order)
            if number == settings.epochs:
                trainer.finish()
            new = trainer.score(self.predict(evaluation.x), evaluation.y)
            # The last step of an epoch can ruin the weights after its losses were finite.
            for loss in (seen.loss, new.loss):
                if not math.isfinite(loss):
                    raise TrainingError(f"the loss became {loss} in epoch {number}")
            on_epoch(
                Epoch(
                    number,
                    {
                        "loss": seen.loss,
                        "accuracy": seen.accuracy,
                        "val_loss": new.loss,
                        "val_accuracy": new.accuracy,
                    },
                )
            )
